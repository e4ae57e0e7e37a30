//! How a program is to be started, and starting it.

use crate::{
    Finished, Program, Server,
    evidence::Identity,
    process::{self, Spawned, Spec},
    running::Running,
    session::Session,
    trace,
};
use std::{
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::Arc,
};

/// A program about to be started: `lab.program(["server"]).nofile(32).serve()`.
#[must_use = "nothing runs before `start`, `serve` or `run`"]
pub struct Launch {
    session: Arc<Session>,
    what: What,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    nofile: Option<u64>,
    lane: String,
    /// What the tracer is to do; without one, nobody traces.
    plan: Option<trace::Plan>,
    /// The fake Raspberry Pi that it is to run on.
    #[cfg(feature = "pi")]
    pub(crate) board: Option<crate::pi::Pi>,
}

enum What {
    Subject { program: PathBuf, jail: Option<PathBuf> },
    Tool(PathBuf),
}

impl Launch {
    pub(crate) fn subject(
        session: Arc<Session>,
        program: PathBuf,
        jail: Option<PathBuf>,
        args: Vec<OsString>,
    ) -> Launch {
        let role = args
            .first()
            .map(|role| format!(" {}", role.to_string_lossy()))
            .unwrap_or_default();
        let lane = format!("{}{role}", session.package);
        Launch {
            session,
            what: What::Subject { program, jail },
            args,
            env: Vec::new(),
            nofile: None,
            lane,
            plan: None,
            #[cfg(feature = "pi")]
            board: None,
        }
    }

    pub(crate) fn tool(session: Arc<Session>, program: PathBuf, name: &str, args: Vec<OsString>) -> Launch {
        Launch {
            session,
            what: What::Tool(program),
            args,
            env: Vec::new(),
            nofile: None,
            lane: name.to_owned(),
            plan: None,
            #[cfg(feature = "pi")]
            board: None,
        }
    }

    /// Limits the number of open descriptors (`RLIMIT_NOFILE`).
    pub fn nofile(mut self, descriptors: u64) -> Launch {
        self.nofile = Some(descriptors);
        self
    }

    /// Adds a variable to the program's environment, which holds nothing but `PATH` otherwise.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Launch {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Names the program's column in the chart. Without it: package and first argument.
    pub fn named(mut self, lane: &str) -> Launch {
        lane.clone_into(&mut self.lane);
        self
    }

    /// Starts it. To be called on the test's own thread: when the thread that started a program ends, the program is killed.
    pub fn start(mut self) -> Program {
        let session = self.session.clone();
        session.step();
        if session.traces_all() && !self.is_on_a_board() {
            self.plan().calls.extend_from_slice(trace::SOCKET_CALLS);
        }
        let (spec, identity) = (self.spec(), self.identity());
        let lane = if identity.is_some() {
            session.transcript.add_subject(&self.lane)
        } else {
            self.lane.clone()
        };
        session
            .transcript
            .note(&lane, format!("starts: {}", self.command_line()));
        #[cfg(feature = "pi")]
        if let Some(pi) = self.board.as_ref().filter(|_| session.traces_all()) {
            pi.tell_the_chart(&session, &lane);
        }
        let child = self
            .spawn(&spec)
            .unwrap_or_else(|e| panic!("{} could not be started: {e}", spec.program.display()));
        // A tracer knows the program's own process; otherwise it has to be looked for behind the launcher.
        let behind_jail = identity
            .clone()
            .filter(|_| spec.launcher && self.plan.is_none() && !self.is_on_a_board());
        let running = Running::watch(child, lane, identity.is_some(), behind_jail, &session);
        session.add_program(running.clone(), identity);
        Program::new(session, running)
    }

    /// Starts it and waits for its first line, `listening on IP:PORT` or `listening on IP:PORT/udp`.
    pub fn serve(self) -> Server {
        Server::when_ready(self.start())
    }

    /// Starts it, feeds it `stdin` and then end of file, and waits until it has ended.
    pub fn run(self, stdin: &[u8]) -> Finished {
        let program = self.start();
        program.feed(stdin);
        program.wait()
    }

    /// What the tracer is to do, to be changed.
    pub(crate) fn plan(&mut self) -> &mut trace::Plan {
        self.plan.get_or_insert_default()
    }

    fn is_on_a_board(&self) -> bool {
        #[cfg(feature = "pi")]
        return self.board.is_some();
        #[cfg(not(feature = "pi"))]
        false
    }

    fn spawn(&self, spec: &Spec) -> io::Result<Spawned> {
        #[cfg(feature = "pi")]
        if let Some(pi) = &self.board {
            return crate::pi::spawn(spec, pi).map_err(io::Error::other);
        }
        match &self.plan {
            #[cfg(target_os = "linux")]
            Some(plan) => trace::spawn(spec, plan.for_a_chart(), self.session.started()).map_err(io::Error::other),
            _ => process::spawn(spec),
        }
    }

    fn spec(&self) -> Spec {
        let (program, mut args) = match &self.what {
            What::Subject {
                program,
                jail: Some(jail),
            } => (jail.clone(), vec![program.clone().into_os_string()]),
            What::Subject { program, jail: None } | What::Tool(program) => (program.clone(), Vec::new()),
        };
        args.extend(self.args.iter().cloned());
        let path = std::env::var_os("PATH").map(|path| ("PATH".into(), path));
        let env = path.into_iter().chain(self.env.iter().cloned()).collect();
        Spec {
            program,
            args,
            env,
            cwd: self.session.folder.clone(),
            nofile: self.nofile,
            launcher: matches!(self.what, What::Subject { jail: Some(_), .. }),
        }
    }

    /// Of the program under test: what is about to be executed, as the file system knows it.
    fn identity(&self) -> Option<Identity> {
        let What::Subject { program, .. } = &self.what else {
            return None;
        };
        let file =
            fs::metadata(program).unwrap_or_else(|e| panic!("the program under test, {}: {e}", program.display()));
        Some(Identity {
            path: program.clone(),
            device: file.dev(),
            inode: file.ino(),
        })
    }

    fn command_line(&self) -> String {
        let name = match &self.what {
            What::Subject { .. } => self.session.package.clone(),
            What::Tool(program) => program.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        };
        let args = self
            .args
            .iter()
            .map(|arg| format!(" {}", arg.to_string_lossy().escape_debug()));
        name + &args.collect::<String>()
    }
}

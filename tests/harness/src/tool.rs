//! Third-party programs as peers: what the student's program has to get along with outside this course.
//!
//! A tool is trusted: it runs without a jail. Where it is missing, the check is not run and costs nobody points.

use crate::{Finished, Launch, Program, Server, session::Session};
use std::{
    env,
    ffi::{OsStr, OsString},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a third-party program is, if this machine has it: the first executable of that name on the path that is no shim.
pub fn find_tool(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let found: Vec<PathBuf> = env::split_paths(&path)
        .map(|folder| folder.join(name))
        .filter(|file| is_executable(file))
        .collect();
    // A version manager's shim is a script that looks for the real program: slow to start, and it wants a home folder.
    let real = found
        .iter()
        .find(|file| !file.components().any(|part| part.as_os_str() == "shims"));
    real.or(found.first()).cloned()
}

/// A third-party program that this machine has.
#[must_use = "nothing runs before `start`, `serve` or `run`"]
pub struct Tool {
    session: Arc<Session>,
    program: PathBuf,
    lane: String,
    args: Vec<OsString>,
}

impl Tool {
    pub(crate) fn find(session: &Arc<Session>, name: &str) -> Option<Tool> {
        let program = find_tool(name)?;
        Some(Tool {
            session: session.clone(),
            program,
            lane: name.to_owned(),
            args: Vec::new(),
        })
    }

    /// Adds arguments.
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Tool {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Names its column in the chart. Without it: the tool's name.
    pub fn named(mut self, lane: &str) -> Tool {
        lane.clone_into(&mut self.lane);
        self
    }

    /// Starts it, feeds it `stdin` and then end of file, and waits until it has ended.
    pub fn run(self, stdin: &[u8]) -> Finished {
        self.launch().run(stdin)
    }

    /// Starts it.
    pub fn start(self) -> Program {
        self.launch().start()
    }

    /// Starts it and waits for the first line that servers of this course print, `listening on IP:PORT`.
    pub fn serve(self) -> Server {
        self.launch().serve()
    }

    fn launch(self) -> Launch {
        let launch = Launch::tool(self.session, self.program, &self.lane, self.args);
        // Peers written in Python are to print at once, and to leave nothing beside their source.
        launch
            .env("PYTHONUNBUFFERED", "1")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("LC_ALL", "C.UTF-8")
    }
}

fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

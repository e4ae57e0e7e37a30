//! The fake Pi as a test meets it on [`Lab`] and [`Launch`], and without a test: [`Live`].

use super::{Event, Kind, Pi, millis};
use crate::{
    Lab, Launch,
    process::{EndOfProcess, Exit, Spec},
    session::Session,
    trace,
};
use std::{
    ffi::OsString,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

/// Whether there can be a fake Pi here; if not, a sentence that says why.
pub fn available() -> Result<(), String> {
    trace::available().map_err(|why| format!("no fake Raspberry Pi: {why}"))
}

impl Lab {
    /// A fake Raspberry Pi for one program. None marks the check `not run here`: the test then returns.
    pub fn pi(&self) -> Option<Pi> {
        match available() {
            Err(why) => {
                self.not_run_here(&why);
                None
            }
            Ok(()) => {
                let pi = Pi::new(Some(self.session().clone()));
                let shown = pi.clone();
                self.session().show(Box::new(move || shown.picture()));
                Some(pi)
            }
        }
    }
}

impl Pi {
    /// For a scenario that is drawn: what happens at the pins is noted in the column of the program, with the Pi's time. What the program
    /// prints is noted here, too: a pipe is slower than a clock that jumps.
    pub(crate) fn tell_the_chart(&self, session: &Arc<Session>, lane: &str) {
        session.transcript.leave_printing_to_me(lane);
        let (session, lane) = (Arc::downgrade(session), lane.to_owned());
        self.shared.lock().listener = Some(Box::new(move |event| {
            if let (Some(session), Some(text)) = (session.upgrade(), charted(event)) {
                session.transcript.note(&lane, text);
            }
        }));
    }
}

/// How a chart says it; none for what it shows anyway.
fn charted(event: &Event) -> Option<String> {
    match &event.kind {
        Kind::Latch(..) | Kind::Ended(_) => None,
        Kind::Printed(text) => Some(format!("prints {}", text.replace("\\n\"", "\""))),
        kind => Some(format!("{kind} at {}", millis(event.at))),
    }
}

impl Launch {
    /// Runs the program on this Pi. One Pi is good for one program; system calls cannot be traced at the same time.
    pub fn on(mut self, pi: &Pi) -> Launch {
        self.board = Some(pi.clone());
        self
    }
}

/// A program on a fake Pi without a test around it, for somebody to look at.
///
/// Dropping it ends the program.
pub struct Live {
    /// The Pi: wire its pins, look at its board.
    pub pi: Pi,
    /// The program's standard streams.
    pub stdin: Option<OwnedFd>,
    /// What it prints.
    pub stdout: Option<OwnedFd>,
    /// What it complains about.
    pub stderr: Option<OwnedFd>,
    end: Box<dyn EndOfProcess>,
}

impl Live {
    /// Starts `program` on this Pi ([`Pi::alone`]), with the environment of this process, in the folder `cwd`. Script and clock have been
    /// decided before.
    ///
    /// # Errors
    /// A sentence: there can be no fake Pi here, or the program could not be started.
    pub fn start(pi: &Pi, program: &Path, args: &[OsString], cwd: PathBuf) -> Result<Live, String> {
        available()?;
        let spec = Spec {
            program: program.to_owned(),
            args: args.to_vec(),
            env: std::env::vars_os().collect(),
            cwd,
            nofile: None,
            launcher: false,
        };
        let spawned = spawn(&spec, pi)?;
        Ok(Live {
            pi: pi.clone(),
            stdin: Some(spawned.stdin),
            stdout: Some(spawned.stdout),
            stderr: Some(spawned.stderr),
            end: spawned.end,
        })
    }

    /// How it ended, if it does so until `deadline`.
    pub fn wait_until(&self, deadline: Instant) -> Option<Exit> {
        self.end.wait_until(deadline)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end.kill_everything();
    }
}

#[cfg(target_os = "linux")]
pub(crate) use super::supervisor::spawn;

/// Elsewhere there is no fake Pi, and nobody gets one to start a program on.
#[cfg(not(target_os = "linux"))]
pub(crate) fn spawn(_: &Spec, _: &Pi) -> Result<crate::process::Spawned, String> {
    Err("only Linux has a fake Raspberry Pi".into())
}

//! The same in the grader's jails, at every level that this machine offers: another user, fewer system calls, no files.
use super::{BUTTON, LED, Level, ms};
use grader::isolation::{Isolation, Isolator, policy::JailLimits};
use harness::{Exercise, Exit, Grading, Lab};
use nix::sys::signal::Signal;
use std::{os::unix::fs::PermissionsExt, path::Path};

const GRADER: &str = env!("CARGO_BIN_EXE_workbook-grader");
const SUBJECT: &str = env!("CARGO_BIN_EXE_pi_subject");
const LIMITS: JailLimits = JailLimits {
    cpu_seconds: 20,
    memory: 256 << 20,
    ..JailLimits::PROBE
};

/// The levels of this machine that are any.
fn levels() -> Vec<Isolation> {
    let level_of = |wanted| Isolator::find(Path::new(GRADER), wanted).map(|isolator| isolator.level());
    let Ok(best) = level_of(Isolation::Namespaces) else {
        return Vec::new();
    };
    let all = Isolation::BEST_FIRST.into_iter();
    all.filter(|level| *level > Isolation::None && *level <= best && level_of(*level).is_ok_and(|got| got == *level))
        .collect()
}

/// Runs `test` with a lab whose programs are jailed, once for each level.
fn at_each_level(test: impl Fn(&Lab, Isolation)) {
    if super::a_pi().is_none() {
        return;
    }
    for level in levels() {
        let isolator = Isolator::find(Path::new(GRADER), level).expect("it was found before");
        let slot = isolator.slots(1).expect("a slot").remove(0);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
        let (_, launcher) = isolator
            .cell(&slot, folder.path(), LIMITS, Path::new(SUBJECT))
            .expect("a jail");
        let exercise = Exercise {
            package: "pi",
            rubric: "title = \"pi\"\n[limits]\ncheck_seconds = 120\n",
            built: None,
        };
        let grading = Grading {
            subject: Some(SUBJECT.into()),
            jail: launcher,
            evidence: None,
        };
        let lab = Lab::open_for(exercise, grading).with_step(ms(60_000));
        test(&lab, level);
    }
}

#[test]
fn a_jailed_blink_has_the_same_timeline() {
    at_each_level(|lab, level| {
        let Some(pi) = lab.pi() else { return };
        let finished = lab.program(["blink", "17", "2", "1000"]).on(&pi).run(b"");
        assert_eq!(finished.exit, Exit::Code(0), "{level}: {finished:?}");
        let (high, low) = (Level::High, Level::Low);
        pi.expect_timeline(LED, &[(0, low), (0, high), (500, low), (1000, high), (1500, low)]);
        pi.expect_let_go(&[LED]);
    });
}

#[test]
fn a_jailed_program_gets_its_interrupts() {
    at_each_level(|lab, level| {
        let Some(pi) = lab.pi() else { return };
        pi.press(ms(300), BUTTON);
        let finished = lab.program(["interrupts", "5", "1500"]).on(&pi).run(b"");
        let said = finished.stdout_text();
        assert_eq!(
            said, "FallingEdge 1 at 305 ms\nnothing more at 1805 ms\n",
            "{level}: {finished:?}"
        );
    });
}

#[test]
fn a_jailed_program_gets_its_signal() {
    at_each_level(|lab, level| {
        let Some(pi) = lab.pi() else { return };
        pi.signal(ms(1310), Signal::SIGTERM);
        let finished = lab.program(["left", "by-handler"]).on(&pi).run(b"");
        assert_eq!(finished.exit, Exit::Code(0), "{level}: {finished:?}");
        pi.expect_let_go(&[LED]);
    });
}

#[test]
fn a_jailed_server_and_a_held_clock_go_in_lockstep() {
    at_each_level(|lab, level| {
        // At L3 a jail has its own cell's network only if the test is in that cell too; a server's port is reached at every level here,
        // because the jail keeps the network of whoever starts it.
        let Some(pi) = lab.pi() else { return };
        pi.set_clock(harness::pi::Clock::Held);
        let server = lab.program(["server"]).on(&pi).serve();
        let mut client = lab.connect("client", server.addr());
        client.send(b"pulse 100\n");
        client.expect_bytes(b"ok\n", "the answer");
        pi.run_for(ms(101));
        pi.expect_timeline(LED, &[(0, Level::Low), (0, Level::High), (100, Level::Low)]);
        client.send(b"quit\n");
        assert_eq!(server.wait().exit, Exit::Code(0), "{level}");
    });
}

//! Conversations to look at: `cargo grader trace ex11` draws the first one with every system call, `cargo grader trace ex11 hold`
//! another one.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your programs do in a situation of your own.

use harness::Lab;
use harness::fsp::{Request, Service, Tree};

harness::exercise!("../rubric.toml");

/// The server is killed and started again; a handle of before gets ESTALE, and a late APPEND is not executed.
#[test]
fn crash() {
    let lab = lab().recorded();
    let mut server = serving(&lab, "manual");
    let mut client = lab.fsp("client", server.addr()).named(0xc0ff_ee01);
    client.ask("OPEN /notes/log w", b"");
    let request = client.request("APPEND $1 4", b"one\n");
    client.send(&request);
    client.reply_to(&request);
    server.crash_and_restart();
    let mut other = lab.fsp("another client", server.addr()).named(0x0bad_cafe);
    other.ask("OPEN /notes/log w", b"");
    client.send(&request);
    client.reply_to(&request);
}

/// A client locks a file and falls silent. When it wakes up, somebody else has the lock, and its late WRITE is refused.
#[test]
fn lease() {
    let lab = lab().recorded();
    let server = serving(&lab, "manual");
    let mut sleeper = lab.fsp("sleeper", server.addr()).named(0xc0ff_ee01);
    let mut other = lab.fsp("another client", server.addr()).named(0x0bad_cafe);
    sleeper.ask("OPEN /notes/log w", b"");
    sleeper.ask("LOCK $1 x", b"");
    other.ask("OPEN /notes/log w", b"");
    other.ask("LOCK $1 x", b"");
    let mut hand = lab.fsp("the clock's hand", server.addr());
    for (line, ms) in [("00000000.1", 1000), ("00000000.2", 1)] {
        let advance = Request::new(line, &format!("ADVANCE {ms}"));
        hand.send(&advance);
        hand.reply_to(&advance);
        other.ask("LOCK $1 x", b"");
    }
    sleeper.ask("WRITE $1 4", b"late");
}

/// The given client holds a lock for a second, and renews its lease.
#[test]
fn hold() {
    let lab = lab().recorded();
    let server = serving(&lab, "real");
    let port = server.port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port, "hold", "/notes/log", "--lock", "x:1"]);
    client.run(b"");
}

/// Your server, with an empty log, and a folder for its state.
fn serving<'a>(lab: &'a Lab, clock: &str) -> Service<'a> {
    Tree::new().file("/notes/log", b"").plant(lab, "root");
    Tree::new().plant(lab, "state");
    lab.service(&["server", "--root", "root", "--state", "state", "--clock", clock])
}

//! Datagrams that come, that come late, and that do not come.

use harness::{Exercise, Grading, Lab};
use std::time::Duration;

/// No program takes part.
fn lab() -> Lab {
    let exercise = Exercise {
        package: "udp",
        rubric: "title = \"udp\"",
        built: Some("/nonexistent"),
    };
    Lab::open_for(exercise, Grading::default())
}

#[test]
fn a_datagram_says_when_it_came_and_not_when_the_test_looked() {
    let lab = lab();
    let (sender, receiver) = (lab.udp("sender"), lab.udp("receiver"));
    sender.send_to(b"one", receiver.addr());
    sender.send_to(b"two", receiver.addr());
    let first = receiver.receive_timed("looking at once");
    sender.expect_silence(Duration::from_millis(300));
    let second = receiver.receive_timed("looking 300 ms later");
    assert_eq!((&first.bytes[..], &second.bytes[..]), (&b"one"[..], &b"two"[..]));
    assert_eq!((first.from, second.from), (sender.addr(), sender.addr()));
    if cfg!(target_os = "linux") {
        let gap = second.since(&first);
        assert!(gap < Duration::from_millis(250), "{gap:?}");
    }
    assert_eq!(first.since(&second), Duration::ZERO);
}

#[test]
fn that_nothing_came_within_a_time_is_an_answer() {
    let lab = lab();
    let (sender, receiver) = (lab.udp("sender"), lab.udp("receiver"));
    assert_eq!(receiver.receive_within(Duration::from_millis(20)), None);
    sender.send_to(b"", receiver.addr());
    let empty = receiver.receive_within(Duration::from_secs(1)).expect("a datagram");
    assert_eq!((empty.bytes, empty.from), (Vec::new(), sender.addr()));
}

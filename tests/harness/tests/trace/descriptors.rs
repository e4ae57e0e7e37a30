//! Which descriptors are sockets, whatever happens to their numbers.
use crate::*;

#[test]
fn a_number_used_again_is_another_descriptor() {
    let lab = lab!();
    // The second pair's end is read for the first time, although its number has been read from before.
    let fault = Fault::Fail {
        call: Call::Recvfrom,
        errno: Errno::EIO,
        first: 2,
        times: 9,
    };
    assert_eq!(
        run(&lab, &["reuse"], &[Fault::Clamp(4), fault]).0,
        ["true 64", "true 4"],
    );
}

#[test]
fn copies_of_a_descriptor_are_sockets() {
    let lab = lab!();
    let (lines, calls) = run(&lab, &["dups"], &[Fault::Clamp(4)]);
    let ends: Vec<&str> = lines
        .iter()
        .map(|line| line.split(' ').nth(1).unwrap_or_default())
        .collect();
    assert_eq!(ends, ["4", "4", "4", "4", "4", "10"]);
    assert_eq!(calls.count(Call::Dup), 3);
}

#[test]
fn a_child_has_its_parents_sockets() {
    let lab = lab!();
    // Often, because child and parent race to tell the tracer of the birth.
    let (lines, calls) = run(&lab, &["forks", "25"], &[Fault::Clamp(4)]);
    assert_eq!(lines, ["44"; 200]);
    let parent = calls[0].process;
    assert_eq!(calls.of(Call::Recvfrom).of_process(parent).len(), 0);
    assert_eq!(calls.of(Call::Recvfrom).len(), 400);
}

#[test]
fn a_new_program_keeps_what_does_not_close_on_exec() {
    let lab = lab!();
    for how in ["exec", "exec-by-thread"] {
        let (lines, calls) = run(&lab, &[how], &[Fault::Clamp(4)]);
        assert_eq!(lines, ["executed 4 6 64"]);
        let last = calls.of(Call::Recvfrom);
        assert_eq!((last.len(), last[0].fd, last[0].thread), (1, Some(33), last[0].process));
    }
}

//! Calls that signals break off, and programs that are frozen.
use crate::*;

/// Freezes and thaws a server that waits in a receive, then lets it have its bytes.
fn frozen_in_recv(lab: &Lab, args: &[&str], faults: &[Fault]) -> (String, Calls) {
    let launch = faults
        .iter()
        .fold(lab.program(args).trace(SOCKET_CALLS), |launch, fault| {
            launch.fault(*fault)
        });
    let server = launch.serve();
    let mut client = lab.connect("client", server.addr());
    for _ in 0..3 {
        server.wait_inside(Call::Recvfrom, "waiting in the receive");
        server.freeze();
        server.thaw();
    }
    client.send(b"0123456789");
    let line = server.next_line("what the receive returned");
    server.expect_exit(0);
    (line, server.calls().of(Call::Recvfrom))
}

#[test]
fn a_call_that_begins_again_is_one_call() {
    let lab = lab!();
    // The second receive would fail: there is none, however often the first one was broken off.
    let second = Fault::Fail {
        call: Call::Recvfrom,
        errno: Errno::EIO,
        first: 2,
        times: 9,
    };
    let (line, calls) = frozen_in_recv(&lab, &["blocks"], &[Fault::Clamp(4), second]);
    assert_eq!(line.as_str(), "4");
    assert_eq!(texts(&calls), ["recvfrom(4, 10 bytes) = 4 [clamp(4)]"]);
}

#[test]
fn freezing_interrupts_a_receive_with_a_time_out() {
    let lab = lab!();
    let server = lab.program(["blocks", "timeout"]).trace(SOCKET_CALLS).serve();
    let _client = lab.connect("client", server.addr());
    server.wait_inside(Call::Recvfrom, "waiting in the receive");
    server.freeze();
    server.thaw();
    server.expect_line("EINTR");
    server.expect_exit(0);
    let calls = server.calls();
    let option = calls.of(Call::Setsockopt).last().map(Event::to_string);
    assert_eq!(option.as_deref(), Some("setsockopt(4, SO_RCVTIMEO, 20s) = 0"));
}

#[test]
fn freezing_stops_every_thread() {
    let lab = lab!();
    let server = lab.program(["blocks"]).trace(SOCKET_CALLS).serve();
    let mut client = lab.connect("client", server.addr());
    server.wait_inside(Call::Recvfrom, "waiting in the receive");
    server.freeze();
    client.send(b"0123456789");
    lab.udp("nobody").expect_silence(Duration::from_millis(200));
    lab.expect_eq("calls while frozen", server.calls().of(Call::Recvfrom).len(), 0);
    server.thaw();
    server.expect_line("10");
    server.expect_exit(0);
}

#[test]
fn handlers_decide_whether_a_call_begins_again() {
    let lab = lab!();
    for (how, expected) in [("restarting", "10"), ("plain", "EINTR")] {
        let server = lab.program(["interrupted", how]).trace(SOCKET_CALLS).serve();
        let mut client = lab.connect("client", server.addr());
        server.wait_inside(Call::Recvfrom, "waiting in the receive");
        kill(Pid::from_raw(server.pid()), Signal::SIGUSR1).expect("SIGUSR1");
        server.expect_line("handled");
        client.send(b"0123456789");
        server.expect_line(expected);
        server.expect_exit(0);
        let calls = server.calls().of(Call::Recvfrom);
        assert_eq!(texts(&calls), [format!("recvfrom(4, 10 bytes) = {expected}")]);
    }
}

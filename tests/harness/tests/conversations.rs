//! The test's own ends of a conversation: what they can do, and that they tell one end of a stream from another.

mod practice;

use harness::{Lab, Listener, TcpPeer};
use practice::{SHORT, lab};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

#[test]
fn everything_sent_comes_back() {
    let lab = lab();
    let server = lab.serve(["echo"]);
    let mut client = lab.connect("client", server.addr());
    client.send(b"one ");
    client.drip(Duration::from_millis(1), b"two ");
    assert_eq!(client.read_exactly(8, "reading two words"), b"one two ");
    client.send(b"three");
    client.half_close();
    assert_eq!(client.read_to_eof("reading the rest"), b"three");
    client.close();
}

/// Four times what the system's buffers hold: without overlap both sides would wait for each other.
#[test]
fn an_exchange_overlaps() {
    let lab = lab();
    let server = lab.serve(["echo"]);
    let bytes = lab.random(3, 16 << 20);
    assert!(lab.connect("client", server.addr()).exchange(&bytes, "echoing 16 MiB") == bytes);
}

#[test]
fn a_line_is_read_without_what_follows_it() {
    let lab = lab();
    let server = lab.serve(["echo"]);
    let mut client = lab.connect("client", server.addr());
    client.send(b"one\ntwo\r\nthree");
    assert_eq!(client.read_line("reading the first line"), "one");
    assert_eq!(client.read_line("reading the second line"), "two\r");
    client.expect_bytes(b"three", "reading what is no line yet");
}

#[test]
fn pouring_ends_where_the_other_side_closes() {
    let lab = lab();
    let listener = lab.listen("server");
    let bytes = vec![0; 32 << 20];
    let mut client = lab.connect("client", listener.addr());
    listener.accept().reset();
    assert!(client.pour(&bytes) < bytes.len());
    let server = lab.serve(["echo"]);
    assert_eq!(lab.connect("other client", server.addr()).pour(b"all of it"), 9);
}

/// A segment per byte: a receiver that reads slowly enough sees them together, one that waits for more sees them apart.
#[test]
fn dripping_takes_its_time() {
    let lab = lab();
    let listener = lab.listen("server");
    let mut client = lab.connect("client", listener.addr());
    let mut server = listener.accept();
    let since = Instant::now();
    client.drip(Duration::from_millis(5), b"123456");
    assert!(since.elapsed() >= Duration::from_millis(30));
    server.expect_bytes(b"123456", "reading");
}

/// How much fits between two ends of which one does not read: narrow, a fraction of what the system gives otherwise.
#[test]
fn a_narrow_end_fills_soon() {
    let lab = lab().with_step(SHORT);
    let bytes = vec![0; 32 << 20];
    let taken = |listener: Listener, connect: fn(&Lab, SocketAddr) -> TcpPeer| {
        let mut client = connect(&lab, listener.addr());
        let mut server = listener.accept();
        [&mut client, &mut server].map(|end| bytes_before_the_stop(&lab, || end.send(&bytes)))
    };
    let wide = taken(lab.listen("server"), |lab, to| lab.connect("client", to));
    let narrow = taken(lab.listen("server").narrow(), |lab, to| {
        lab.connect_narrow("client", to)
    });
    assert!(narrow[0] < wide[0] && narrow[1] < wide[1], "{narrow:?} {wide:?}");
}

/// From a failure that says `after N bytes: …`.
fn bytes_before_the_stop(lab: &Lab, send: impl FnOnce()) -> usize {
    let report = practice::report_in(lab, |_| send());
    let (_, sent) = report.split_once("Received after ").expect("a report of a send");
    let (number, unit) = sent.split_once(' ').expect("a size");
    let unit = if unit.starts_with("KiB") { 1024 } else { 1 };
    number.parse::<usize>().expect("a number") * unit
}

#[test]
fn a_reset_is_a_reset_and_an_end_is_an_end() {
    let lab = lab();
    let listener = lab.listen("server");
    let mut client = lab.connect("client", listener.addr());
    let mut server = listener.accept();
    assert_eq!(
        (server.peer_addr(), client.peer_addr()),
        (client.local_addr(), server.local_addr())
    );
    client.send(b"unread");
    client.half_close();
    server.expect_bytes(b"unread", "reading");
    server.expect_eof("waiting for the end");
    server.reset();
    client.expect_reset("waiting for the reset");
}

#[test]
fn an_end_is_not_a_reset() {
    let lab = lab();
    let listener = lab.listen("server");
    let mut client = lab.connect("client", listener.addr());
    listener.accept().close();
    let report = practice::report_in(&lab, |_| client.expect_reset("waiting for the reset"));
    assert!(report.contains("Received end of stream"), "{report}");
}

/// A check waits as long as something moves: only silence is a failure.
#[test]
fn slow_is_not_silent() {
    let lab = lab().with_step(Duration::from_millis(1500));
    let listener = lab.listen("server");
    let mut client = lab.connect("client", listener.addr());
    let mut server = listener.accept();
    std::thread::scope(|scope| {
        scope.spawn(|| client.drip(Duration::from_millis(200), b"ten bytes!"));
        assert_eq!(server.read_exactly(10, "reading slowly"), b"ten bytes!");
    });
}

#[test]
fn datagrams_keep_their_bounds() {
    let lab = lab();
    let server = lab.serve(["udp"]);
    let client = lab.udp("client");
    for datagram in [&b"one"[..], b"", b"three\0"] {
        client.send_to(datagram, server.addr());
        assert_eq!(
            client.receive("waiting for the echo"),
            (datagram.to_vec(), server.addr())
        );
    }
    client.send_to(b"hush", server.addr());
    let since = Instant::now();
    client.expect_silence(SHORT);
    assert!(since.elapsed() >= SHORT);
}

#[test]
fn ports_and_pids_are_hidden_where_they_stand_as_such() {
    let lab = lab();
    let server = lab.serve(["echo"]);
    let client = lab.connect("client", server.addr());
    let text = format!(
        "{} from {} by pid {}, {} bytes",
        server.addr(),
        client.local_addr(),
        server.pid(),
        server.port()
    );
    let hidden = format!(
        "127.0.0.1:PORT1 from 127.0.0.1:PORT2 by pid PID1, {} bytes",
        server.port()
    );
    assert_eq!(lab.redact(&text), hidden);
    harness::assert_snapshot!(lab, format!("client 1 from {}\n", client.local_addr()), @"client 1 from 127.0.0.1:PORT2");
}

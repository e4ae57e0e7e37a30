//! Servers of the test at other addresses than 127.0.0.1: in IPv6, in the file system, and where nobody listens.

mod practice;

use practice::{SHORT, lab};
use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    os::unix::net::UnixStream,
};

#[test]
fn a_server_in_the_file_system_talks_to_clients() {
    let lab = lab();
    let server = lab.listen_unix("server", "socket").unwrap();
    assert_eq!(server.path(), lab.folder().join("socket"));
    let mut client = UnixStream::connect(server.path()).unwrap();
    let mut peer = server.accept();
    client.write_all(b"question").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(peer.read_to_eof("reading the question"), b"question");
    peer.send(b"answer");
    peer.close();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "answer");
}

#[test]
fn waiting_for_a_client_that_never_comes_is_a_failure() {
    let lab = lab().with_step(SHORT);
    let server = lab.listen_unix("server", "socket").unwrap();
    let report = practice::report_in(&lab, |_| drop(server.accept()));
    assert!(
        report.contains("waiting for a client to connect to server") && report.contains("nothing for N s"),
        "{report}"
    );
}

#[test]
fn waiting_for_an_end_that_never_comes_is_a_failure() {
    let lab = lab().with_step(SHORT);
    let server = lab.listen_unix("server", "socket").unwrap();
    let mut client = UnixStream::connect(server.path()).unwrap();
    let mut peer = server.accept();
    client.write_all(b"half").unwrap();
    let report = practice::report_in(&lab, |_| drop(peer.read_to_eof("reading the question")));
    assert!(report.contains("4 bytes \"half\", then nothing for N s"), "{report}");
}

#[test]
fn a_path_that_is_too_long_for_an_address_is_nobodys_fault() {
    let lab = lab();
    assert!(lab.listen_unix("server", &"long".repeat(40)).is_none());
}

#[test]
fn an_address_that_refuses_goes_on_refusing() {
    let lab = lab();
    let nobody = lab.refusing("nobody");
    for _ in 0..3 {
        lab.refuses("client", nobody.addr());
    }
}

#[test]
fn a_server_has_an_address_in_ipv6_or_says_why_not() {
    let lab = lab();
    let Some(server) = lab.listen_v6("server") else { return };
    assert!(server.addr().is_ipv6());
    let mut client = lab.connect("client", server.addr());
    client.send(b"six");
    server.accept().expect_bytes(b"six", "reading");
    drop(TcpStream::connect(server.addr()).unwrap());
}

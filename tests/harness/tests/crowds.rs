//! What a crowd of clients needs: descriptors, and ends that come either way.

mod practice;

use practice::{impatient_fields_of, lab};

#[test]
fn a_test_can_open_more_descriptors_than_usual() {
    let lab = lab();
    let before = lab.program(["cat"]).start();
    assert!(lab.can_open(64), "every system allows so many");
    assert!(!lab.can_open(u64::MAX - 1), "and none so many");
    before.stdin_close();
    before.expect_exit(0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_descriptor_tells_whether_it_waits() {
    let lab = lab();
    let cat = lab.program(["cat"]).start();
    cat.stdin_write(b"here\n");
    cat.expect_line("here");
    assert_eq!(cat.is_nonblocking(0), Some(false), "a pipe, as it comes");
    assert_eq!(cat.is_nonblocking(900), None);
}

#[test]
fn a_connection_ends_either_way() {
    let lab = lab();
    let listener = lab.listen("server");
    let mut first = lab.connect("client", listener.addr());
    let mut second = lab.connect("client", listener.addr());
    let mut server = listener.accept();
    server.send(b"last words");
    server.close();
    assert_eq!(first.expect_gone("waiting for the end"), b"last words");
    listener.accept().reset();
    assert_eq!(second.expect_gone("waiting for the end"), b"");
}

#[test]
fn a_connection_that_stays_is_reported() {
    let fields = impatient_fields_of(|lab| {
        let listener = lab.listen("server");
        let mut client = lab.connect("client", listener.addr());
        let mut server = listener.accept();
        server.send(b"words");
        client.expect_gone("waiting for the end");
    });
    assert!(fields.contains("the other side ends the connection"), "{fields}");
    assert!(fields.contains("5 bytes \"words\", then nothing for"), "{fields}");
}

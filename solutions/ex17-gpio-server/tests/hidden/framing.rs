// CANARY-7f3a91c2-hidden
//! Half lines, many lines, lines that are too long.

use harness::{Lab, Server};

use crate::session::{asks, hello, ms};
use crate::{CAROL, reads};

pub fn a_byte_at_a_time(lab: &Lab, server: &Server) {
    let mut alice = lab.connect("alice", server.addr());
    alice.drip(ms(1), b"1 HELLO c0ffee01\n2 SET 17 1\r\n3 GET 17\n");
    reads(lab, &mut alice, &["1 OK 5000", "2 OK 1", "3 OK 1"]);
}

pub fn many_in_one_go(lab: &Lab, server: &Server) {
    let mut alice = lab.connect("alice", server.addr());
    let toggles: String = (2..=201).map(|number| format!("{number} TOGGLE 17\n")).collect();
    alice.send(format!("1 HELLO c0ffee01\n{toggles}").as_bytes());
    let replies: Vec<String> = (2..=201)
        .map(|number| format!("{number} OK {}", (number + 1) % 2))
        .collect();
    reads(lab, &mut alice, &["1 OK 5000"]);
    reads(lab, &mut alice, &replies.iter().map(String::as_str).collect::<Vec<_>>());
}

pub fn half_a_line_holds_up_nobody(lab: &Lab, server: &Server) {
    let mut alice = lab.connect("alice", server.addr());
    alice.send(b"1 HELLO c0ffee01\n2 SET 1");
    let mut carol = hello(lab, server, "carol", CAROL);
    asks(lab, &mut carol, "2 GET 17", "2 OK 0");
    alice.send(b"7 1\n3 GET");
    reads(lab, &mut alice, &["1 OK 5000", "2 OK 1"]);
    asks(lab, &mut carol, "3 GET 17", "3 OK 1");
    alice.send(b" 17\n");
    reads(lab, &mut alice, &["3 OK 1"]);
}

pub fn lines_that_are_too_long(lab: &Lab, server: &Server) {
    let zeros = |count: usize| "0".repeat(count);
    let mut all = b"1 HELLO c0ffee01\n".to_vec();
    all.extend(vec![b'x'; 100_000]);
    all.extend(b"\n2 GET 17\n\xff\xfe\n");
    all.extend(format!("3 GET {}17\n", zeros(248)).as_bytes()); // 256 bytes
    all.extend(format!("4 GET {}17\n", zeros(249)).as_bytes()); // 257
    all.extend(b"5 GET 300\n6 GET 17\n");
    let mut alice = lab.connect("alice", server.addr());
    alice.send(&all);
    let expected = [
        "1 OK 5000",
        "0 ERR proto",
        "2 OK 0",
        "0 ERR proto",
        "3 OK 0",
        "0 ERR proto",
        "5 ERR nopin",
        "6 OK 0",
    ];
    reads(lab, &mut alice, &expected);
}

pub fn nothing_behind_quit(lab: &Lab, server: &Server) {
    let mut alice = lab.connect("alice", server.addr());
    alice.send(b"1 HELLO c0ffee01\n2 GET 17\n3 QUIT\n4 SET 17 1\n5 GET 17\n");
    reads(lab, &mut alice, &["1 OK 5000", "2 OK 0", "3 OK"]);
    alice.expect_gone("waiting for the end of the stream after QUIT; what stood behind it is not answered");
    let mut carol = hello(lab, server, "carol", CAROL);
    asks(lab, &mut carol, "2 GET 17", "2 OK 0");
}

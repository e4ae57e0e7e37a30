// CANARY-7f3a91c2-hidden
//! What was asked and is asked again: at most once is it done.

use harness::pi::Pi;
use harness::{Lab, Listener, Server, TcpPeer};

use crate::session::{ALICE, asks, hello, level};
use crate::{CAROL, calls, expect_changes};

/// Clients whose replies are remembered.
const REMEMBERED: u32 = 64;

pub fn after_a_reset(lab: &Lab, pi: &Pi, server: &Server) {
    let mut alice = hello(lab, server, "alice", ALICE);
    asks(lab, &mut alice, "7 TOGGLE 17", "7 OK 1");
    asks(lab, &mut alice, "8 TOGGLE 17", "8 OK 0");
    alice.reset();
    retries(lab, pi, server);
}

pub fn after_a_half_close(lab: &Lab, pi: &Pi, server: &Server) {
    let mut alice = hello(lab, server, "alice", ALICE);
    asks(lab, &mut alice, "7 TOGGLE 17", "7 OK 1");
    asks(lab, &mut alice, "8 TOGGLE 17", "8 OK 0");
    let mut still_there = hello(lab, server, "alice, too", ALICE);
    alice.half_close();
    retries(lab, pi, server);
    asks(lab, &mut still_there, "20 GET 17", "20 OK 1"); // the reply to her number 20, whichever way it was asked
}

/// She has not seen the reply to 8, and asks again.
fn retries(lab: &Lab, pi: &Pi, server: &Server) {
    let mut again = hello(lab, server, "alice again", ALICE);
    asks(lab, &mut again, "8 TOGGLE 17", "8 OK 0");
    // The same numbers of somebody else are other requests.
    let mut bob = hello(lab, server, "bob", CAROL);
    asks(lab, &mut bob, "8 TOGGLE 17", "8 OK 1");
    asks(lab, &mut again, "8 TOGGLE 17", "8 OK 0");
    asks(lab, &mut again, "8 SET 22 0", "8 OK 0"); // the number counts, not what is asked now
    asks(lab, &mut again, "7 TOGGLE 17", "7 ERR order");
    asks(lab, &mut again, "20 GET 17", "20 OK 1"); // a gap is no fault
    asks(lab, &mut again, "19 TOGGLE 17", "19 ERR order");
    pi.settle();
    expect_changes(lab, pi, 17, 3);
    lab.expect_eq(
        "looking at the LED at 22, of which no request was done",
        level(pi, 22),
        "high",
    );
}

pub fn by_datagram(lab: &Lab, pi: &Pi, server: &Server) {
    let mut alice = hello(lab, server, "alice", ALICE);
    asks(lab, &mut alice, "7 TOGGLE 17", "7 OK 1");
    alice.reset();
    let peer = lab.udp("alice by datagram");
    calls(lab, &peer, server, "c0ffee01.7 TOGGLE 17", "c0ffee01.7 OK 1");
    calls(lab, &peer, server, "c0ffee01.8 TOGGLE 17", "c0ffee01.8 OK 0");
    let mut again = hello(lab, server, "alice again", ALICE);
    asks(lab, &mut again, "8 TOGGLE 17", "8 OK 0");
    asks(lab, &mut again, "9 TOGGLE 17", "9 OK 1");
    // Smaller numbers are not answered: the next datagram that comes is the answer to another question.
    peer.send_to(b"c0ffee01.8 TOGGLE 17", server.addr());
    calls(lab, &peer, server, "c0ffee01.9 TOGGLE 17", "c0ffee01.9 OK 1");
    let other_port = lab.udp("alice at another port");
    calls(lab, &other_port, server, "C0FFEE01.9 TOGGLE 17\n", "c0ffee01.9 OK 1");
    pi.settle();
    expect_changes(lab, pi, 17, 3);
}

pub fn a_no_is_repeated_too(lab: &Lab, pi: &Pi, server: &Server) {
    let mut alice = hello(lab, server, "alice", ALICE);
    let mut carol = hello(lab, server, "carol", CAROL);
    asks(lab, &mut carol, "2 LOCK 17", "2 OK");
    asks(lab, &mut alice, "2 TOGGLE 17", "2 ERR locked");
    asks(lab, &mut carol, "3 UNLOCK 17", "3 OK");
    asks(lab, &mut alice, "2 TOGGLE 17", "2 ERR locked");
    // What could not be read was never done.
    asks(lab, &mut alice, "3 TOGGLE", "3 ERR proto");
    asks(lab, &mut alice, "3 TOGGLE 17", "3 OK 1");
    // The numbers of requests about the connection are only repeated.
    asks(lab, &mut alice, "90 PINS", "90 OK 17:led 22:led 27:button");
    asks(lab, &mut alice, "91 WATCH 27", "91 OK 0");
    asks(lab, &mut alice, "1 HELLO c0ffee01", "1 OK 5000");
    asks(lab, &mut alice, "4 TOGGLE 17", "4 OK 0");
    asks(lab, &mut alice, "5 HELLO c0ffee09", "5 ERR order");
    pi.settle();
    expect_changes(lab, pi, 17, 2);
}

pub fn sixty_four_clients(lab: &Lab, pi: &Pi, server: &Server) {
    let peer = lab.udp("crowd");
    let toggle = |client: u32, answer: u32| {
        let question = format!("{client:08x}.1 TOGGLE 17");
        calls(lab, &peer, server, &question, &format!("{client:08x}.1 OK {answer}"));
    };
    // bob of the undisturbed session is one of them, and the one that is silent for the longest time.
    (1..=REMEMBERED).for_each(|client| toggle(client, client % 2));
    toggle(1, 1); // still known, and heard again
    toggle(REMEMBERED + 1, 1); // one more: client 2 is forgotten
    toggle(1, 1);
    toggle(3, 1);
    toggle(2, 0); // done once more, because nobody remembers
    pi.settle();
    expect_changes(lab, pi, 17, REMEMBERED as usize + 2);
    // Who owns a lock is not forgotten.
    let mut alice = hello(lab, server, "alice", ALICE);
    asks(lab, &mut alice, "2 LOCK 22", "2 OK");
    (1..=REMEMBERED).for_each(|client| {
        let question = format!("{:08x}.1 GET 17", 0x100 + client);
        calls(lab, &peer, server, &question, &format!("{:08x}.1 OK 0", 0x100 + client));
    });
    calls(lab, &peer, server, "00000001.9 TOGGLE 22", "00000001.9 ERR locked");
}

/// Here the server is the test's.
pub fn your_client(lab: &Lab, _: &Pi, _: &Server) {
    let listener = lab.listen("server");
    let url = format!("gpio://{}/17", listener.addr());
    let start = |words: &[&str]| {
        lab.program(["client", "--cid", ALICE, &url].iter().chain(words))
            .start()
    };
    let client = start(&["get", "toggle"]);
    let mut first = greeted(lab, &listener);
    hears(lab, &mut first, "2 GET 17");
    first.send(b"2 OK 0\n");
    hears(lab, &mut first, "3 TOGGLE 17");
    first.close(); // the reply is lost
    let mut second = greeted(lab, &listener);
    hears(lab, &mut second, "3 TOGGLE 17");
    second.send(b"! 27 press 1 50\n3 OK");
    second.send(b" 1\n");
    client.expect_line("0");
    client.expect_line("1");
    client.expect_exit(0);

    let client = start(&["watch"]);
    let mut first = greeted(lab, &listener);
    hears(lab, &mut first, "2 WATCH 17");
    first.send(b"2 OK 5\n! 17 press 6 100\n! 17 pre");
    client.expect_line("5");
    client.expect_line("17 press 6 100");
    first.reset();
    let mut second = greeted(lab, &listener);
    hears(lab, &mut second, "2 WATCH 17");
    second.send(b"2 OK 6\n! 17 press 7 200\n! bye\n");
    client.expect_line("17 press 7 200");
    client.expect_exit(0);

    // Once is enough.
    let client = start(&["toggle"]);
    for _ in 0..2 {
        let mut lost = greeted(lab, &listener);
        hears(lab, &mut lost, "2 TOGGLE 17");
        lost.close();
    }
    client.expect_exit_when(3, "waiting for the client's end after it has lost two connections");
    let client = lab.program(["client", "--patience-ms", "50", &url, "get"]).start();
    let mut silent = listener.accept();
    silent.read_line("reading HELLO, which the test does not answer");
    client.expect_exit_when(4, "waiting for the client's end, which waits 50 ms for replies");
}

/// The client's next connection, on which it has said HELLO.
fn greeted(lab: &Lab, listener: &Listener) -> TcpPeer {
    let mut client = listener.accept();
    hears(lab, &mut client, "1 HELLO c0ffee01");
    client.send(b"1 OK 5000\n");
    client
}

fn hears(lab: &Lab, client: &mut TcpPeer, expected: &str) {
    let doing = format!("reading, as the server, `{expected}`");
    let line = client.read_line(&doing);
    lab.expect(&doing, expected, &line, line == expected);
}

// CANARY-7f3a91c2-hidden
//! Connections that come and go while an LED blinks.

use std::time::Duration;

use harness::pi::Pi;
use harness::{Lab, Server, TcpPeer};

use crate::session::{asks, hello, in_short, ms};

/// Connections that there are places for.
const PLACES: usize = 32;

pub fn resets(lab: &Lab, pi: &Pi, server: &Server, begun: Duration) {
    for number in 0..50 {
        pi.run_until(begun + ms(19 * number));
        let mut client = lab.connect(&format!("passer-by {number}"), server.addr());
        match number % 3 {
            0 => {}
            1 => client.send(b"1 HELLO c0ffee07\n2 WATCH 27\n3 GE"),
            _ => client.send(format!("1 HELLO c0ffee07\n{} TOGGLE 22\n", number + 2).as_bytes()),
        }
        client.reset();
    }
    // All places are free again.
    let crowd: Vec<TcpPeer> = (1..PLACES)
        .map(|number| hello(lab, server, "one of many", &format!("{number:08x}")))
        .collect();
    crowd.into_iter().for_each(TcpPeer::close);
}

pub fn more_clients_than_places(lab: &Lab, pi: &Pi, server: &Server, _begun: Duration) {
    let mut crowd: Vec<TcpPeer> = (1..PLACES).map(|_| lab.connect("one of many", server.addr())).collect();
    for _ in 0..3 {
        let mut late = lab.connect("one too many", server.addr());
        let doing = "reading what the client is told for which there is no place";
        let line = late.read_line(doing);
        lab.expect(doing, "0 ERR full", &line, in_short(&line) == "0 ERR full");
        late.expect_eof("waiting for the end of the stream of one for whom there is no place");
    }
    if let Some(last) = crowd.last_mut() {
        asks(lab, last, "1 HELLO c0ffee08", "1 OK 5000");
    }
    crowd.pop().into_iter().for_each(TcpPeer::reset);
    pi.settle(); // the server knows
    hello(lab, server, "the next one", "c0ffee09").close();
}

//! The bad network, the address that never answers, and the datagram from somebody else.

use harness::{Exercise, Grading, Lab, Loss, Tally, UdpPeer};
use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpStream, UdpSocket},
    time::Duration,
};

/// No program takes part.
fn lab() -> Lab {
    let exercise = Exercise {
        package: "relay",
        rubric: "title = \"relay\"",
        built: Some("/nonexistent"),
    };
    Lab::open_for(exercise, Grading::default())
}

/// Everything that arrives until it has been quiet for a while.
fn drain(socket: &UdpSocket) -> Vec<(Vec<u8>, SocketAddr)> {
    socket
        .set_read_timeout(Some(Duration::from_millis(200)))
        .expect("a time-out");
    let mut buffer = [0; 2000];
    std::iter::from_fn(|| {
        socket
            .recv_from(&mut buffer)
            .ok()
            .map(|(n, from)| (buffer[..n].to_vec(), from))
    })
    .collect()
}

fn server() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let addr = socket.local_addr().expect("an address");
    (socket, addr)
}

/// Sends these through such a network; gives what arrived, and what the relay says it did.
fn through(loss: Loss, datagrams: &[&[u8]]) -> (Vec<Vec<u8>>, Tally) {
    let lab = lab();
    let (server, addr) = server();
    let relay = lab.relay(addr, loss);
    let client = lab.udp("client");
    datagrams
        .iter()
        .for_each(|datagram| client.send_to(datagram, relay.addr()));
    let mut arrived = Vec::new();
    // Once more after the last one has been decided about: it may have been held back.
    loop {
        let all = relay.tally().received == datagrams.len();
        arrived.extend(drain(&server).into_iter().map(|(bytes, _)| bytes));
        if all {
            return (arrived, relay.tally());
        }
    }
}

#[test]
fn a_good_network_changes_nothing() {
    let (arrived, tally) = through(Loss::default(), &[b"one", b"", b"three"]);
    assert_eq!(arrived, [&b"one"[..], b"", b"three"]);
    assert_eq!(
        tally,
        Tally {
            received: 3,
            ..Tally::default()
        }
    );
}

#[test]
fn the_same_seed_brings_the_same_accidents() {
    let texts: Vec<String> = (0..60).map(|n| format!("datagram {n}")).collect();
    let datagrams: Vec<&[u8]> = texts.iter().map(|text| text.as_bytes()).collect();
    let loss = Loss {
        seed: 7,
        loss: 20,
        duplicate: 20,
        reorder: 0,
        corrupt: 20,
    };
    let (first, tally) = through(loss, &datagrams);
    assert_eq!((first.clone(), tally), through(loss, &datagrams));
    assert_ne!(first, through(Loss { seed: 8, ..loss }, &datagrams).0);
    assert!(tally.lost > 3 && tally.doubled > 3 && tally.corrupted > 3, "{tally:?}");
    assert_eq!(first.len(), 60 - tally.lost + tally.doubled);
}

#[test]
fn bad_luck_ends_after_three() {
    let (arrived, tally) = through(
        Loss {
            loss: 100,
            ..Loss::default()
        },
        &[&b"again"[..]; 8],
    );
    assert_eq!(arrived, [&b"again"[..]; 2]);
    assert_eq!(tally.lost, 6);
    let (arrived, _) = through(
        Loss {
            corrupt: 100,
            ..Loss::default()
        },
        &[&b"again"[..]; 4],
    );
    let wrong_bits = |bytes: &Vec<u8>| {
        bytes
            .iter()
            .zip(b"again")
            .map(|(a, b)| (a ^ b).count_ones())
            .sum::<u32>()
    };
    assert_eq!(arrived.iter().map(wrong_bits).collect::<Vec<_>>(), [1, 1, 1, 0]);
}

#[test]
fn doubled_is_twice_and_overtaken_is_later() {
    assert_eq!(
        through(
            Loss {
                duplicate: 100,
                ..Loss::default()
            },
            &[b"a", b"b"]
        )
        .0,
        [b"a", b"a", b"b", b"b"]
    );
    // Who is not overtaken within a moment goes on: on a busy machine the next one may come too late.
    let swapped = || {
        through(
            Loss {
                reorder: 100,
                ..Loss::default()
            },
            &[b"a", b"b", b"c"],
        )
        .0 == [b"b", b"a", b"c"]
    };
    assert!((0..10).any(|_| swapped()));
}

#[test]
fn each_client_gets_its_own_answers() {
    let lab = lab();
    let (server, addr) = server();
    let relay = lab.relay(addr, Loss::default());
    let clients = [lab.udp("client 1"), lab.udp("client 2")];
    clients
        .iter()
        .zip([b"1", b"2"])
        .for_each(|(client, text)| client.send_to(text, relay.addr()));
    let mut buffer = [0; 10];
    let seen = [(); 2].map(|()| {
        server
            .recv_from(&mut buffer)
            .map(|(n, from)| (buffer[..n].to_vec(), from))
            .expect("a request")
    });
    assert_ne!(seen[0].1, seen[1].1);
    seen.iter()
        .for_each(|(bytes, from)| drop(server.send_to(&[bytes, &b" yes"[..]].concat(), from)));
    let answer = |client: &UdpPeer| client.receive("the answer");
    assert_eq!(answer(&clients[0]), (b"1 yes".to_vec(), relay.addr()));
    assert_eq!(answer(&clients[1]), (b"2 yes".to_vec(), relay.addr()));
    // Somebody else who finds the relay's back door is not heard.
    lab.impostor().send_to(b"no", seen[0].1);
    clients[0].expect_silence(Duration::from_millis(100));
}

#[test]
fn an_impostor_has_another_address() {
    let lab = lab();
    let (client, server, impostor) = (lab.udp("client"), lab.udp("server"), lab.impostor());
    impostor.send_to(b"me", client.addr());
    server.send_to(b"no, me", client.addr());
    assert_eq!(client.receive("the first"), (b"me".to_vec(), impostor.addr()));
    assert_eq!(client.receive("the second").1, server.addr());
}

#[test]
fn a_blackhole_neither_takes_nor_refuses() {
    let lab = lab();
    let hole = lab.blackhole();
    for _ in 0..2 {
        let error = TcpStream::connect_timeout(&hole.addr(), Duration::from_millis(300)).expect_err("no connection");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
    }
    let addr = hole.addr();
    drop(hole);
    lab.refuses("client", addr);
}

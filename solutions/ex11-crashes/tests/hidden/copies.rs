// CANARY-7f3a91c2-hidden
//! Copies that a client makes while its server crashes.

use harness::fsp::{Oracle, Request, StandIn, numbered};
use harness::{Finished, Lab, Program, UdpPeer};
use std::net::SocketAddr;

use crate::{FILE, serve, tree};

/// What happens to the client's copy.
pub enum Fate {
    /// The server of the test crashes before requests with this verb, the first of which is number 0.
    Before(&'static [(&'static str, usize)]),
    /// The same, and it gives at most 150 bytes, however many are asked for.
    Short(&'static [(&'static str, usize)]),
    /// It executes a READ with this number, and crashes before its reply gets through.
    After(usize),
    /// It crashes before every single request but OPEN.
    Hopeless,
    /// The program's own server is killed twenty times.
    Yours,
}

/// A server of the test answers the client until it is done.
pub fn copy_from_stand_in(lab: &Lab, name: &str, fate: &Fate) -> Finished {
    let server = lab.fsp_server(name, Oracle::Leased, &tree());
    let mut server = match fate {
        Fate::Short(_) => server.giving_at_most(150),
        _ => server,
    };
    let client = start_get(lab, server.addr(), &[]);
    let mut asked: Vec<String> = Vec::new();
    let mut epoch = 1;
    loop {
        let doing = "waiting for the client's next request: READ until one brings nothing, and then CLOSE";
        let answered = answer_one(&mut server, doing, fate, &asked, &mut epoch);
        asked.push(answered.words()[0].to_owned());
        let reads = asked.iter().filter(|verb| *verb == "READ").count();
        // The last one that is allowed is the one after ten recoveries.
        if asked.last().is_some_and(|verb| verb == "CLOSE") || matches!(fate, Fate::Hopeless) && reads == 11 {
            return client.wait();
        }
        let doing = "counting the client's requests, for a file that takes 8, and some crashes";
        let received = format!("request {}: {}", asked.len(), answered.shown());
        lab.expect(doing, "CLOSE by now", received, asked.len() < 60);
    }
}

pub fn answer_one(server: &mut StandIn, doing: &str, fate: &Fate, asked: &[String], epoch: &mut u32) -> Request {
    let number = |request: &Request| asked.iter().filter(|verb| *verb == request.words()[0]).count();
    if let Fate::After(at) = *fate {
        let mut lost = false;
        let (request, _) = server.answer_unless(doing, |request| {
            lost = *epoch == 1 && request.words()[0] == "READ" && number(request) == at;
            lost
        });
        if lost {
            *epoch += 1;
            server.crash(*epoch);
        }
        return request;
    }
    let crashed = |request: &Request| {
        let crashes = match fate {
            Fate::Before(crashes) | Fate::Short(crashes) => crashes.contains(&(request.words()[0], number(request))),
            _ => request.words()[0] != "OPEN",
        };
        *epoch += u32::from(crashes);
        crashes.then_some(*epoch)
    };
    server.answer_after_crash(doing, crashed).0
}

/// The client and the server are both the program under test. In between is the test, which kills the server while it has a READ of the
/// client in its hands.
pub fn copy_in_lives(lab: &Lab, lives: usize) {
    lab.set_step(harness::WALL);
    let root = tree().plant(lab, &format!("root-{lives}"));
    let mut server = serve(lab, &root);
    let (front, back) = (lab.udp("test, as the server"), lab.udp("test, as the client"));
    let client = start_get(lab, front.addr(), &["--chunk", "40"]);
    let (mut life, mut progress) = (1, false);
    loop {
        let (request, from) = front.receive("waiting for the client's next request");
        let is = |verb: &str| request.split(|byte| *byte == b' ').nth(1) == Some(verb.as_bytes());
        if is("READ") && progress && life < lives {
            server.crash_and_restart();
            life += 1;
        }
        let reply = pass_on(&back, &request, server.addr());
        let succeeded = reply.split(|byte| *byte == b' ').nth(1) == Some(b"OK");
        progress = is("READ") && succeeded;
        front.send_to(&reply, from);
        if is("CLOSE") {
            break;
        }
    }
    let received = format!("{life} lives");
    lab.expect(
        "counting the lives of the server in one copy",
        format!("{lives} lives"),
        received,
        life == lives,
    );
    expect_copy(lab, client.wait());
}

pub fn pass_on(back: &UdpPeer, request: &[u8], server: SocketAddr) -> Vec<u8> {
    back.send_to(request, server);
    back.receive("waiting for the server's reply to a request of the client")
        .0
}

pub fn start_get(lab: &Lab, server: SocketAddr, options: &[&str]) -> Program {
    let port = server.port().to_string();
    let args = [&["client", "127.0.0.1", &port, "get", FILE], options].concat();
    lab.program(args).start()
}

pub fn expect_copy(lab: &Lab, copied: Finished) {
    let (printed, file) = (copied.expect_code(0).stdout, numbered(1000));
    let wrong = printed.iter().zip(&file).position(|(got, right)| got != right);
    let received = match wrong {
        Some(at) => {
            let from = &printed[at..printed.len().min(at + 8)];
            format!(
                "{} bytes; at {at} comes {:?}",
                printed.len(),
                String::from_utf8_lossy(from)
            )
        }
        None => format!("{} bytes, identical as far as they go", printed.len()),
    };
    let doing = "comparing what the client printed with the file";
    lab.expect(doing, "1000 bytes, identical", received, printed == file);
}

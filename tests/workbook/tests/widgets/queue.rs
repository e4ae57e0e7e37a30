//! The accept-queue widget: eight clients call a server that is busy, measured on this kernel.

use std::collections::BTreeMap;
use std::net::TcpListener;

use bookkit::widget::{Frame, Widget};

use super::sockets::{Listed, bound, calling, listed, listen, port, until};
use super::{frame, holds, setting, strip, table};

const CLIENTS: usize = 8;
const BACKLOGS: [(&str, &str); 4] = [("0", "0"), ("1", "1"), ("2", "2"), ("5", "5")];

#[test]
fn queue() {
    // Each takes a second or more, since a client that found no room tries again a second later.
    let running = BACKLOGS.map(|(backlog, _)| (backlog, std::thread::spawn(move || run(backlog.parse().unwrap()))));
    let runs: BTreeMap<String, Vec<Frame>> = running
        .into_iter()
        .map(|(backlog, run)| (backlog.to_string(), run.join().unwrap()))
        .collect();
    let widget = Widget {
        title: "The accept queue".into(),
        lead: "A server has called `listen(fd, backlog)` and is busy; clients call, one after the other. *How many get in, and what becomes of the others?*".into(),
        settings: vec![setting("Backlog", &BACKLOGS)],
        ends: Vec::new(),
        first: "2".into(),
        runs,
        rules: serde_json::Value::Null,
    };
    holds("queue", &widget);
}

fn run(backlog: usize) -> Vec<Frame> {
    let listener = bound(0, true).unwrap();
    listen(&listener, i32::try_from(backlog).unwrap());
    let (port, mut clients, mut frames) = (port(&listener), Vec::new(), Vec::new());
    let mut inside = 0;
    for number in 1..=CLIENTS {
        clients.push(calling(port));
        // A connection is in the queue when its handshake is over. From when the queue is full, nobody gets in.
        let room = number.min(backlog + 1);
        until(port, "a connection in the queue", |sockets| waiting(sockets) == room);
        let (established, hanging) = (room, number - room);
        let hangs = established == inside;
        inside = established;
        let say = match hangs {
            false => format!(
                "Client {number} calls: connect succeeds, although the server does nothing. The queue holds {established}."
            ),
            true => format!("Client {number} calls: connect hangs. It is not refused; the queue is full."),
        };
        frames.push(shown(say, established, hanging, 0));
    }
    // Had there been more room, one more would be inside by now: all have called.
    let counted = counted(&listed(port), port);
    assert_eq!(counted, (inside, CLIENTS - inside), "backlog {backlog}");
    frames.extend(room_for_one(&listener.into(), port, inside));
    frames
}

/// The server accepts one client, and later another one gets in.
fn room_for_one(listener: &TcpListener, port: u16, inside: usize) -> [Frame; 2] {
    let _served = listener.accept().unwrap();
    let one = format!(
        "The server accepts client 1. Now the queue holds {}, and there is room; but nobody tells the clients that hang.",
        inside - 1
    );
    let now = shown(one, inside - 1, CLIENTS - inside, 1);
    until(port, "another client in the queue", |sockets| {
        waiting(sockets) == inside
    });
    // How many get that far is a matter of luck: two that try at the same time may both be told that they are connected.
    let mut later = shown(
        "About a second after it called, the kernel of a client that hangs tries again, and gets in. The queue is full again.".into(),
        inside,
        0,
        1,
    );
    later.strips[1].cells = vec![("the others".into(), "bad".into())];
    later.tables[0].rows[2][1] = "the others".into();
    [now, later]
}

/// How many connections wait in the listening socket's queue.
fn waiting(sockets: &[Listed]) -> usize {
    sockets
        .iter()
        .filter(|socket| socket.state == "LISTEN")
        .map(|socket| socket.waiting)
        .sum()
}

/// How many clients are connected, and how many still call.
fn counted(sockets: &[Listed], port: u16) -> (usize, usize) {
    let clients = |state: &str| {
        sockets
            .iter()
            .filter(|socket| socket.remote == port && socket.state == state)
            .count()
    };
    (clients("ESTAB"), clients("SYN-SENT"))
}

fn shown(say: String, queued: usize, hanging: usize, served: usize) -> Frame {
    let cells = |count: usize, kind: &str| -> Vec<(String, String)> {
        match count {
            0 => vec![("empty".into(), "plain".into())],
            _ => vec![("client".into(), kind.into()); count],
        }
    };
    let mut next = frame(say);
    next.strips = vec![
        strip("Connected, in the queue", cells(queued, "good")),
        strip("connect hangs", cells(hanging, "bad")),
    ];
    let rows = [
        ("accepted", served),
        ("in the queue (Recv-Q)", queued),
        ("hanging (SYN-SENT)", hanging),
    ];
    next.tables.push(table(
        "Clients",
        &["", "how many"],
        rows.map(|(name, count)| vec![name.to_string(), count.to_string()])
            .to_vec(),
    ));
    next
}

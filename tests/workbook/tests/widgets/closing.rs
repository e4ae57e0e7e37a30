//! The TCP close explorer: who closes first, who is left in TIME-WAIT, and whether the next run gets the port. Measured on this kernel.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

use bookkit::widget::{Arrow, Frame, Widget};
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};

use super::sockets::{Listed, bound, calling, listed, listen, port, until};
use super::{arrow, frame, holds, setting, table};

const FIRST: [(&str, &str); 2] = [("server", "the server"), ("client", "the client")];
const BEFORE: [(&str, &str); 2] = [("no", "without SO_REUSEADDR"), ("yes", "with SO_REUSEADDR")];
const AGAIN: [(&str, &str); 3] = [
    ("no", "without SO_REUSEADDR"),
    ("after", "sets it after bind"),
    ("before", "sets it before bind"),
];

#[test]
fn closing() {
    let mut runs = BTreeMap::new();
    for (first, _) in FIRST {
        for (before, _) in BEFORE {
            for (again, _) in AGAIN {
                let (frames, works) = run(first == "server", before == "yes", again);
                // The table of the chapter: the port is free at once if the client closed first, or if both runs set the option in time.
                assert_eq!(
                    works,
                    first == "client" || (before == "yes" && again == "before"),
                    "{first} {before} {again}"
                );
                runs.insert(format!("{first}/{before}/{again}"), frames);
            }
        }
    }
    let widget = Widget {
        title: "Who closes first?".into(),
        lead: "A server serves one client, ends, and is started again at once. *Who has the socket in TIME-WAIT, and does the second run get its port?*".into(),
        settings: vec![
            setting("Closes first", &FIRST),
            setting("First run", &BEFORE),
            setting("Second run", &AGAIN),
        ],
        ends: vec!["client".into(), "server".into()],
        first: "server/no/no".into(),
        runs,
        rules: serde_json::Value::Null,
    };
    holds("closing", &widget);
}

/// One session and a restart; also, whether the second run's `bind` worked.
fn run(server_first: bool, reuse: bool, again: &str) -> (Vec<Frame>, bool) {
    let listener = bound(0, reuse).unwrap();
    listen(&listener, 5);
    let port = port(&listener);
    let client = calling(port);
    until(port, "a connection", |sockets| {
        sockets.iter().filter(|socket| socket.state == "ESTAB").count() == 2
    });
    let listener = TcpListener::from(listener);
    let connection = OwnedFd::from(listener.accept().unwrap().0);
    let mut frames = vec![shown(
        port,
        "Client and server are connected.",
        vec![arrow("right", "connect", "good")],
    )];

    let (one, other) = if server_first {
        (connection, client)
    } else {
        (client, connection)
    };
    let (ways, names) = if server_first {
        (["left", "right"], ["server", "client"])
    } else {
        (["right", "left"], ["client", "server"])
    };
    drop(one);
    until(port, "half a connection", |sockets| {
        has(sockets, "FIN-WAIT-2") && has(sockets, "CLOSE-WAIT")
    });
    let say = format!(
        "The {} closes. Its FIN says: no more bytes from me. The {} may still send.",
        names[0], names[1]
    );
    frames.push(shown(port, &say, vec![arrow(ways[0], "FIN", "good")]));

    drop(other);
    until(port, "TIME-WAIT", |sockets| {
        has(sockets, "TIME-WAIT") && sockets.len() == 2
    });
    let say = format!(
        "The {} closes, too. The {} closed first, so its end stays in TIME-WAIT for a minute. No process owns it.",
        names[1], names[0]
    );
    frames.push(shown(port, &say, vec![arrow(ways[1], "FIN", "good")]));

    drop(listener);
    until(port, "the listener's end", |sockets| !has(sockets, "LISTEN"));
    frames.push(shown(
        port,
        "The server ends; its listening socket is gone.",
        vec![arrow("note", "the server ends", "good")],
    ));

    let (say, works) = second(port, again);
    let fate = if works { "good" } else { "bad" };
    let note = if works { "bind works" } else { "bind: EADDRINUSE" };
    frames.push(shown(port, say, vec![arrow("note", note, fate)]));
    (frames, works)
}

/// The second run's `bind`, in words.
fn second(port: u16, again: &str) -> (&'static str, bool) {
    match bound(port, again == "before") {
        Ok(fd) if again == "after" => {
            setsockopt(&fd, sockopt::ReuseAddr, &true).unwrap();
            (
                "The second run binds the port: nothing on this side is in its way. Then it sets SO_REUSEADDR, for the next time.",
                true,
            )
        }
        Ok(_) if again == "before" => ("The second run sets SO_REUSEADDR and binds the port.", true),
        Ok(_) => (
            "The second run binds the port: nothing on this side is in its way.",
            true,
        ),
        Err(Errno::EADDRINUSE) if again == "before" => (
            "The second run sets SO_REUSEADDR, and bind fails all the same: the socket in TIME-WAIT comes from a run without it.",
            false,
        ),
        Err(Errno::EADDRINUSE) if again == "after" => (
            "The second run's bind fails. An option that it would set afterwards comes too late.",
            false,
        ),
        Err(Errno::EADDRINUSE) => (
            "The second run's bind fails: the port is in a socket in TIME-WAIT.",
            false,
        ),
        Err(error) => panic!("bind: {error}"),
    }
}

fn has(sockets: &[Listed], state: &str) -> bool {
    sockets.iter().any(|socket| socket.state == state)
}

/// A frame with the kernel's list of sockets, in which the server's port is 5000 and the client's 40000.
fn shown(port: u16, say: &str, arrows: Vec<Arrow>) -> Frame {
    let mut next = frame(say);
    next.arrows = arrows;
    let name = |number: u16| match number {
        0 => "*".to_string(),
        number if number == port => "5000".to_string(),
        _ => "40000".to_string(),
    };
    let sockets = listed(port);
    let rows = sockets.iter().map(|socket| {
        let owner = if socket.inode == 0 {
            "nobody"
        } else if socket.local == port {
            "the server"
        } else {
            "the client"
        };
        vec![
            socket.state.into(),
            name(socket.local),
            name(socket.remote),
            owner.into(),
        ]
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    if rows.is_empty() {
        rows.push(["none", "", "", ""].map(String::from).to_vec());
    }
    let mut sockets = table(
        "The kernel's sockets (ss -tan)",
        &["state", "local port", "remote port", "owner"],
        rows,
    );
    sockets.bad = sockets
        .rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row[0] == "TIME-WAIT")
        .map(|(at, _)| at)
        .collect();
    next.tables.push(sockets);
    next
}

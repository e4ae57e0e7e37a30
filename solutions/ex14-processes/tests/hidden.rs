// CANARY-7f3a91c2-hidden
//! The checks of exercise 14 that students see by name only.

use std::net::TcpStream;

use harness::{Lab, Server, TcpPeer};
use rstest::rstest;

harness::exercise!("../../../exercises/ex14-processes/rubric.toml");

/// How many children the server starts at most, if nobody says otherwise.
const USUAL: usize = 8;

/// What has to be right before many clients at once can show anything else.
fn two_at_once(lab: &Lab) {
    lab.control("two_clients_at_the_same_time", |lab| {
        let server = lab.program(["server", "--", "cat"]).named("undisturbed").serve();
        cats(lab, &server, 2, "as one of two clients");
    });
}

/// A server whose clients talk to a shell that runs `script`.
fn shell(lab: &Lab, script: &str) -> Server {
    lab.serve(["server", "--", "sh", "-c", script])
}

#[rstest]
#[case::a_child_that_returns("echo done", "the child has ended")]
#[case::a_child_that_closes_and_lives_on(
    "echo done; exec <&- >&-; sleep 30",
    "the child has closed its copies and does something else"
)]
fn client_sees_eof_when_the_child_ends(#[case] script: &str, #[case] what: &str) {
    let lab = lab();
    if lab.tool("sh").is_none() || lab.tool("sleep").is_none() {
        return;
    }
    let server = shell(&lab, script);
    let mut client = lab.connect("client", server.addr());
    // The client's own side stays open, so that nothing it does can end the connection.
    let doing =
        format!("reading to the end of the stream: {what}, so the last copy of the connection should be closed");
    let text = client.read_to_eof(&doing);
    lab.expect_eq(&doing, text.escape_ascii().to_string(), r"done\n");
}

#[test]
fn no_zombies() {
    let lab = lab();
    if !lab.can_see_processes() || lab.tool("cat").is_none() {
        return;
    }
    two_at_once(&lab);
    let server = lab.serve(["server", "--", "cat"]);
    // The first child outlives all the others: they do not end in the order in which they began.
    let mut first = lab.connect("first client", server.addr());
    echoes(&mut first, "as the first client, who stays");
    for round in 1..=10 {
        leave(cats(&lab, &server, 5, &format!("in round {round} of 10")));
        let left = 5 * round;
        let doing = format!(
            "looking for zombies: {left} clients have left, the first one is still there, and nobody new comes"
        );
        server.expect_zombies(0, &doing);
    }

    // Signals are not counted: five that arrive while the server cannot look are one.
    let mut clients = cats(&lab, &server, 5, "before the server is frozen");
    server.freeze_alone();
    // Each cat reads the end of its input and ends. The streams to the clients may end later: a server that was frozen right behind a
    // spawn still has its own copy of that connection.
    clients.iter_mut().for_each(TcpPeer::half_close);
    server.expect_zombies(5, "letting five children end while the server is frozen");
    server.thaw();
    for client in &mut clients {
        client.expect_eof("waiting for the end of the stream, after a child has ended while the server was frozen");
    }
    let doing =
        "looking for zombies: five children have ended at the same time, one is still there, and nobody new comes";
    server.expect_zombies(0, doing);

    server.expect_at_rest(
        "looking what the server does when 55 children have ended, one waits for its client, and nobody new comes",
    );
}

/// Clients that have got an echo, and so a child each.
fn cats(lab: &Lab, server: &Server, count: usize, when: &str) -> Vec<TcpPeer> {
    let connect = |number| lab.connect(&format!("client {number}"), server.addr());
    let mut clients: Vec<TcpPeer> = (1..=count).map(connect).collect();
    clients.iter_mut().for_each(|client| echoes(client, when));
    clients
}

fn echoes(client: &mut TcpPeer, when: &str) {
    client.send(b"hello\n");
    client.expect_bytes(b"hello\n", &format!("reading the echo of cat {when}"));
}

fn leave(mut clients: Vec<TcpPeer>) {
    for client in &mut clients {
        client.half_close();
        client.expect_eof("waiting for the end of the stream after the client's own, which ends its cat");
    }
}

#[test]
fn child_inherits_only_0_1_2() {
    let lab = lab();
    if lab.tool("sh").is_none() {
        return;
    }
    // `: <&5` fails if descriptor 5 is not open. Shells understand one digit there.
    let look =
        "for n in 3 4 5 6 7 8 9; do if (eval \": <&$n\") 2>/dev/null; then echo $n; fi; done; echo complaint >&2";
    let server = shell(&lab, look);
    // Others are connected and stay so.
    let mut others: Vec<TcpPeer> = Vec::new();
    for name in ["client 1", "client 2"] {
        let doing = format!(
            "asking the child of {name}, after {} others, which descriptors from 3 to 9 it was given",
            others.len()
        );
        let mut client = lab.connect(name, server.addr());
        let text = String::from_utf8_lossy(&client.read_to_eof(&doing)).into_owned();
        let (complaints, open): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| *line == "complaint");
        lab.expect(
            &doing,
            "none: a child has 0, 1 and 2",
            format!("{} too", open.join(", ")),
            open.is_empty(),
        );
        lab.expect(
            "reading what the child wrote to its standard error, which is not the client's",
            "nothing",
            format!("{} line of it came to the client", complaints.len()),
            complaints.is_empty(),
        );
        others.push(client);
    }
}

#[rstest]
#[case::eight_by_default(USUAL, None)]
#[case::as_many_as_the_command_line_says(2, Some("2"))]
fn ninth_client_waits_its_turn(#[case] most: usize, #[case] asked: Option<&str>) {
    let lab = lab();
    if lab.tool("sh").is_none() {
        return;
    }
    if lab.tool("cat").is_none() {
        return;
    }
    two_at_once(&lab);
    let option = asked.map(|most| ["--max-children", most]);
    let mut args = vec!["server"];
    args.extend(option.iter().flatten());
    args.extend(["--", "sh", "-c", "echo welcome; read line"]);
    let server = lab.serve(args);
    // All of them connect first. The kernel does that, whether the server looks at them or not.
    let all = most + 8;
    let connect = |number| lab.connect(&format!("client {number}"), server.addr());
    let mut clients: Vec<TcpPeer> = (1..=all).map(connect).collect();

    let mut served = Vec::new();
    for (number, client) in clients.iter_mut().enumerate().take(most) {
        let doing = format!(
            "reading the greeting as client {} of {all}, of whom {most} are to be served at once",
            number + 1
        );
        client.expect_bytes(b"welcome\n", &doing);
        served.push(number);
    }
    for (left, next) in (most..all).enumerate() {
        at_most_started(&lab, &server, most, left);
        // In turn the one who came last and the one who came first: a server that waits for a certain one waits in vain.
        let leaving = served.remove(if left % 2 == 0 { most - 1 } else { 0 });
        clients[leaving].send(b"goodbye\n");
        clients[leaving].expect_eof(&format!("waiting for the end of client {}'s child", leaving + 1));
        let doing = format!(
            "reading the greeting as client {}, for whom there is a place now that client {} has left",
            next + 1,
            leaving + 1
        );
        clients[next].expect_bytes(b"welcome\n", &doing);
        served.push(next);
    }

    let _waiting = lab.connect("one more client", server.addr());
    server.expect_at_rest(&format!(
        "looking what the server does when all {most} places are taken, no child does anything, and one client is in the queue"
    ));
}

/// Fails if the log tells of more children than there can be, if so many clients have left.
fn at_most_started(lab: &Lab, server: &Server, most: usize, left: usize) {
    let log = server.stdout_so_far();
    let started = log.lines().filter(|line| line.starts_with("start ")).count();
    lab.expect(
        &format!("counting the children in the log when {left} clients have left and {most} may be served at once"),
        format!("at most {} were started", most + left),
        format!("{started} were started"),
        started <= most + left,
    );
}

#[test]
fn a_hung_child_stops_nobody() {
    let lab = lab();
    if lab.tool("sh").is_none() {
        return;
    }
    // A child that stops itself does nothing any more, not even end.
    let script = "read how; if [ $how = hang ]; then kill -STOP $$; fi; echo $how; read line; echo $line";
    lab.control("cat_becomes_an_echo_server", |lab| {
        let server = lab
            .program(["server", "--", "sh", "-c", script])
            .named("undisturbed")
            .serve();
        for name in ["undisturbed client 1", "undisturbed client 2"] {
            let client = lab.connect(name, server.addr());
            whole_conversation(client, &format!("as {name}"));
        }
    });
    let server = shell(&lab, script);
    let mut hung = lab.connect("hung", server.addr());
    hung.send(b"hang\n");
    let _silent = lab.connect("silent", server.addr());
    for name in ["client 1", "client 2", "client 3"] {
        let client = lab.connect(name, server.addr());
        let beside = format!("as {name}, while one other child hangs and another waits for its client");
        whole_conversation(client, &beside);
    }
}

fn whole_conversation(mut client: TcpPeer, who: &str) {
    for line in ["hello\n", "goodbye\n"] {
        client.send(line.as_bytes());
        client.expect_bytes(
            line.as_bytes(),
            &format!("reading the answer to `{}` {who}", line.trim_end()),
        );
    }
    client.expect_eof(&format!("waiting for the end of the child {who}"));
}

#[rstest]
#[case::no_such_file("./no-such-program", "spawn failed: ENOENT")]
#[case::not_a_program("./not-a-program", "spawn failed: EACCES")]
fn missing_program(#[case] program: &str, #[case] expected: &str) {
    let lab = lab();
    std::fs::write(lab.folder().join("not-a-program"), "hello\n").expect("the lab's folder can be written");
    let server = lab.serve(["server", "--", program]);
    // More than may be served at once: one that was never started takes nobody's place.
    for number in 1..=USUAL + 2 {
        let mut client = lab.connect(&format!("client {number}"), server.addr());
        client.expect_eof(&format!(
            "waiting, as client {number}, for the end of the stream: `{program}` cannot be started"
        ));
        let doing = format!("reading the log: why there is no child for client {number}");
        let line = server.next_line(&doing);
        lab.expect(&doing, format!("{expected}: …"), &line, line.starts_with(expected));
    }
    server.expect_alive();
}

#[test]
fn a_signal_does_not_end_accept() {
    let lab = lab();
    if lab.tool("sh").is_none() {
        return;
    }
    let conversations = |lab: &Lab, server: &Server, how: &str| {
        let mut clients = Vec::new();
        for name in ["client 1", "client 2", "client 3"] {
            let name = format!("{name}{how}");
            let mut client = lab.connect(&name, server.addr());
            client.expect_bytes(
                b"ready\n",
                &format!(
                    "waiting until the child of {name} is ready, beside {} others",
                    clients.len()
                ),
            );
            clients.push((name, client));
        }
        for (name, client) in &mut clients {
            client.send(b"hello\n");
            client.expect_bytes(b"hello\n", &format!("reading the answer as {name}"));
            client.expect_eof(&format!("waiting for the end of {name}'s child"));
        }
        server.expect_alive();
    };
    let talk = "echo ready; read line; echo $line";
    lab.control("two_clients_at_the_same_time", |lab| {
        let server = lab
            .program(["server", "--", "sh", "-c", talk])
            .named("undisturbed")
            .serve();
        conversations(lab, &server, ", undisturbed");
    });
    // Each child sends its parent 200 times the signal that a child has ended, although none has.
    let storm = format!("i=0; while [ $i -lt 200 ]; do kill -CHLD $PPID; i=$((i+1)); done; {talk}");
    let server = shell(&lab, &storm);
    conversations(&lab, &server, ", whose child sends SIGCHLD");
}

#[test]
#[allow(non_snake_case)] // the name of a signal
fn no_orphans_after_SIGTERM() {
    let lab = lab();
    if lab.tool("sh").is_none() {
        return;
    }
    two_at_once(&lab);
    let idle = lab.program(["server", "--", "sh"]).named("idle server").serve();
    idle.terminate();
    idle.expect_exit(0);

    // Children that tidy up when they are asked to end. All places are taken.
    let tidy = "trap 'echo tidied up; exit 0' TERM; echo ready; read line";
    let polite = lab.serve(["server", "--max-children", "3", "--", "sh", "-c", tidy]);
    let mut clients: Vec<TcpPeer> = ["client 1", "client 2", "client 3"]
        .map(|name| lab.connect(name, polite.addr()))
        .into();
    for client in &mut clients {
        client.expect_bytes(b"ready\n", "waiting until each of three children is ready");
    }
    polite.terminate();
    for client in &mut clients {
        let doing = "waiting for each child's last words, after the server was asked to end (SIGTERM) and has to ask its children";
        client.expect_bytes(b"tidied up\n", doing);
        client.expect_eof("waiting for the end of the stream after the child's last words");
    }
    expect_log(&lab, &polite, 3);

    // A child that takes its time: the server waits for it, and does not start any other.
    let slow = shell(
        &lab,
        "trap 'echo one moment' TERM; echo ready; while ! read line; do :; done; echo done",
    );
    let mut client = lab.connect("client", slow.addr());
    client.expect_bytes(b"ready\n", "waiting until the child is ready");
    slow.terminate();
    client.expect_bytes(b"one moment\n", "waiting for the child to be asked to end");
    // Whether this connection is refused or stays in the queue for good is the server's affair.
    let late = TcpStream::connect(slow.addr());
    client.send(b"now\n");
    client.expect_bytes(b"done\n", "reading the last words of a child that took its time to end");
    expect_log(&lab, &slow, 1);
    drop(late);
}

/// Waits for the end of the server and looks whether its log tells of so many children from start to end.
fn expect_log(lab: &Lab, server: &Server, children: usize) {
    let log = server.expect_exit(0).stdout_text();
    for (word, count, what) in [
        ("start ", log.matches("\nstart pid=").count(), "were started"),
        (
            "exit ",
            log.matches("\nexit pid=").count(),
            "have ended before the server did",
        ),
    ] {
        lab.expect(
            &format!("counting the lines that begin with `{word}` in the log of a server that was asked to end"),
            format!("{children}: so many children {what}"),
            format!("{count}, in {:?}", lab.redact(&log)),
            count == children,
        );
    }
}

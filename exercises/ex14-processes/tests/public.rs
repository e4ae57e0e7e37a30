//! The checks of exercise 14 that you have in front of you. Run them: `cargo test -p ex14`.
//!
//! Each one starts your server with a command that every system has, and talks to that command as a client would.
//! `rubric.toml` says what each is worth.

use std::time::{SystemTime, UNIX_EPOCH};

use harness::{Lab, Server, TcpPeer};

harness::exercise!("../rubric.toml");

#[test]
fn cat_becomes_an_echo_server() {
    let lab = lab();
    if lab.tool("cat").is_none() {
        return;
    }
    let server = lab.serve(["server", "--", "cat"]);
    let mut client = lab.connect("client", server.addr());
    for (piece, when) in [
        ("Hello, world", "the client has its side still open"),
        ("and once more\n", "cat goes on until its input ends"),
    ] {
        client.send(piece.as_bytes());
        let doing = format!("reading back what the client sent, which cat has to write to the connection; {when}");
        client.expect_bytes(piece.as_bytes(), &doing);
    }
    client.half_close();
    client.expect_eof(
        "waiting for the end of the stream: the client has ended its side, so cat ends, and with it the connection",
    );
}

#[test]
fn date_becomes_a_time_server() {
    let lab = lab();
    if lab.tool("date").is_none() {
        return;
    }
    let server = lab.serve(["server", "--", "date", "-u", "+%s"]);
    for name in ["client 1", "client 2"] {
        let earliest = epoch();
        let mut client = lab.connect(name, server.addr());
        // The client says nothing and keeps its side open: connecting is the whole request.
        let doing =
            format!("reading, as {name}, what `date -u +%s` prints (seconds since 1970), to the end of the stream");
        let text = String::from_utf8_lossy(&client.read_to_eof(&doing)).into_owned();
        let latest = epoch();
        let told = text.strip_suffix('\n').and_then(|line| line.parse().ok());
        let right = told.is_some_and(|told: u64| (earliest..=latest).contains(&told));
        let expected = format!("a line with the time, {earliest} or up to {latest}");
        lab.expect(&doing, expected, format!("{text:?}"), right);
    }
}

#[test]
fn two_clients_at_the_same_time() {
    let lab = lab();
    if lab.tool("cat").is_none() {
        return;
    }
    let server = lab.serve(["server", "--", "cat"]);
    let mut clients: Vec<(&str, TcpPeer)> = Vec::new();
    for name in ["client 1", "client 2", "client 3"] {
        clients.push((name, lab.connect(name, server.addr())));
        // Every client that is there gets an answer, in turn, before the next one comes. None of them leaves: a server that finishes
        // with one before it looks at the next never gets to the end of this.
        let others = clients.len() - 1;
        for (name, client) in &mut clients {
            client.send(b"still there?\n");
            let doing = match others {
                0 => format!("reading the echo as {name}, the only client so far"),
                1 => format!(
                    "reading the echo as {name}, while another one stays connected: each has a process of its own"
                ),
                _ => format!(
                    "reading the echo as {name}, while {others} others stay connected: each has a process of its own"
                ),
            };
            client.expect_bytes(b"still there?\n", &doing);
        }
    }
}

#[test]
fn log_transcript() {
    let lab = lab();
    if lab.tool("sh").is_none() {
        return;
    }
    // `$$` is the shell's own process id; then it waits for a line from the client.
    let server = lab.serve(["server", "--", "sh", "-c", "echo $$; read line"]);
    let mut log = format!("listening on {}\n", server.addr());
    for name in ["client 1", "client 2"] {
        let mut client = lab.connect(name, server.addr());
        let own = client.read_line(&format!(
            "reading the process id of {name}'s child, as the child itself tells it"
        ));
        if let Ok(pid) = own.parse() {
            lab.saw_pid(pid);
        }
        log += &format!(
            "{}\n",
            server.next_line(&format!("reading the log: {name}'s child was started"))
        );
        client.send(b"goodbye\n");
        client.expect_eof("waiting for the end of the stream: the child has read a line and has ended");
        log += &format!(
            "{}\n",
            server.next_line(&format!("reading the log: {name}'s child has ended"))
        );
    }
    harness::assert_snapshot!(lab, log, @r"
    listening on 127.0.0.1:PORT1
    start pid=PID1 from 127.0.0.1:PORT2
    exit pid=PID1 code 0
    start pid=PID2 from 127.0.0.1:PORT3
    exit pid=PID2 code 0
    ");
}

#[test]
fn exit_codes_and_signals_are_reported() {
    let lab = lab();
    if lab.tool("sh").is_none() {
        return;
    }
    // The shell does what the client tells it to.
    let server = lab.serve(["server", "--", "sh", "-c", "read how; eval \"$how\""]);
    for (how, expected) in [
        ("exit 0", "code 0"),
        ("exit 3", "code 3"),
        ("exit 255", "code 255"),
        ("kill -TERM $$", "signal 15"),
        ("kill -KILL $$", "signal 9"),
    ] {
        let mut client = lab.connect("client", server.addr());
        client.send(format!("{how}\n").as_bytes());
        client.expect_eof(&format!("waiting for the end of a child that was told to `{how}`"));
        let pid = started(&lab, &server);
        let doing = format!("reading the log: how the child ended that was told to `{how}`");
        let line = server.next_line(&doing);
        lab.expect_eq(&doing, line.as_str(), format!("exit pid={pid} {expected}").as_str());
    }
}

#[test]
fn exit_text_table() {
    let lab = lab();
    // The numbers are those that the kernel gives to whoever waits: 256 × code, or the signal, or the signal + 128 with a core dump.
    let cases = [
        ("it returned 0", "exit_text 0", "code 0"),
        ("it returned 1", "exit_text 256", "code 1"),
        ("it returned 3", "exit_text 768", "code 3"),
        ("it returned 255", "exit_text 65280", "code 255"),
        ("SIGKILL ended it", "exit_text 9", "signal 9"),
        ("SIGTERM ended it", "exit_text 15", "signal 15"),
        ("SIGSEGV ended it, with a core dump", "exit_text 139", "signal 11"),
        ("it returned 137, which is no signal", "exit_text 35072", "code 137"),
    ];
    let answers = lab.probe(&cases.map(|(_, request, _)| request));
    for ((case, request, expected), answer) in cases.into_iter().zip(answers) {
        let doing = format!("asking `{request}`: {case}");
        lab.expect(&doing, expected, &answer, answer == expected);
    }
}

/// The process id in the log's next line, `start pid=P from …`.
fn started(lab: &Lab, server: &Server) -> String {
    let doing = "reading the log: a child was started";
    let line = server.next_line(doing);
    let pid = line.strip_prefix("start pid=").and_then(|rest| rest.split(' ').next());
    lab.expect(doing, "start pid=P from IP:PORT", &line, pid.is_some());
    pid.unwrap_or_default().to_string()
}

/// Seconds since 1970, by the clock of this machine.
fn epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

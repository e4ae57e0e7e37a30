// CANARY-7f3a91c2-hidden
//! The checks of exercise 1 that students see by name only.

use harness::Lab;
use harness::trace::{Call, SOCKET_CALLS};
use rstest::rstest;

harness::exercise!("../../../exercises/ex01-four-calls/rubric.toml");

const EPOCH: &str = "1483228799";
/// The line without its end, and with two digits everywhere: those are the business of another check.
const TIME: &[u8] = b"2016-12-31T23:59:59Z";
/// Checks to look at first when the undisturbed session of a fault check fails.
const ONE_CLIENT: &str = "one_client_gets_22_bytes_then_eof";
const THREE_CLIENTS: &str = "three_clients_in_a_row_are_served";
const QUEUED_CLIENTS: &str = "queued_clients_are_served_in_order";

#[test]
fn calls_in_order() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    let server = lab
        .program(["server", "--count", "1", "--epoch", EPOCH])
        .trace(SOCKET_CALLS)
        .serve();
    lab.connect("client", server.addr())
        .read_to_eof("reading the time of day, whatever it is");
    server.expect_exit(0);
    let calls = server.calls();
    let reuse = Call::Setsockopt.option("SO_REUSEADDR");
    let order = [
        Call::Socket.into(),
        reuse,
        Call::Bind.into(),
        Call::Listen.into(),
        Call::Accept.into(),
    ];
    lab.expect_calls("looking at the order of the server's calls", calls.in_order(&order));
    for call in [Call::Socket, Call::Bind, Call::Listen] {
        lab.expect_calls(&format!("counting the calls of {call}"), calls.once(call));
    }
}

#[test]
fn backlog_reaches_listen() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    let server = lab.program(["server", "--backlog", "7"]).trace(SOCKET_CALLS).serve();
    let listen = server.wait_for_call(Call::Listen, "waiting for the server to call listen");
    lab.expect(
        "reading the backlog of listen, after --backlog 7",
        "listen(…, backlog 7)",
        &listen,
        listen.backlog() == Some(7),
    );
}

#[test]
fn restarts_at_once_on_the_same_port() {
    let lab = lab();
    let port = lab.control(ONE_CLIENT, |lab| {
        let first = lab
            .program(["server", "--count", "1", "--epoch", EPOCH])
            .named("first run")
            .serve();
        let mut client = lab.connect("client", first.addr());
        // The server closes first and the client after it: the server's port is the one in TIME_WAIT.
        let doing = "reading from the first run, up to the server's close";
        let line = client.read_to_eof(doing);
        lab.expect(doing, TIME.escape_ascii(), line.escape_ascii(), line.starts_with(TIME));
        client.close();
        first.expect_exit(0);
        first.port().to_string()
    });
    let second = lab
        .program(["server", "--port", &port, "--epoch", EPOCH])
        .named("second run")
        .serve();
    let mut client = lab.connect("client", second.addr());
    client.expect_bytes(TIME, "reading the time of day from the second run on the same port");
}

#[test]
fn two_hundred_clients_with_32_descriptors() {
    let lab = lab();
    lab.control(THREE_CLIENTS, serve_two_in_a_row);
    let server = lab.program(["server", "--epoch", EPOCH]).nofile(32).serve();
    let mut clients = Vec::new();
    for number in 1..=200 {
        let mut client = lab.connect("client", server.addr());
        client.expect_bytes(
            TIME,
            &format!("reading the time of day as client {number} of 200 of a server with 32 descriptors"),
        );
        clients.push(client); // the server closes its end; that these stay open is none of its business
    }
}

#[test]
fn queued_clients_are_served_in_order() {
    let lab = lab();
    lab.control(THREE_CLIENTS, serve_two_in_a_row);
    let server = lab.serve(["server", "--count", "5", "--epoch", EPOCH]);
    server.freeze(); // stands for a server that is busy: the kernel goes on completing handshakes
    let mut clients: Vec<_> = (1..=5)
        .map(|number| lab.connect(&format!("client {number}"), server.addr()))
        .collect();
    server.thaw();
    for (number, client) in (1..).zip(&mut clients) {
        client.expect_bytes(
            TIME,
            &format!("reading the time of day as number {number} of 5 that waited in the queue"),
        );
        server.expect_line(&format!("client {number} from {}", client.local_addr()));
    }
    server.expect_exit(0);
}

#[test]
fn only_the_asked_address_listens() {
    let lab = lab();
    if !cfg!(target_os = "linux") {
        return lab.not_run_here("only Linux has 127.0.0.2 without configuring it");
    }
    let server = lab.serve(["server", "--host", "127.0.0.1", "--epoch", EPOCH]);
    let mut client = lab.connect("client", ([127, 0, 0, 1], server.port()).into());
    client.expect_bytes(TIME, "reading the time of day through 127.0.0.1");
    lab.refuses("stranger", ([127, 0, 0, 2], server.port()).into());
}

#[test]
fn a_client_that_reset_while_queued_is_harmless() {
    let lab = lab();
    lab.control(QUEUED_CLIENTS, serve_two_that_waited);
    let server = lab.serve(["server", "--epoch", EPOCH]);
    server.freeze();
    lab.connect("client 1", server.addr()).reset();
    let mut second = lab.connect("client 2", server.addr());
    server.thaw();
    second.expect_bytes(
        TIME,
        "reading the time of day after a client that reset its connection in the queue",
    );
}

/// Connects, reads to the end and prints. It sends nothing and does not know how long the answer is.
/// (`-I -S` halves the start of Python: nothing of the machine's own is loaded.)
const PYTHON_CLIENT: &str = "
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as server:
    answer = b''
    while piece := server.recv(1024):
        answer += piece
sys.stdout.buffer.write(answer)
";

#[rstest]
#[case::curl("curl", &["-sS", "telnet://HOST:PORT"])]
#[case::python("python3", &["-I", "-S", "client.py", "HOST", "PORT"])]
fn curl_telnet_and_python_read_the_time(#[case] name: &str, #[case] args: &[&str]) {
    let lab = lab();
    let Some(tool) = lab.tool(name) else { return };
    std::fs::write(lab.folder().join("client.py"), PYTHON_CLIENT).expect("the lab's folder can be written");
    let server = lab.serve(["server", "--epoch", EPOCH]);
    let port = server.port().to_string();
    let args = args
        .iter()
        .map(|arg| arg.replace("HOST", "127.0.0.1").replace("PORT", &port));
    let finished = tool.args(args).run(b"");
    let doing = format!("reading the time of day with {name}");
    lab.expect_eq(&doing, finished.stdout_text().trim_end(), "2016-12-31T23:59:59Z");
}

/// The undisturbed session of a check with several clients: two, one after the other.
fn serve_two_in_a_row(lab: &Lab) {
    let server = lab.program(["server", "--epoch", EPOCH]).named("undisturbed").serve();
    let mut clients = Vec::new();
    for name in ["first", "second"] {
        let mut client = lab.connect(name, server.addr());
        client.expect_bytes(TIME, "reading the time of day, with nothing out of the ordinary");
        clients.push(client); // as in the check itself, the server must not wait for its client to leave
    }
}

/// The undisturbed session of a check with clients in the queue: two, both alive.
fn serve_two_that_waited(lab: &Lab) {
    let server = lab.program(["server", "--epoch", EPOCH]).named("undisturbed").serve();
    server.freeze();
    let mut clients = ["first", "second"].map(|name| lab.connect(name, server.addr()));
    server.thaw();
    for client in &mut clients {
        client.expect_bytes(TIME, "reading the time of day after waiting in the queue");
    }
}

// CANARY-7f3a91c2-hidden
//! The checks of exercise 6 that students see by name only.

#[path = "hidden/clients.rs"]
mod clients;

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use clients::{
    client_of, client_of_a_silent_server, end_of, ended, expect_datagram, expect_gives_up, expect_printed,
    numbered_words, script, undisturbed_client,
};
use harness::trace::{Call, Fault, SOCKET_CALLS};
use harness::{Exit, Lab, Program, UdpPeer};
use nix::errno::Errno;
use rstest::rstest;

harness::exercise!("../../../exercises/ex06-udp-echo/rubric.toml");

/// Options that halve the start of Python: nothing of the machine's own is loaded.
const QUICKLY: [&str; 2] = ["-I", "-S"];
const PYTHON_CLIENT: &str = include_str!("peers/udp_client.py");
const PYTHON_SERVER: &str = include_str!("peers/udp_server.py");

/// Checks to look at first when the undisturbed session of a fault check fails.
const ECHO: &str = "echoes_to_the_sender";
const CLIENT: &str = "client_transcript";

const GIVES_UP: &str = "gives_up_in_time";

/// A time-out for clients that get no answer, where it does not matter how long it is.
const SHORT: Duration = Duration::from_millis(150);
/// A time-out that no program reaches on a machine that works, however busy it is.
const LONG: Duration = Duration::from_secs(5);

#[test]
fn oversized_is_dropped_not_cut() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let client = lab.udp("client");
    let limit = numbered_words(1024);
    client.send_to(&limit, server.addr());
    let doing = "waiting for the echo of 1024 bytes, which is the most that the server echoes";
    expect_datagram(&lab, &client, server.addr(), &limit, doing);
    server.expect_line(&format!("1024 bytes from {}", client.addr()));
    for length in [1025, 5000, 65507] {
        let next = format!("after {length}");
        client.send_to(&numbered_words(length), server.addr());
        client.send_to(next.as_bytes(), server.addr());
        let doing =
            format!("waiting for the next echo after {length} bytes and `{next}` were sent: the first is too long");
        expect_datagram(&lab, &client, server.addr(), next.as_bytes(), &doing);
        server.expect_line(&format!("dropped >1024 bytes from {}", client.addr()));
        server.expect_line(&format!("{} bytes from {}", next.len(), client.addr()));
    }
}

/// In what a stranger's address differs from the server's.
#[derive(Clone, Copy)]
enum Differs {
    Port,
    Address,
}

#[rstest]
#[case::at_another_port(Differs::Port)]
#[case::at_another_address(Differs::Address)]
fn ignores_an_impostor(#[case] differs: Differs) {
    let lab = lab();
    lab.control(CLIENT, undisturbed_client);
    lab.control(GIVES_UP, client_of_a_silent_server);
    if let (Differs::Address, false) = (differs, cfg!(target_os = "linux")) {
        return; // only Linux has 127.0.0.2 without configuring it; the other case stands for both
    }

    // The server is silent: whatever the client takes for an answer is the impostor's.
    let server = lab.udp("silent server");
    let stranger = Stranger::of(&lab, server.addr(), differs);
    let client = client_of(&lab, server.addr(), &["hello"], 2 * SHORT).start();
    let (_, to) = server.receive("waiting for the client's message");
    stranger.send_to(b"hello", to);
    let client = end_of(&client);
    lab.expect(
        &format!(
            "sending the client the right words from {}, while the server at {} is silent",
            stranger.addr(),
            server.addr()
        ),
        "nothing printed, and exit code 4 when the time is up",
        ended(&client),
        client.stdout.is_empty() && client.exit == Exit::Code(4),
    );

    // Nor does a stranger end the wait for the right one.
    let server = lab.udp("slow server");
    let stranger = Stranger::of(&lab, server.addr(), differs);
    let client = client_of(&lab, server.addr(), &["hello"], LONG)
        .named("patient client")
        .start();
    let (message, to) = server.receive("waiting for the client's message");
    for words in [&b"hello"[..], b"bye", b""] {
        stranger.send_to(words, to);
    }
    server.send_to(&message, to);
    let doing = "reading what the client printed after datagrams of a stranger and then the server's answer";
    expect_printed(&lab, &client, &["hello"], doing);
}

/// Somebody whom the client has not asked.
enum Stranger {
    Impostor(UdpPeer),
    /// The harness's peers all have one address.
    Elsewhere(UdpSocket),
}

impl Stranger {
    fn of(lab: &Lab, server: SocketAddr, differs: Differs) -> Stranger {
        match differs {
            Differs::Port => Stranger::Impostor(lab.impostor()),
            Differs::Address => {
                let socket = UdpSocket::bind(("127.0.0.2", server.port()));
                Stranger::Elsewhere(socket.expect("the server's port is free at another address"))
            }
        }
    }

    fn addr(&self) -> SocketAddr {
        match self {
            Stranger::Impostor(peer) => peer.addr(),
            Stranger::Elsewhere(socket) => socket.local_addr().expect("a bound socket has an address"),
        }
    }

    fn send_to(&self, bytes: &[u8], to: SocketAddr) {
        match self {
            Stranger::Impostor(peer) => peer.send_to(bytes, to),
            Stranger::Elsewhere(socket) => {
                socket.send_to(bytes, to).expect("a datagram goes out");
            }
        }
    }
}

#[test]
fn replies_to_the_source_address_and_never_connects() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    let server = lab.program(["server"]).trace(SOCKET_CALLS).serve();
    let clients = ["alice", "bob"].map(|who| lab.udp(who));
    for round in 1..=2 {
        for client in &clients {
            let message = format!("round {round} of {}", client.addr());
            client.send_to(message.as_bytes(), server.addr());
            client.receive("waiting for the echo");
            server.wait_for_call(Call::Sendto, "waiting for the sendto of the echo to return");
        }
    }
    let calls = server.calls();
    lab.expect_calls(
        "looking whether the server has tied its socket to one peer",
        calls.never(Call::Connect),
    );
    let sent = calls.of(Call::Sendto);
    let to: Vec<String> = sent
        .iter()
        .map(|event| event.address().map_or("no address".to_string(), ToString::to_string))
        .collect();
    let round: Vec<String> = clients.iter().map(|client| client.addr().to_string()).collect();
    lab.expect(
        "looking where the server's sends go: four datagrams came from two addresses in turn",
        "one sendto for each datagram, to the address that it came from",
        sent.list(),
        to == [round.clone(), round].concat(),
    );
}

#[rstest]
#[case::while_it_receives(Call::Recvfrom, Errno::ECONNREFUSED)]
#[case::while_it_sends(Call::Sendto, Errno::EHOSTUNREACH)]
fn an_icmp_error_does_not_stop_the_server(#[case] call: Call, #[case] errno: Errno) {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    lab.control(ECHO, |lab| {
        let server = lab.program(["server"]).named("usual server").serve();
        let client = lab.udp("usual client");
        for message in ["first", "second", "third"] {
            client.send_to(message.as_bytes(), server.addr());
            let doing = "waiting for an echo, with nothing out of the ordinary";
            expect_datagram(lab, &client, server.addr(), message.as_bytes(), doing);
        }
    });
    let fault = Fault::Fail {
        call,
        errno,
        first: 2,
        times: 1,
    };
    let server = lab.program(["server"]).fault(fault).serve();
    let client = lab.udp("client");
    client.send_to(b"first", server.addr());
    let doing = "waiting for the echo of the first datagram, before anything goes wrong";
    expect_datagram(&lab, &client, server.addr(), b"first", doing);
    client.send_to(b"second", server.addr());
    client.send_to(b"third", server.addr());
    let doing = format!("waiting for the echo of `third`, after the server's second {call} failed with {errno:?}");
    // An echo whose send fails is lost, as any may be; or the server tries again.
    let (mut echo, _) = client.receive(&doing);
    if echo == b"second" {
        (echo, _) = client.receive(&doing);
    }
    lab.expect(&doing, "third", echo.escape_ascii(), echo == b"third");
    server.expect_alive();
}

#[rstest]
#[case::of_200_ms(200)]
#[case::of_1100_ms(1100)]
fn gives_up_in_time(#[case] millis: u64) {
    let lab = lab();
    lab.control(CLIENT, undisturbed_client);
    let timeout = Duration::from_millis(millis);
    let server = lab.udp("silent server");
    // Taken before the client starts, so that a right program can never have waited for less.
    let started = Instant::now();
    let client = client_of(&lab, server.addr(), &["hello"], timeout).start();
    server.receive("waiting for the client's message");
    expect_gives_up(&lab, &client, timeout, started, "and the server is silent");
    // Whatever the client has sent is in the server's queue by now, before this.
    lab.udp("marker").send_to(b"that was all", server.addr());
    let doing = "looking what came from the client after its message: it is to send it once, and wait";
    let (next, _) = server.receive(doing);
    let all = next == b"that was all";
    lab.expect(doing, "nothing", format!("`{}`", next.escape_ascii()), all);
}

/// What keeps a client busy while it waits for an answer that never comes.
#[derive(Clone, Copy)]
enum Noise {
    /// A receive with a time-out gives EINTR when its process has been stopped and goes on (signal(7)).
    Signals,
    /// The right words from the wrong address.
    Impostor,
    /// The wrong words from the right address.
    Stale,
}

impl Noise {
    fn words(self) -> &'static str {
        match self {
            Noise::Signals => "a signal interrupts it",
            Noise::Impostor => "a stranger sends it the right words",
            Noise::Stale => "the server sends it an answer to something else",
        }
    }
}

/// Between two disturbances of a client: much less than its time-out, which thus begins anew each time, if it does.
const PAUSE: Duration = Duration::from_millis(100);

#[rstest]
#[case::by_signals(Noise::Signals)]
#[case::by_datagrams_of_a_stranger(Noise::Impostor)]
#[case::by_answers_to_something_else(Noise::Stale)]
fn interruptions_do_not_extend_the_wait(#[case] noise: Noise) {
    /// Together the pauses between them take five times as long as a right client waits.
    const ROUNDS: usize = 20;

    let lab = lab();
    lab.control(CLIENT, undisturbed_client);
    lab.control(GIVES_UP, client_of_a_silent_server);
    let once = |lab: &Lab| {
        let (client, started, _) = disturbed_client(lab, "client disturbed once", SHORT, noise, 1);
        expect_gives_up(lab, &client, SHORT, started, &format!("and {} once", noise.words()));
    };
    match noise {
        Noise::Signals => {}
        Noise::Impostor => lab.control("ignores_an_impostor", once),
        Noise::Stale => lab.control("a_duplicated_reply_is_not_the_next_answer", once),
    }
    let timeout = 4 * PAUSE;
    let (client, started, times) = disturbed_client(&lab, "client", timeout, noise, ROUNDS);
    let how = format!("and every {} ms {}", PAUSE.as_millis(), noise.words());
    if !client.ends_within(Duration::ZERO) {
        let doing = format!(
            "waiting for the end of a client with --timeout-ms {}, {how}",
            timeout.as_millis()
        );
        let waits = format!(
            "it still waits after {:.1} s, disturbed {times} times",
            started.elapsed().as_secs_f64()
        );
        lab.fail(&doing, "it gives up when its time is up, with exit code 4", waits);
    }
    expect_gives_up(&lab, &client, timeout, started, &how);
}

/// Starts a client that gets no answer, and disturbs it after each [`PAUSE`], until it ends or has been disturbed so many times.
/// Gives the client, a moment before it started, and how many times it was disturbed.
fn disturbed_client(lab: &Lab, who: &str, timeout: Duration, noise: Noise, most: usize) -> (Program, Instant, usize) {
    let (server, impostor) = (lab.udp("server"), lab.impostor());
    let started = Instant::now();
    let client = client_of(lab, server.addr(), &["hello"], timeout).named(who).start();
    let (_, to) = server.receive("waiting for the client's message");
    let stale = [&b"bye"[..], b"", b"hell"];
    let mut times = 0;
    while times < most && !client.ends_within(PAUSE) {
        match noise {
            Noise::Signals => {
                client.freeze();
                client.thaw();
            }
            Noise::Impostor => impostor.send_to(b"hello", to),
            Noise::Stale => server.send_to(stale[times % stale.len()], to),
        }
        times += 1;
    }
    (client, started, times)
}

#[test]
fn a_duplicated_reply_is_not_the_next_answer() {
    let lab = lab();
    lab.control(CLIENT, undisturbed_client);
    lab.control(GIVES_UP, client_of_a_silent_server);

    let server = lab.udp("server");
    let client = client_of(&lab, server.addr(), &["one", "two"], LONG).start();
    let (one, to) = server.receive("waiting for the client's first message");
    server.send_to(&one, to);
    server.send_to(&one, to);
    let (two, to) = server.receive("waiting for the client's second message");
    server.send_to(&one, to); // and once more, so that it does not help to throw away what had come before
    server.send_to(&two, to);
    let doing = "reading what the client printed for `one` and `two`, when the answer to `one` came three times";
    expect_printed(&lab, &client, &["one", "two"], doing);

    // The duplicate begins with the second message: what is cut to its length looks like an answer.
    let server = lab.udp("half silent server");
    let timeout = Duration::from_millis(500);
    let client = client_of(&lab, server.addr(), &["hello, world", "hello"], timeout);
    let client = client.named("other client").start();
    let (first, to) = server.receive("waiting for the client's first message");
    server.send_to(&first, to);
    let (_, to) = server.receive("waiting for the client's second message");
    server.send_to(&first, to);
    let client = end_of(&client);
    lab.expect(
        "answering `hello, world` twice, and `hello` never",
        "`Received: hello, world` printed, and exit code 4",
        ended(&client),
        client.stdout_text() == "Received: hello, world\n" && client.exit == Exit::Code(4),
    );
}

#[rstest]
#[case::netcat_of_your_server("nc")]
#[case::socat_of_your_server("socat")]
#[case::python_client_of_your_server("python client")]
#[case::your_client_of_the_python_server("python server")]
fn nc_socat_python_udp(#[case] peer: &str) {
    let lab = lab();
    let Some(tool) = lab.tool(
        peer.split(' ')
            .next()
            .map_or(peer, |name| if name == "python" { "python3" } else { name }),
    ) else {
        return;
    };
    if peer == "python server" {
        let server = tool
            .args(QUICKLY)
            .args([script(&lab, "udp_server.py", PYTHON_SERVER)])
            .serve();
        let client = client_of(&lab, server.addr(), &["Hello, world", "", "bye"], LONG).start();
        let doing = "reading what your client printed, which sent three messages to a server in Python";
        return expect_printed(&lab, &client, &["Hello, world", "", "bye"], doing);
    }
    let server = lab.serve(["server"]);
    let port = server.port().to_string();
    let (tool, stdin, expected) = match peer {
        // It ends when one datagram has come.
        "nc" => (
            tool.args(["-u", "-W", "1", "127.0.0.1", &port]),
            "Hello, world\n",
            "Hello, world\n",
        ),
        // An empty datagram says that socat has no more to send, and its echo that nothing more will come.
        "socat" => {
            let address = format!("UDP4:127.0.0.1:{port},shut-null,null-eof");
            (
                tool.args(["-t", "3", "-", &address]),
                "Hello, world\n",
                "Hello, world\n",
            )
        }
        _ => {
            let script = script(&lab, "udp_client.py", PYTHON_CLIENT);
            let args = [&script, "127.0.0.1", &port, "Hello, world", "bye"];
            let printed = "Received: Hello, world from the server\nReceived: bye from the server\n";
            (tool.args(QUICKLY).args(args), "", printed)
        }
    };
    let doing = format!("reading what {peer} printed that it received from your server");
    lab.expect_eq(&doing, tool.run(stdin.as_bytes()).stdout_text().as_str(), expected);
}

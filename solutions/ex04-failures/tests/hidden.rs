// CANARY-7f3a91c2-hidden
//! The checks of exercise 4 that students see by name only.

use std::time::{Duration, Instant};

use harness::trace::{Call, Fault};
use harness::{Exit, Finished, Lab, Launch, Program, Server, TcpPeer};
use nix::errno::Errno;
use rstest::rstest;

harness::exercise!("../../../exercises/ex04-failures/rubric.toml");

/// The check to look at first when the undisturbed session of a fault check fails.
const GOOD_PATH: &str = "the_good_path_still_exits_0";
const TEXT: &str = "Hello, world";

#[rstest]
#[case::in_the_middle_of_its_echo(false)]
#[case::while_it_waited_in_the_queue(true)]
fn client_reset_costs_one_client(#[case] in_the_queue: bool) {
    let lab = lab();
    lab.control(GOOD_PATH, usual_server);
    let server = lab.serve(["server"]);
    if in_the_queue {
        server.freeze();
    }
    let mut torn = lab.connect("client 1", server.addr());
    torn.send(b"hello");
    if !in_the_queue {
        torn.expect_bytes(b"hello", "reading the echo of a client that is about to break off");
    }
    torn.reset();
    if in_the_queue {
        server.thaw();
    }
    expect_served(
        &lab,
        &server,
        "client 2",
        "after another client has reset its connection",
    );
    let event = server.next_line("reading the next line of the server's stdout: client 2 has got its echo");
    let right = event.starts_with("client ") && event.ends_with(": 6 bytes");
    lab.expect("reading the server's stdout", "client 2: 6 bytes", &event, right);
    server.terminate();
    let stderr = server.wait().stderr_text();
    lab.expect(
        "reading the server's stderr: what became of client 1 is written there",
        "a line `error: … ECONNRESET …`",
        format!("{stderr:?}"),
        stderr
            .lines()
            .any(|line| line.starts_with("error: ") && line.contains("ECONNRESET")),
    );
}

#[rstest]
#[case::a_client_gave_up(Errno::ECONNABORTED)]
#[case::a_signal_came(Errno::EINTR)]
#[case::a_handshake_went_wrong(Errno::EPROTO)]
fn accept_hiccups_are_survived(#[case] errno: Errno) {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    lab.control(GOOD_PATH, usual_server);
    let server = lab.program(["server"]).fault(fail(Call::Accept, errno, 2, 3)).serve();
    expect_served(&lab, &server, "client 1", "before anything goes wrong");
    let how = format!("after accept has failed three times with {errno:?}");
    expect_served(&lab, &server, "client 2", &how);
}

#[test]
fn out_of_descriptors_backs_off() {
    const TIMES: u32 = 12;
    const MOST_PER_SECOND: f64 = 120.0;
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    lab.control(GOOD_PATH, usual_server);
    // How long to wait is the program's choice; twelve waits may take a while.
    lab.set_step(Duration::from_secs(8));
    let server = lab
        .program(["server"])
        .fault(fail(Call::Accept, Errno::EMFILE, 2, TIMES))
        .serve();
    expect_served(&lab, &server, "client 1", "before anything goes wrong");
    let how = format!("after accept has failed {TIMES} times with EMFILE");
    expect_served(&lab, &server, "client 2", &how);
    server.expect_alive();

    let accepts = server.calls().of(Call::Accept);
    let failed: Vec<Duration> = accepts
        .iter()
        .filter(|call| call.fault.is_some())
        .map(|call| call.at)
        .collect();
    let took = failed.last().zip(failed.first()).map(|(last, first)| *last - *first);
    let took = took.unwrap_or_default().as_secs_f64();
    let count = failed.len();
    let rate = count.saturating_sub(1) as f64 / took;
    lab.expect(
        "counting how often accept was called while it failed with EMFILE, with a client in the queue all the time",
        format!("at most {MOST_PER_SECOND} calls a second: a pause after each"),
        format!("{count} calls within {:.1} ms", took * 1000.0),
        rate <= MOST_PER_SECOND,
    );
}

#[rstest]
#[case::the_second_write_gives_epipe(true)]
#[case::it_sent_48_kib_and_left(false)]
fn writing_to_a_gone_peer_is_an_error_value(#[case] injected: bool) {
    let lab = lab();
    if injected && !lab.can_trace() {
        return;
    }
    lab.control(GOOD_PATH, usual_server);
    let server = if injected {
        let server = lab
            .program(["server"])
            .fault(fail(Call::Sendto, Errno::EPIPE, 2, 1))
            .serve();
        let mut gone = lab.connect("client 1", server.addr());
        gone.send(b"one");
        gone.expect_bytes(b"one", "reading the echo of the first piece");
        gone.send(b"two"); // the write that this leads to fails
        gone.expect_eof("waiting for the end of the stream: the server is done with a client to which it cannot write");
        server
    } else {
        let server = lab.serve(["server"]);
        server.freeze();
        let mut gone = lab.connect("client 1", server.addr());
        gone.send(&lab.random(4564, 48 << 10));
        gone.close();
        server.thaw();
        server
    };
    expect_served(&lab, &server, "client 2", "after a write to another client has failed");
    server.expect_alive();
}

/// Long enough to be told from giving up at once.
const SHORT: Duration = Duration::from_millis(300);
/// Longer than the 2 s that a client waits if nobody tells it otherwise.
const LONG: Duration = Duration::from_millis(2500);
/// Nobody waits for so long who was to wait for [`LONG`]. Starting and ending a program takes its time, too, on a busy machine.
const FOR_EVER: Duration = Duration::from_secs(5);

#[rstest]
#[case::the_connection_never_comes(a_connection_that_never_comes)]
#[case::the_echo_never_comes(an_echo_that_never_comes)]
#[case::the_echo_stops_in_the_middle(an_echo_that_stops)]
#[case::twenty_addresses_say_nothing(twenty_silent_addresses)]
#[case::one_of_two_addresses_says_nothing(a_silent_address_and_a_good_one)]
fn never_waits_for_ever(#[case] session: fn(&Lab)) {
    let lab = lab();
    lab.control(GOOD_PATH, usual_client);
    lab.set_step(FOR_EVER);
    session(&lab);
}

fn a_connection_that_never_comes(lab: &Lab) {
    let hole = lab.blackhole();
    let launched = Instant::now();
    let client = start_client(lab, hole.addr().port(), Some(SHORT));
    expect_time_out(lab, "a client whose connection never comes", &client, launched, SHORT);
}

fn an_echo_that_never_comes(lab: &Lab) {
    let listener = lab.listen("server");
    let launched = Instant::now();
    let client = start_client(lab, listener.addr().port(), Some(LONG));
    let _silent = peer_that_sends(&listener, b"");
    expect_time_out(lab, "a client whose server says nothing", &client, launched, LONG);
}

fn an_echo_that_stops(lab: &Lab) {
    let listener = lab.listen("server");
    let launched = Instant::now();
    let client = start_client(lab, listener.addr().port(), Some(SHORT));
    let _silent = peer_that_sends(&listener, b"Hello");
    let what = "a client whose server falls silent after 5 of 12 bytes";
    expect_time_out(lab, what, &client, launched, SHORT);
}

fn twenty_silent_addresses(lab: &Lab) {
    let hole = lab.blackhole();
    let holes = vec![hole.addr().to_string(); 20].join(",");
    let request = format!("connect_within {holes} {}", SHORT.as_millis());
    let probe = lab.program(["probe"]).start();
    probe.stdin_write(format!("{request}\n").as_bytes());
    let doing = "connecting to 20 addresses that say nothing, with 300 ms for all of them together";
    let answer = probe.next_line(doing);
    let right = answer.starts_with("error: connect") && is_time_out(&answer);
    lab.expect(doing, "error: connect …: timed out", &answer, right);
}

fn a_silent_address_and_a_good_one(lab: &Lab) {
    let (hole, listener) = (lab.blackhole(), lab.listen("server"));
    let (silent, good) = (hole.addr(), listener.addr());
    let answer = lab.probe(&[&format!("connect_within {silent},{good} 1000")]).remove(0);
    lab.expect_eq(
        "connecting within 1000 ms to one of two addresses: the first says nothing, a server listens at the second",
        answer,
        format!("connected to {good}"),
    );
}

/// A client that has been told how long to wait says that the time was up, and not before it was. How much later it ends is up
/// to the machine, so what has an end at all ends in time: a step has a deadline.
fn expect_time_out(lab: &Lab, what: &str, client: &Program, launched: Instant, timeout: Duration) {
    let ended = client.wait();
    let took = launched.elapsed();
    let line = error_line(lab, what, &ended);
    let doing = format!("reading the error line of {what}");
    lab.expect(&doing, "error: …: timed out", &line, is_time_out(&line));
    let timeout = timeout.as_millis();
    lab.expect(
        &format!("measuring how long {what} waited, with --timeout-ms {timeout}"),
        format!("{timeout} ms at least"),
        format!("{} ms", took.as_millis()),
        took.as_millis() >= timeout * 9 / 10, // it may look at a coarse clock
    );
    expect_no_echo(lab, what, &ended);
    ended.expect_code(4);
}

/// `timed out`, or the words that the system has for it.
fn is_time_out(line: &str) -> bool {
    line.ends_with(": timed out") || line.contains("ETIMEDOUT")
}

#[rstest]
#[case::after_5_of_12_bytes(b"Hello")]
#[case::before_the_first_byte(b"")]
fn early_eof_is_not_success(#[case] part: &[u8]) {
    let lab = lab();
    lab.control(GOOD_PATH, usual_client);
    let listener = lab.listen("server");
    let client = start_client(&lab, listener.addr().port(), None);
    peer_that_sends(&listener, part).close();
    let ended = client.wait();
    let what = format!("a client whose server closed after {} of 12 bytes", part.len());
    expect_no_echo(&lab, &what, &ended);
    let line = error_line(&lab, &what, &ended);
    let words = format!(": connection closed after {} of 12 bytes", part.len());
    let right = line.starts_with("error: recv") && line.ends_with(&words);
    lab.expect(
        &format!("reading the error line of {what}"),
        format!("error: recv{words}"),
        &line,
        right,
    );
    ended.expect_code(3);
}

#[rstest]
#[case::bind_to_another_machines_address(None, &["server", "--host", "192.0.2.1"], "bind 192.0.2.1:0", "EADDRNOTAVAIL")]
#[case::bind_to_a_reserved_port(
    Some((Call::Bind, Errno::EACCES)),
    &["server", "--port", "80"],
    "bind 127.0.0.1:80",
    "EACCES: Permission denied"
)]
#[case::listen(Some((Call::Listen, Errno::EADDRINUSE)), &["server"], "listen 127.0.0.1:", "EADDRINUSE: Address already in use")]
#[case::connect_without_a_route(
    Some((Call::Connect, Errno::EHOSTUNREACH)),
    &["client", "127.0.0.1", "5000", "hello"],
    "connect 127.0.0.1:5000",
    "EHOSTUNREACH: No route to host"
)]
fn each_failure_names_its_call(
    #[case] fault: Option<(Call, Errno)>,
    #[case] args: &[&str],
    #[case] call_and_target: &str,
    #[case] error: &str,
) {
    let lab = lab();
    let mut program = lab.program(args);
    let mut how = String::new();
    if let Some((call, errno)) = fault {
        if !lab.can_trace() {
            return;
        }
        program = program.fault(fail(call, errno, 1, 1));
        how = format!(" while {call} fails with {errno:?}");
    }
    expect_refusal(
        &lab,
        program,
        &format!("`ex04 {}`{how}", args.join(" ")),
        &[call_and_target],
        error,
    );
}

#[test]
fn socket_itself_may_fail() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    lab.control(GOOD_PATH, usual_server);
    let none_left = |launch: Launch| launch.fault(fail(Call::Socket, Errno::EMFILE, 1, 1));
    let server = none_left(lab.program(["server"]));
    expect_refusal(
        &lab,
        server,
        "a server whose socket() fails",
        &["socket"],
        "EMFILE: Too many open files",
    )
    .expect_code(1);
    let listener = lab.listen("server");
    let port = listener.addr().port().to_string();
    let client = none_left(lab.program(["client", "127.0.0.1", &port, "hello"]));
    // The standard library makes the socket and connects it in one go, and does not say which of the two failed.
    let calls = ["socket", "connect"];
    expect_refusal(
        &lab,
        client,
        "a client whose socket() fails",
        &calls,
        "EMFILE: Too many open files",
    )
    .expect_code(1);
}

/// A program that cannot open its socket says so in a line that begins with one of these and has this error.
fn expect_refusal(lab: &Lab, program: Launch, what: &str, begins: &[&str], error: &str) -> Finished {
    let ended = program.run(b"");
    let line = error_line(lab, what, &ended);
    let begins_right = begins.iter().any(|begin| line.starts_with(&format!("error: {begin}")));
    let expected = format!("error: {}…: {error}", begins.join(" or "));
    let doing = format!("reading the error line of {what}");
    lab.expect(
        &doing,
        expected,
        &line,
        begins_right && line.contains(&format!(": {error}")),
    );
    ended
}

/// The call fails with this error, from the first such call on so many times.
fn fail(call: Call, errno: Errno, first: u32, times: u32) -> Fault {
    Fault::Fail {
        call,
        errno,
        first,
        times,
    }
}

/// The undisturbed session of a check of the server.
fn usual_server(lab: &Lab) {
    let server = lab.program(["server"]).named("usual server").serve();
    expect_served(lab, &server, "client", "with nothing out of the ordinary");
}

/// The undisturbed session of a check of the client.
fn usual_client(lab: &Lab) {
    let listener = lab.listen("usual server");
    let port = listener.addr().port().to_string();
    let client = lab
        .program(["client", "127.0.0.1", &port, TEXT])
        .named("usual client")
        .start();
    peer_that_sends(&listener, TEXT.as_bytes()).close();
    client.expect_exit(0);
}

/// A client sends something and gets it back.
fn expect_served(lab: &Lab, server: &Server, who: &str, how: &str) {
    let mut client = lab.connect(who, server.addr());
    client.send(b"hello\n");
    client.expect_bytes(b"hello\n", &format!("reading the echo as {who}, {how}"));
    client.half_close();
    client.expect_eof(&format!("waiting for the end of the stream as {who}, {how}"));
}

/// The client, about to send 12 bytes to a server of the test. A report names it by its time-out.
fn start_client(lab: &Lab, port: u16, timeout: Option<Duration>) -> Program {
    let port = port.to_string();
    let millis = timeout.map(|timeout| timeout.as_millis().to_string());
    let args = ["client", "127.0.0.1", &port, TEXT].into_iter();
    match &millis {
        Some(millis) => {
            let launch = lab.program(args.chain(["--timeout-ms", millis]));
            launch.named(&format!("client --timeout-ms {millis}")).start()
        }
        None => lab.program(args).named("client").start(),
    }
}

/// The test's server, which has read the client's 12 bytes (so that closing will be no reset) and sent these.
fn peer_that_sends(listener: &harness::Listener, bytes: &[u8]) -> TcpPeer {
    let mut peer = listener.accept();
    peer.expect_bytes(TEXT.as_bytes(), "reading the text that the client was given");
    if !bytes.is_empty() {
        peer.send(bytes);
    }
    peer
}

/// The error line of a program that has failed. Whether it stands on stderr and alone is another check's business.
fn error_line(lab: &Lab, what: &str, ended: &Finished) -> String {
    if ended.exit == Exit::Code(101) {
        ended.clone().expect_code(1); // says where it panicked
    }
    let said = ended.stderr_text() + &ended.stdout_text();
    let line = said.lines().find(|line| line.starts_with("error: "));
    let doing = format!("reading the error line of {what}");
    lab.expect(
        &doing,
        "a line that begins with `error: `",
        format!("{said:?}"),
        line.is_some(),
    );
    line.unwrap_or_default().to_string()
}

/// Fails if the client printed an echo.
fn expect_no_echo(lab: &Lab, what: &str, ended: &Finished) {
    let printed = ended.stdout_text();
    let doing = format!("reading the stdout of {what}: a part of an answer must not pass for the answer");
    let right = !printed.contains("Received");
    lab.expect(&doing, "nothing", format!("{printed:?}"), right);
}

// CANARY-7f3a91c2-hidden
//! Clients that are started, what they print, and how they end.

use harness::{Exit, Finished, Lab, Launch, Program, UdpPeer};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::{LONG, SHORT};

/// Writes a script into the folder in which the tools run, so that the chart shows its name and not its text.
pub fn script(lab: &Lab, name: &str, text: &str) -> String {
    std::fs::write(lab.folder().join(name), text).expect("the lab's folder can be written");
    name.to_string()
}

/// A client that is to send these messages.
pub fn client_of(lab: &Lab, server: SocketAddr, messages: &[&str], timeout: Duration) -> Launch {
    let (port, millis) = (server.port().to_string(), timeout.as_millis().to_string());
    let server = ["client", "127.0.0.1", &port];
    lab.program([&server[..], messages, &["--timeout-ms", &millis]].concat())
}

/// The undisturbed session of a check about the client: a server of the test answers it at once.
pub fn undisturbed_client(lab: &Lab) {
    let server = lab.udp("usual server");
    let client = client_of(lab, server.addr(), &["hello", "bye"], LONG)
        .named("usual client")
        .start();
    for _ in 0..2 {
        let (message, to) = server.receive("waiting for the client's message, with nothing out of the ordinary");
        server.send_to(&message, to);
    }
    let doing = "reading what the client printed, with nothing out of the ordinary";
    expect_printed(lab, &client, &["hello", "bye"], doing);
}

/// The undisturbed session of a check in which a client gives up: it sends, and nothing comes.
pub fn client_of_a_silent_server(lab: &Lab) {
    let server = lab.udp("usual silent server");
    let started = Instant::now();
    let client = client_of(lab, server.addr(), &["hello"], SHORT)
        .named("forsaken client")
        .start();
    server.receive("waiting for the client's message");
    expect_gives_up(lab, &client, SHORT, started, "and nothing comes");
}

/// Waits for the client's end, and fails unless it has received these.
pub fn expect_printed(lab: &Lab, client: &Program, messages: &[&str], doing: &str) {
    let expected: Vec<String> = messages.iter().map(|message| format!("Received: {message}")).collect();
    let client = client.expect_exit(0);
    let printed = client.stdout_text();
    lab.expect_eq(doing, printed.lines().collect::<Vec<_>>(), expected);
}

/// Waits for the client's end, and fails unless it gave up when its time was up, and not before.
pub fn expect_gives_up(lab: &Lab, client: &Program, timeout: Duration, started: Instant, how: &str) {
    /// Of what the machine may be late: a second, since the machine may be busy with something else.
    const LATE: Duration = Duration::from_secs(1);

    // It gives up when it says so. Its process may be gone only later: what the system still does then is not its doing.
    const LOOK: Duration = Duration::from_millis(5);
    while started.elapsed() < timeout + LATE
        && !client.stderr_so_far().contains("timed out")
        && !client.ends_within(LOOK)
    {}
    let took = started.elapsed();
    let client = end_of(client);
    let doing = format!(
        "looking how a client with --timeout-ms {} ends, {how}",
        timeout.as_millis()
    );
    let gave_up = client.exit == Exit::Code(4) && client.stdout.is_empty();
    lab.expect(&doing, "nothing printed, and exit code 4", ended(&client), gave_up);
    lab.expect(
        &doing,
        format!("it waits for {:.1} s, no less and not much more", timeout.as_secs_f64()),
        format!("it gave up {:.3} s after it was started", took.as_secs_f64()),
        (timeout..timeout + LATE).contains(&took),
    );
}

/// Waits for the end of a client that may well fail, but not panic.
pub fn end_of(client: &Program) -> Finished {
    let client = client.wait();
    if client.exit == Exit::Code(101) {
        client.clone().expect_code(4); // it says where and why
    }
    client
}

/// What a client has printed, and how it ended.
pub fn ended(client: &Finished) -> String {
    let printed = match client.stdout_text().trim_end() {
        "" => "nothing".to_string(),
        text => format!("`{}`", text.escape_debug()),
    };
    let exit = match client.exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(number) => format!("an end by signal {number}"),
    };
    format!("{printed} printed, and {exit}")
}

/// Waits for one datagram, and fails unless it is this one and comes from there.
pub fn expect_datagram(lab: &Lab, client: &UdpPeer, server: SocketAddr, expected: &[u8], doing: &str) {
    let shown = |bytes: &[u8]| {
        let more = if bytes.len() > 24 { "…" } else { "" };
        format!(
            "{} bytes: {}{more}",
            bytes.len(),
            bytes[..bytes.len().min(24)].escape_ascii()
        )
    };
    let (datagram, from) = client.receive(doing);
    lab.expect(doing, shown(expected), shown(&datagram), datagram == expected);
    lab.expect_eq("looking which address it comes from", from, server);
}

/// So many bytes in which every word is different.
pub fn numbered_words(length: usize) -> Vec<u8> {
    let words = (0..).flat_map(|word| format!("{word:07} ").into_bytes());
    words.take(length).collect()
}

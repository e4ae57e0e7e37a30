//! The checks of exercise 1 that you have in front of you. Run them: `cargo test -p ex01`.
//!
//! Each one starts your program and talks to it as a client would. `rubric.toml` says what each is worth.

harness::exercise!("../rubric.toml");

/// The instant on the lecture's slide, 2016-09-14T18:30:05Z.
const SLIDE_DATE: &str = "1473877805";
/// Another instant, and what it looks like without the end of the line, which only one check looks at.
const NEW_YEARS_EVE: &str = "1483228799";
const TIME: &[u8] = b"2016-12-31T23:59:59Z";

#[test]
fn prints_the_real_port() {
    let lab = lab();
    let server = lab.serve(["server", "--port", "0"]);
    lab.expect(
        "looking at the port that the server printed",
        "a port from 1 to 65535",
        server.port(),
        server.port() != 0,
    );
    let client = lab.connect("client", server.addr());
    let event = server.next_line("waiting for the event line of the first client");
    let expected = format!("client 1 from {}", client.local_addr());
    lab.expect_eq("comparing the event with the client's own address", event, expected);
}

#[test]
fn one_client_gets_22_bytes_then_eof() {
    let lab = lab();
    let server = lab.serve(["server", "--epoch", SLIDE_DATE]);
    let mut client = lab.connect("client", server.addr());
    client.expect_bytes(
        b"2016-09-14T18:30:05Z\r\n",
        "reading the time of day, 20 characters, CR and LF",
    );
    client.expect_eof("waiting for the end of the stream: the server closes the connection after the time");
}

#[test]
fn three_clients_in_a_row_are_served() {
    let lab = lab();
    let server = lab.serve(["server", "--count", "3", "--epoch", NEW_YEARS_EVE]);
    let mut clients = Vec::new();
    for number in 1..=3 {
        let mut client = lab.connect(&format!("client {number}"), server.addr());
        client.expect_bytes(TIME, &format!("reading the time of day as client {number} of 3"));
        let event = server.next_line("reading what the server printed about this client");
        let expected = format!("client {number} from ");
        lab.expect(
            "reading what the server printed about this client",
            format!("{expected}…"),
            &event,
            event.starts_with(&expected),
        );
        clients.push(client); // none of them hangs up before the end
    }
    server.expect_exit(0);
}

#[test]
fn daytime_formats_known_instants() {
    let lab = lab();
    let cases = [
        ("the first second of all", "0", "1970-01-01T00:00:00Z"),
        ("the date on the slide", SLIDE_DATE, "2016-09-14T18:30:05Z"),
        ("a leap day", "1456704000", "2016-02-29T00:00:00Z"),
        ("the day after a leap day", "1456790400", "2016-03-01T00:00:00Z"),
        ("the last second of a leap year", "1483228799", "2016-12-31T23:59:59Z"),
        (
            "a year that 400 divides, a leap year",
            "951825600",
            "2000-02-29T12:00:00Z",
        ),
        (
            "a year that 100 divides, no leap year",
            "4107542400",
            "2100-03-01T00:00:00Z",
        ),
        ("a last day of December", "946684799", "1999-12-31T23:59:59Z"),
        (
            "the last second with four digits in its year",
            "253402300799",
            "9999-12-31T23:59:59Z",
        ),
    ];
    let requests = cases.map(|(_, epoch, _)| format!("daytime {epoch}"));
    let answers = lab.probe(&requests.each_ref().map(String::as_str));
    for ((case, epoch, expected), answer) in cases.iter().zip(answers) {
        lab.expect_eq(&format!("formatting {epoch}, {case}"), answer.as_str(), *expected);
    }
}

#[test]
fn descriptor_table_matches_the_figure() {
    let lab = lab();
    let server = lab.serve(["server", "--table", "--count", "1", "--epoch", NEW_YEARS_EVE]);
    let mut client = lab.connect("client", server.addr());
    client.expect_bytes(TIME, "reading the time of day");
    let events = server.expect_exit(0).stdout_text();
    harness::assert_snapshot!(lab, with_descriptors_named(&events), @r"
    listening on 127.0.0.1:PORT1
    FD1: family=AF_INET service=SOCK_STREAM local=127.0.0.1:PORT1 remote=-
    client 1 from 127.0.0.1:PORT2
    FD2: family=AF_INET service=SOCK_STREAM local=127.0.0.1:PORT1 remote=127.0.0.1:PORT2
    ");
}

/// Names the descriptor numbers at the beginning of lines FD1, FD2 … in the order of their first appearance.
fn with_descriptors_named(events: &str) -> String {
    let mut seen = Vec::new();
    let mut named = String::new();
    for line in events.lines() {
        match line
            .split_once(": ")
            .filter(|(number, _)| number.parse::<u32>().is_ok())
        {
            Some((number, rest)) => {
                let place = seen.iter().position(|known| *known == number).unwrap_or_else(|| {
                    seen.push(number);
                    seen.len() - 1
                });
                named += &format!("FD{}: {rest}\n", place + 1);
            }
            None => named += &format!("{line}\n"),
        }
    }
    named
}

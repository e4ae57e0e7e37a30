// CANARY-7f3a91c2-hidden
//! The checks of exercise 3 that students see by name only.

use std::time::Duration;

use harness::{Lab, Server, TcpPeer};
use rstest::rstest;

harness::exercise!("../../../exercises/ex03-protocol/rubric.toml");

/// The check to look at first when the undisturbed session of a fault check fails.
const SESSION: &str = "session_transcript";

#[test]
#[allow(non_snake_case)] // QUIT is a verb of the protocol
fn body_may_contain_newlines_and_QUIT() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let mut client = greeted(&lab, &server, "client");
    let everything: Vec<u8> = (0..4096u32).map(|n| n as u8).collect();
    for (what, body) in [
        ("lines that look like requests", &b"first\nQUIT\nDEDUCT 30\n"[..]),
        ("a lone LF", b"\n"),
        ("no byte at all", b""),
        ("all 256 values of a byte, 4096 in all", &everything),
    ] {
        // The next request comes right behind the body, in the same segment.
        let header = format!("APPEND {}\n", body.len());
        client.send(&[header.as_bytes(), body, b"BALANCE\n"].concat());
        let doing = format!("reading the reply to an APPEND with a body of {what}");
        let reply = read_reply(&mut client, &doing);
        lab.expect(&doing, "OK …", &reply, reply.starts_with("OK"));
        let doing = format!("reading the reply to the BALANCE right behind a body of {what}");
        let reply = read_reply(&mut client, &doing);
        lab.expect_eq(&doing, reply.as_str(), "OK 100");
    }
}

#[test]
fn one_byte_segments() {
    let lab = lab();
    // The APPEND's body is cut too.
    let session = [
        ("HELLO alice\n", "OK"),
        ("BALANCE\n", "OK 100"),
        ("APPEND 4\na\nb\n", "OK"),
        ("DEDUCT 30\n", "OK 70"),
        ("QUIT\n", "OK"),
    ];
    lab.control(SESSION, |lab| {
        let server = lab.program(["server"]).named("undisturbed").serve();
        let mut client = lab.connect("undisturbed client", server.addr());
        for (request, reply) in session {
            client.send(request.as_bytes());
            expect_reply(lab, &mut client, request, reply);
        }
    });
    let server = lab.serve(["server"]);
    let mut client = lab.connect("client", server.addr());
    for (request, reply) in session {
        client.drip(Duration::from_millis(2), request.as_bytes());
        expect_reply(&lab, &mut client, request, reply);
    }
    client.expect_eof("waiting for the end of the stream after QUIT");
}

/// Reads the reply to a request that came byte by byte: this line, or one that begins with OK.
fn expect_reply(lab: &Lab, client: &mut TcpPeer, request: &str, expected: &str) {
    let doing = format!("reading the reply to `{}`", request.escape_debug());
    let reply = read_reply(client, &doing);
    let right = if expected == "OK" {
        reply.starts_with("OK")
    } else {
        reply == expected
    };
    lab.expect(&doing, expected, &reply, right);
}

#[test]
fn endless_line_is_cut_off() {
    let lab = lab();
    let server = lab.serve(["server"]);

    let mut longest = lab.connect("client 1", server.addr());
    longest.send(&[b"HELLO ", "a".repeat(506).as_bytes(), b"\n"].concat());
    let doing = "reading the reply to a line of exactly 512 bytes and its LF";
    let reply = read_reply(&mut longest, doing);
    lab.expect(doing, "OK …", &reply, reply.starts_with("OK"));
    longest.close();

    let mut too_long = lab.connect("client 2", server.addr());
    too_long.send("a".repeat(513).as_bytes()); // no LF, and nothing after it
    let doing = "reading the reply to 513 bytes without an LF";
    let reply = read_reply(&mut too_long, doing);
    lab.expect(doing, "ERR 500 …", &reply, reply.starts_with("ERR 500"));
    too_long.expect_eof("waiting for the end of the stream after ERR 500");
    too_long.close();

    let before = server.peak_memory();
    let mut flood = lab.connect("client 3", server.addr());
    flood.pour(&vec![b'a'; 8 << 20]);
    flood.close();
    let doing = "asking for the BALANCE after a client that poured 8 MiB without an LF";
    let balance = balance_for(&lab, &server, "client 4", doing);
    lab.expect_eq(doing, balance.as_str(), "OK 100");
    expect_growth_below(&lab, &server, before, 4096, "8 MiB without an LF came in");

    // Lines within the limit, 1 MiB of them.
    let before = server.peak_memory();
    let line = format!("SQRT {}4\n", "0".repeat(506));
    let mut steady = lab.connect("client 5", server.addr());
    let doing = "reading the replies to HELLO and 2048 lines of 512 bytes each";
    let replies = steady.exchange(format!("HELLO alice\n{}", line.repeat(2048)).as_bytes(), doing);
    let replies = String::from_utf8_lossy(&replies);
    let good = replies.lines().filter(|reply| reply.starts_with("OK")).count();
    lab.expect(doing, "2049 times OK", format!("{good} times OK"), good == 2049);
    let doing = "2048 lines of 512 bytes were answered: what is used up has to go";
    expect_growth_below(&lab, &server, before, 512, doing);
}

/// Fails if the server's memory has grown by so many KiB. (Where the system does not tell, it has not.)
fn expect_growth_below(lab: &Lab, server: &Server, before: u64, most: u64, during: &str) {
    let grown = server.peak_memory().saturating_sub(before) >> 10;
    lab.expect(
        &format!("measuring how much memory the server took while {during}"),
        format!("less than {most} KiB more than before"),
        format!("{grown} KiB more than before"),
        grown < most,
    );
}

#[test]
fn sequence_is_enforced() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let mut client = lab.connect("client", server.addr());
    for (request, why, expected) in [
        ("BALANCE\n", "before HELLO", "ERR 503"),
        ("DEDUCT 30\n", "before HELLO", "ERR 503"),
        ("APPEND 5\nQUIT\n", "before HELLO; the 5 bytes are its body", "ERR 503"),
        ("QUIT\n", "before HELLO", "ERR 503"),
        ("HELLO alice\n", "now the sequence is right", "OK"),
        ("HELLO bob\n", "a second one", "ERR 503"),
        ("BALANCE\n", "nothing was deducted before HELLO", "OK 100"),
    ] {
        client.send(request.as_bytes());
        let doing = format!("reading the reply to `{}` ({why})", request.trim_end().escape_debug());
        let reply = read_reply(&mut client, &doing);
        let right = reply == expected || reply.starts_with(&format!("{expected} "));
        lab.expect(&doing, format!("{expected} …"), &reply, right);
    }
    client.close();
    let mut next = lab.connect("next client", server.addr());
    next.send(b"BALANCE\n");
    let doing = "reading the reply to `BALANCE` of the next client, who has not said HELLO";
    let reply = read_reply(&mut next, doing);
    lab.expect(doing, "ERR 503 …", &reply, reply.starts_with("ERR 503"));
}

/// Sends a file of lines as it is, and prints what comes back up to the end of the stream.
const PYTHON_CLIENT: &str = "
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as server:
    server.sendall(sys.stdin.buffer.read())
    while piece := server.recv(1024):
        sys.stdout.buffer.write(piece)
";

#[rstest]
#[case::netcat("nc", &["HOST", "PORT"])]
#[case::curl("curl", &["-sS", "telnet://HOST:PORT"])]
#[case::python("python3", &["client.py", "HOST", "PORT"])]
fn crlf_clients_work(#[case] name: &str, #[case] args: &[&str]) {
    let lab = lab();
    let Some(tool) = lab.tool(name) else { return };
    std::fs::write(lab.folder().join("client.py"), PYTHON_CLIENT).expect("the lab's folder can be written");
    let server = lab.serve(["server"]);
    let port = server.port().to_string();
    let args = args
        .iter()
        .map(|arg| arg.replace("HOST", "127.0.0.1").replace("PORT", &port));
    let finished = tool.args(args).run(b"HELLO alice\r\nBALANCE\r\nSQRT 4\r\nQUIT\r\n");
    let text = finished.stdout_text();
    lab.expect_eq(
        &format!("reading what {name} received after it sent four lines that end with CR LF"),
        text.lines().collect::<Vec<_>>(),
        ["OK hello alice", "OK 100", "OK 2.000000", "OK bye"],
    );
}

#[test]
fn non_utf8_line_is_a_400_not_a_crash() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let reply_to = |client: &mut TcpPeer, line: &[u8]| {
        client.send(line);
        let doing = format!(
            "reading the reply to the line `{}`, which is not UTF-8",
            line.escape_ascii()
        );
        let reply = read_reply(client, &doing);
        lab.expect(&doing, "ERR 400 …", &reply, reply.starts_with("ERR 400"));
    };
    reply_to(&mut lab.connect("client 1", server.addr()), b"HELLO \xff\n");
    reply_to(&mut greeted(&lab, &server, "client 2"), b"\x80\xfe\xff\n");
    reply_to(&mut greeted(&lab, &server, "client 3"), b"TIME\xc3\n");
    greeted(&lab, &server, "client 4");
}

/// How a conversation goes on after what a case has sent.
enum Then {
    /// The server closes.
    Closes,
    /// The client half-closes, and the server closes.
    HalfClose,
    /// The client leaves. Whether the session would have gone on is another check's business.
    Leave,
}

#[rstest]
#[case::a_sign(b"APPEND -1\n", Some("ERR 400"), Then::Leave)]
#[case::one_above_the_limit(b"APPEND 4097\n", Some("ERR 413"), Then::Closes)]
#[case::more_memory_than_there_is(b"APPEND 1000000000000000\n", Some("ERR 413"), Then::Closes)]
#[case::the_largest_u64(b"APPEND 18446744073709551615\n", Some("ERR 413"), Then::Closes)]
#[case::more_digits_than_fit(b"APPEND 99999999999999999999\n", Some("ERR 413"), Then::Closes)]
#[case::a_body_that_looks_like_requests(
    b"APPEND 99999999999999999999\nDEDUCT 30\nDEDUCT 30\n",
    Some("ERR 413"),
    Then::Leave
)]
#[case::end_inside_a_body(b"APPEND 10\nhello", None, Then::HalfClose)]
#[case::end_inside_a_line(b"DEDUCT 3", None, Then::HalfClose)]
fn lying_lengths(#[case] sent: &[u8], #[case] reply: Option<&str>, #[case] then: Then) {
    let lab = lab();
    let server = lab.serve(["server"]);
    let mut client = greeted(&lab, &server, "client");
    client.send(sent);
    let sent = sent.escape_ascii().to_string();
    if let Some(expected) = reply {
        let header = sent.split(r"\n").next().unwrap_or_default();
        let doing = format!("reading the reply to `{header}`, which can be given before any body comes");
        let reply = read_reply(&mut client, &doing);
        lab.expect(&doing, format!("{expected} …"), &reply, reply.starts_with(expected));
    }
    match then {
        Then::Leave => {}
        Then::Closes => {
            client.expect_eof("waiting for the end of the stream: after ERR 413 the server closes, and reads no body")
        }
        Then::HalfClose => {
            client.half_close();
            client.expect_eof(&format!("waiting for the end of the stream after `{sent}` and the client's own: no request is complete, so there is no reply"));
        }
    }
    client.close();
    let mut next = greeted(&lab, &server, "next client");
    for (request, expected) in [("BALANCE\n", "OK 100"), ("APPEND 1\nx", "OK 1")] {
        next.send(request.as_bytes());
        let doing = format!(
            "asking `{}` as the next client, to see that `{sent}` has changed nothing",
            request.escape_debug()
        );
        let reply = read_reply(&mut next, &doing);
        lab.expect_eq(&doing, reply.as_str(), expected);
    }
}

#[test]
fn decoder_never_panics() {
    let lab = lab();
    let mut strings: Vec<Vec<Vec<u8>>> = Strings::new(lab.random(4564, 1 << 20)).take(2000).collect();
    // The shortest one that goes wrong is the easiest to understand.
    strings.sort_by_key(|pieces| pieces.concat().len());
    let written = |pieces: &Vec<Vec<u8>>| {
        let pieces: Vec<String> = pieces.iter().map(|piece| piece.escape_ascii().to_string()).collect();
        format!("decode {}", pieces.join("|"))
    };
    let probe = lab.program(["probe"]).start();
    for pieces in &strings {
        let request = written(pieces);
        let doing = format!("asking `{request}`");
        probe.stdin_write(format!("{request}\n").as_bytes());
        let answer = probe.next_line(&doing);
        let expected = requests_in(&pieces.concat());
        lab.expect(&doing, &expected, &answer, answer == expected);
    }
    probe.stdin_close();
    probe.expect_exit(0);
}

/// Strings of words that mean something to a decoder and of bytes that mean nothing, cut into pieces at random.
struct Strings {
    random: std::vec::IntoIter<u8>,
}

impl Strings {
    fn new(random: Vec<u8>) -> Strings {
        Strings {
            random: random.into_iter(),
        }
    }

    fn below(&mut self, end: usize) -> Option<usize> {
        let number = u16::from_le_bytes([self.random.next()?, self.random.next()?]);
        Some(usize::from(number) % end)
    }

    fn part(&mut self) -> Option<Vec<u8>> {
        const WORDS: &[&[u8]] = &[
            b"TIME\n",
            b"QUIT\n",
            b"HELLO alice\n",
            b"HELLO Gr\xc3\xbcn\n",
            b"HELLO Gr\xfcn\n",
            b"HELLO",
            b"TIME",
            b"time\n",
            b"BALANCE\r\n",
            b"DEDUCT 30\n",
            b"DEDUCT 18446744073709551616\n",
            b"DEDUCT 9",
            b"SQRT 2\n",
            b"SQRT nan\n",
            b"SQRT 1e400\n",
            b"APPEND 0\n",
            b"APPEND 5\n",
            b"APPEND 12\n",
            b"APPEND 1",
            b"APPEND -1\n",
            b"APPEND\n",
            b" ",
            b"\n",
            b"\r\n",
        ];
        const FATAL: &[&[u8]] = &[b"APPEND 4097\n", b"APPEND 99999999999999999999\n"];
        Some(match self.below(100)? {
            0 => FATAL[self.below(FATAL.len())?].to_vec(),
            1 => vec![b'a'; 505 + self.below(15)?],
            2..20 => self.noise()?,
            _ => WORDS[self.below(WORDS.len())?].to_vec(),
        })
    }

    /// Bytes of any kind, except those that cut and separate.
    fn noise(&mut self) -> Option<Vec<u8>> {
        let length = 1 + self.below(6)?;
        let bytes: Option<Vec<u8>> = (0..length).map(|_| self.random.next()).collect();
        Some(bytes?.into_iter().filter(|byte| !b"|\r".contains(byte)).collect())
    }
}

impl Iterator for Strings {
    type Item = Vec<Vec<u8>>;

    fn next(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut bytes = Vec::new();
        for _ in 0..1 + self.below(8)? {
            bytes.extend(self.part()?);
        }
        let mut pieces = Vec::new();
        while !bytes.is_empty() {
            let piece = 1 + self.below(40)?;
            let rest = bytes.split_off(piece.min(bytes.len()));
            pieces.push(std::mem::replace(&mut bytes, rest));
        }
        Some(pieces)
    }
}

/// What a right decoder makes of all these bytes: the same, by looking at them as a whole.
fn requests_in(bytes: &[u8]) -> String {
    let (mut seen, mut rest) = (Vec::new(), bytes);
    loop {
        let end = rest.iter().position(|&byte| byte == b'\n');
        if end.unwrap_or(rest.len()) > 512 {
            seen.push("LineTooLong".to_string());
            break;
        }
        let Some(end) = end else { break };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = &rest[end + 1..];
        match line_means(line) {
            Ok(Some(request)) => seen.push(request),
            Ok(None) => {
                let length = String::from_utf8_lossy(line)["APPEND ".len()..]
                    .parse()
                    .unwrap_or(usize::MAX);
                if length > 4096 {
                    seen.push("BodyTooLarge".to_string());
                    break;
                }
                let Some((body, behind)) = rest.split_at_checked(length) else {
                    break;
                };
                seen.push(format!("Append \"{}\"", body.escape_ascii()));
                rest = behind;
            }
            Err(()) => seen.push("BadRequest".to_string()),
        }
    }
    if seen.is_empty() {
        "nothing".to_string()
    } else {
        seen.join(", ")
    }
}

/// What the probe shows for a line; `None` for an APPEND, whose body follows.
fn line_means(line: &[u8]) -> Result<Option<String>, ()> {
    let text = std::str::from_utf8(line).map_err(|_| ())?;
    let all_digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let (verb, argument) = text
        .split_once(' ')
        .map_or((text, None), |(verb, rest)| (verb, Some(rest)));
    let request = match (verb, argument) {
        ("TIME", None) => "Time".to_string(),
        ("BALANCE", None) => "Balance".to_string(),
        ("QUIT", None) => "Quit".to_string(),
        ("HELLO", Some(name)) if !name.is_empty() && !name.contains(' ') => {
            format!("Hello \"{}\"", name.as_bytes().escape_ascii())
        }
        ("SQRT", Some(number)) => {
            let number = number.parse::<f64>().map_err(|_| ())?;
            if !number.is_finite() || number < 0.0 {
                return Err(());
            }
            format!("Sqrt {number}")
        }
        ("DEDUCT", Some(amount)) if all_digits(amount) => format!("Deduct {}", amount.parse::<u64>().map_err(|_| ())?),
        ("APPEND", Some(length)) if all_digits(length) => return Ok(None),
        _ => return Err(()),
    };
    Ok(Some(request))
}

/// The BALANCE as a client of its own sees it.
fn balance_for(lab: &Lab, server: &Server, who: &str, doing: &str) -> String {
    let mut client = greeted(lab, server, who);
    client.send(b"BALANCE\n");
    read_reply(&mut client, doing)
}

/// A client that has said HELLO. What exactly the server answers is another check's business.
fn greeted(lab: &Lab, server: &Server, who: &str) -> TcpPeer {
    let mut client = lab.connect(who, server.addr());
    client.send(b"HELLO alice\n");
    let doing = format!("reading the reply to `HELLO alice` as {who}");
    let reply = read_reply(&mut client, &doing);
    lab.expect(&doing, "OK …", &reply, reply.starts_with("OK"));
    client
}

/// A reply without the end of its line, whichever that is.
fn read_reply(client: &mut TcpPeer, doing: &str) -> String {
    client.read_line(doing).trim_end().to_string()
}

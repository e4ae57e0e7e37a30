//! The checks of exercise 5 that you have in front of you. Run them: `cargo test -p ex05`.
//!
//! Each one starts your program and talks to it as a server would. `rubric.toml` says what each is worth.

use harness::{Exit, Lab};

harness::exercise!("../rubric.toml");

#[test]
fn the_slides_two_urls() {
    let lab = lab();
    let mut transcript = String::new();
    for url in [
        "http://fbox.vt.edu:10021/engr/ece/faculty/plymale/",
        "ftp://ftp.cs.purdue.edu/pub/comer/",
    ] {
        let parsed = lab.run(["get", "--parse", url]).expect_code(0);
        transcript += &format!("$ ex05 get --parse {url}\n{}", parsed.stdout_text());
    }
    harness::assert_snapshot!(lab, transcript, @r"
    $ ex05 get --parse http://fbox.vt.edu:10021/engr/ece/faculty/plymale/
    protocol: http
    host: fbox.vt.edu
    port: 10021
    resource: /engr/ece/faculty/plymale/
    $ ex05 get --parse ftp://ftp.cs.purdue.edu/pub/comer/
    protocol: ftp
    host: ftp.cs.purdue.edu
    port: 21
    resource: /pub/comer/
    ");
}

#[test]
fn default_ports() {
    let lab = lab();
    let cases = [
        ("http", "80"),
        ("ftp", "21"),
        ("telnet", "23"),
        ("echo", "7"),
        ("daytime", "13"),
        ("gopher", "none"),
    ];
    ask(
        &lab,
        &cases.map(|(scheme, port)| (format!("default_port {scheme}"), "", port)),
    );
}

#[test]
fn ipv6_literals() {
    let lab = lab();
    let cases = [
        (
            "parse http://[::1]:80/engr",
            "an address in brackets, a port behind them",
            r#"scheme "http", host "::1", port 80, path "/engr""#,
        ),
        (
            "parse http://[::1]/engr",
            "no port: all colons belong to the address",
            r#"scheme "http", host "::1", port none, path "/engr""#,
        ),
        (
            "parse http://[2001:db8::7]:8080",
            "no path either",
            r#"scheme "http", host "2001:db8::7", port 8080, path """#,
        ),
        (
            "parse echo://[::ffff:127.0.0.1]:7/a:b]",
            "colons and brackets in the path",
            r#"scheme "echo", host "::ffff:127.0.0.1", port 7, path "/a:b]""#,
        ),
        (
            "display http ::1 80 /",
            "and back: brackets around the address",
            "http://[::1]:80/",
        ),
        ("display http ::1 - /", "and back, without a port", "http://[::1]/"),
        ("parse http://[::1/", "a bracket that is not closed", "refused: BadHost"),
        ("parse http://[::1]80/", "no colon before the port", "refused: BadHost"),
        (
            "parse http://[fbox.vt.edu]/",
            "brackets around a name",
            "refused: BadHost",
        ),
    ];
    ask(&lab, &cases);
    // Which part of it is wrong is a matter of opinion.
    let request = "parse http://::1/";
    let answer = lab.probe(&[request]).remove(0);
    let doing = format!("asking `{request}`: an IPv6 address without brackets");
    lab.expect(&doing, "refused: …", &answer, answer.starts_with("refused: "));
}

#[test]
fn bad_urls_are_refused() {
    let lab = lab();
    let cases = [
        (
            "parse http://fbox.vt.edu:65535/engr",
            "the last port",
            r#"scheme "http", host "fbox.vt.edu", port 65535, path "/engr""#,
        ),
        (
            "parse http://fbox.vt.edu:65536/",
            "one more than the last port",
            "refused: BadPort",
        ),
        ("parse http://fbox.vt.edu:abc/", "a port in letters", "refused: BadPort"),
        ("parse http://fbox.vt.edu:/", "a colon and no port", "refused: BadPort"),
        (
            "parse http://fbox.vt.edu:+80/",
            "a sign, where only digits may be",
            "refused: BadPort",
        ),
        ("parse fbox.vt.edu/engr/", "no scheme", "refused: NoScheme"),
        ("parse ://fbox.vt.edu/engr/", "an empty scheme", "refused: NoScheme"),
        (
            "parse //fbox.vt.edu/to/http://other/",
            "the :// is in the path",
            "refused: NoScheme",
        ),
        ("parse http:///engr/", "no host", "refused: BadHost"),
        ("parse http://:80/engr/", "a port and no host", "refused: BadHost"),
        ("parse http://me@fbox.vt.edu/", "an @ in the host", "refused: BadHost"),
    ];
    ask(&lab, &cases);
    for (url, why) in [
        ("http://fbox.vt.edu:65536/", "a usage error: the port"),
        ("http://fbox.vt.edu/a b", "a usage error: the space"),
        ("http://fbox.vt.edu/\r\nHost: other", "a usage error: a line of its own"),
    ] {
        let ended = lab.run(["get", "--parse", url]);
        lab.expect(
            &format!("looking how `get --parse` ended for `{}`: {why}", url.escape_debug()),
            "exit code 2",
            format!("{}, and on stdout {:?}", shown(ended.exit), ended.stdout_text()),
            ended.exit == Exit::Code(2),
        );
    }
}

#[test]
fn daytime_client() {
    let lab = lab();
    let told = "Wednesday, September 14, 2016 18:30:05-UTC\r\n";
    for (host, how) in [("127.0.0.1", "by its address"), ("localhost", "by its name")] {
        let listener = lab.listen("daytime server");
        let url = format!("daytime://{host}:{}/", listener.addr().port());
        let client = lab.program(["get", &url]).start();
        let mut server = listener.accept();
        server.send(told.as_bytes());
        server.half_close();
        let printed = client.expect_exit(0).stdout_text();
        let doing = format!(
            "reading what was printed: the server, called {how}, told the time in 44 bytes and ended its stream"
        );
        lab.expect_eq(&doing, printed.as_str(), told);
        let said = server.read_to_eof("reading what the client said to the server");
        lab.expect_eq(
            "looking at what the client said: daytime has no request",
            String::from_utf8_lossy(&said).as_ref(),
            "",
        );
    }
}

#[test]
fn echo_client_decodes_percent() {
    let lab = lab();
    for (path, text, why) in [
        ("/Hello%2C%20world", &b"Hello, world"[..], "escapes of text"),
        (
            "/1+1%3D2%2B0/:x",
            b"1+1=2+0/:x",
            "a + is a +, and all of the path is text",
        ),
        (
            "/100%25%2541%zz%+5%",
            b"100%%41%zz%+5%",
            "each escape is decoded once, and what is none stays",
        ),
        ("/%00%ff%FE", b"\x00\xff\xfe", "escapes of bytes that are no text"),
    ] {
        let listener = lab.listen("echo server");
        let url = format!("echo://127.0.0.1:{}{path}", listener.addr().port());
        let client = lab.program(["get", &url]).start();
        let mut server = listener.accept();
        let sent = server.read_to_eof("reading the client's text, up to its half-close");
        let doing = format!("comparing the text that was sent with `{path}`: {why}");
        lab.expect(&doing, text.escape_ascii(), sent.escape_ascii(), sent == text);
        server.send(&sent);
        server.close();
        let printed = client.expect_exit(0).stdout;
        let doing = "comparing what was printed with the server's reply";
        lab.expect(doing, text.escape_ascii(), printed.escape_ascii(), printed == text);
    }
}

/// Asks the probe, and compares its answers: request, what it is about, expected answer.
fn ask<R: AsRef<str>>(lab: &Lab, cases: &[(R, &str, &str)]) {
    let requests: Vec<&str> = cases.iter().map(|(request, _, _)| request.as_ref()).collect();
    for ((request, why, expected), answer) in cases.iter().zip(lab.probe(&requests)) {
        let request = request.as_ref();
        let doing = match *why {
            "" => format!("asking `{request}`"),
            why => format!("asking `{request}`: {why}"),
        };
        lab.expect(&doing, expected, &answer, answer == *expected);
    }
}

fn shown(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(number) => format!("ended by signal {number}"),
    }
}

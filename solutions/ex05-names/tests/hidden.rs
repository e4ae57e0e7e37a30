// CANARY-7f3a91c2-hidden
//! The checks of exercise 5 that students see by name only.

#[path = "hidden/urls.rs"]
mod urls;
#[path = "hidden/www.rs"]
mod www;

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use harness::trace::{Call, Calls, Decoded, Domain};
use harness::{Exit, Lab, Listener, TcpPeer};
use rstest::rstest;
use urls::{Parts, Urls};
use www::{Www, port_of};

harness::exercise!("../../../exercises/ex05-names/rubric.toml");

/// Options of Python: nothing of the machine's own is loaded, which halves its start, and what it prints leaves at once.
const QUICKLY: [&str; 3] = ["-I", "-S", "-u"];

#[test]
fn fetches_from_python_http_server() {
    let lab = lab();
    let Some(python) = lab.tool("python3") else { return };
    // Every byte there is, and in the middle what ends the head of a reply.
    let mut noise = lab.random(4564, 100_000);
    noise.splice(50_000..50_000, *b"\r\n\r\n");
    let hello = b"hello\n".to_vec();
    let www = Www::with(&lab, &[("hello.txt", &hello), ("noise.bin", &noise)]);
    let server = python
        .args(QUICKLY)
        .args(["-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"])
        .args([&www.0])
        .named("python3 -m http.server")
        .start();
    let port = port_of(&lab, &server);

    for (name, bytes, what) in [
        ("hello.txt", &hello, "a line of text"),
        (
            "noise.bin",
            &noise,
            "100004 bytes of any value, and some of them look like an empty line",
        ),
    ] {
        let url = format!("http://127.0.0.1:{port}/{name}");
        let file = lab.run(["get", &url]);
        lab.expect(
            &format!("looking how `get {url}` ended; the file is {what}"),
            "exit code 0",
            format!(
                "{}, and on stderr `{}`",
                ended(file.exit),
                file.stderr_text().trim_end()
            ),
            file.exit == Exit::Code(0),
        );
        let doing = format!("comparing what `get {url}` printed with the file, {what}");
        expect_same(&lab, &doing, &file.stdout, bytes);
    }

    let missing = lab
        .run(["get", &format!("http://127.0.0.1:{port}/nothing.bin")])
        .expect_code(3);
    let doing = "reading the error after asking python3 -m http.server for a file that it has not";
    let error = missing.stderr_text();
    lab.expect(
        doing,
        "error: http 404 …",
        error.trim_end(),
        error.starts_with("error: http 404 "),
    );
    let doing = "looking at stdout after the same: the server's page about the error is not what was asked for";
    lab.expect_eq(doing, missing.stdout_text().as_str(), "");

    for (reply, expected, why) in [
        (r"HTTP/1.1 200 OK\r\n\r\n", "", "an empty body"),
        (
            r"HTTP/1.0 200 OK\r\nA: b\r\n\r\none\r\n\r\ntwo",
            r"one\r\n\r\ntwo",
            "an empty line in the body",
        ),
        (r"HTTP/1.0 399 Strange\r\n\r\nbody", "body", "below 400 is no error"),
        (
            r"HTTP/1.0 400 Bad Request\r\n\r\nbody",
            "error: http 400 Bad Request",
            "400 is one",
        ),
        (r"hello\r\n\r\n", "error: not an HTTP reply", "no status line"),
        (
            r"HTTP/1.0 200 OK\r\nA: b\r\n",
            "error: not an HTTP reply",
            "no empty line",
        ),
    ] {
        let request = format!("body {reply}");
        let answer = lab.probe(&[&request]).remove(0);
        lab.expect(
            &format!("asking `{request}`: {why}"),
            expected,
            &answer,
            answer == expected,
        );
    }
}

fn ended(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Signal(number) => format!("ended by signal {number}"),
    }
}

#[test]
#[allow(non_snake_case)] // the name of the constant
fn v6_uses_AF_INET6() {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    let Some(listener) = lab.listen_v6("server on [::1]") else {
        return;
    };
    lab.control("daytime_client", |lab| {
        let listener = lab.listen("server");
        let calls = told_the_time(lab, &listener, "usual client", &[]);
        expect_family(lab, &calls, listener.addr(), Domain::INET);
    });
    let calls = told_the_time(&lab, &listener, "client", &[]);
    expect_family(&lab, &calls, listener.addr(), Domain::INET6);
}

/// Fails unless the socket that was connected to this address is of this family.
fn expect_family(lab: &Lab, calls: &Calls, to: SocketAddr, domain: Domain) {
    let connect = calls
        .iter()
        .find(|event| event.is(Call::Connect) && event.address().and_then(harness::trace::Address::ip) == Some(to));
    let families = calls.of(Call::Socket);
    let socket = families
        .iter()
        .rev()
        .filter(|made| connect.is_some_and(|connect| made.at <= connect.at))
        .find(|made| connect.is_some_and(|connect| made.returned() == connect.fd.map(i64::from)));
    let right = socket.is_some_and(|made| matches!(made.args, Decoded::Socket { domain: of, .. } if of == domain));
    lab.expect(
        &format!("looking for the socket that was connected to {to}, and at its family"),
        format!("socket({domain}, SOCK_STREAM…), and connect on it to {to}"),
        calls.list(),
        right,
    );
}

/// Runs the client with these options against a daytime server, and gives its calls.
fn told_the_time(lab: &Lab, listener: &Listener, name: &str, options: &[&str]) -> Calls {
    told(
        lab,
        listener,
        name,
        options,
        "daytime",
        |server| server.send(b"2016-09-14T18:30:05Z\n"),
        b"2016-09-14T18:30:05Z\n",
    )
}

fn told(
    lab: &Lab,
    listener: &Listener,
    name: &str,
    options: &[&str],
    scheme: &str,
    reply: impl FnOnce(&mut TcpPeer),
    expected: &[u8],
) -> Calls {
    let url = format!("{scheme}://{}/", listener.addr());
    let args = [&["get"], options, &[&url]].concat();
    let client = lab
        .program(args)
        .named(name)
        .trace(&[Call::Socket, Call::Connect, Call::Recvfrom])
        .start();
    let mut server = listener.accept();
    reply(&mut server);
    server.close();
    let printed = client.expect_exit(0).stdout;
    let options = options.join(" ");
    let doing = format!("comparing what `get {options} {url}` printed with the server's reply");
    expect_same(lab, &doing.replace("  ", " "), &printed, expected);
    client.calls()
}

#[rstest]
#[case::the_usual_block("1024")]
#[case::byte_by_byte("1")]
#[case::an_odd_one("37")]
#[case::more_than_there_is("100000")]
fn block_size_is_honoured(#[case] block: &str) {
    let lab = lab();
    if !lab.can_trace() {
        return;
    }
    lab.control("daytime_client", |lab| {
        told_the_time(lab, &lab.listen("server"), "usual client", &[]);
    });
    // The beginning comes byte by byte, the rest all at once and longer than some of the blocks.
    let beginning = b"a reply that takes its time ";
    let rest = b"and then comes all at once ".repeat(100);
    let listener = lab.listen("slow server");
    let reply = |server: &mut TcpPeer| {
        server.drip(Duration::from_millis(2), beginning);
        server.send(&rest);
    };
    let options = ["--block-size", block];
    let expected = [&beginning[..], &rest].concat();
    let calls = told(&lab, &listener, "client", &options, "daytime", reply, &expected).of(Call::Recvfrom);
    let size: u64 = block.parse().expect("a number");
    let others = calls.iter().filter(|event| event.asked() != Some(size)).count();
    lab.expect(
        &format!("looking how many bytes each receive asked for, with --block-size {block}"),
        format!("{size} bytes in each of them"),
        format!("{others} of {} ask for another number:\n{}", calls.len(), calls.list()),
        others == 0 && !calls.is_empty(),
    );
}

#[test]
fn second_address_is_tried() {
    let lab = lab();
    let nobody = [lab.refusing("nobody"), lab.refusing("nobody else")].map(|refusing| (refusing.addr(), refusing));
    let [(dead, _keep), (also_dead, _also)] = &nobody;
    let silent = lab.blackhole();
    let live = lab.listen("server");
    let other = lab.listen("other server");
    for (addresses, expected, why) in [
        (
            vec![live.addr()],
            format!("connected to {}", live.addr()),
            "one address, and it is live",
        ),
        (
            vec![*dead, live.addr()],
            format!("connected to {}", live.addr()),
            "the first one refuses, the second one is live",
        ),
        (
            vec![live.addr(), other.addr()],
            format!("connected to {}", live.addr()),
            "both are live, and the first one is enough",
        ),
        (
            vec![*dead, *also_dead],
            format!("no connection: {dead} ConnectionRefused, {also_dead} ConnectionRefused"),
            "both refuse, and each has its own error",
        ),
        (
            vec![silent.addr(), live.addr()],
            format!("connected to {}", live.addr()),
            "the first one never answers, and each has 300 ms",
        ),
        (
            vec![silent.addr(), *dead],
            format!("no connection: {} TimedOut, {dead} ConnectionRefused", silent.addr()),
            "the first one never answers, the second one refuses",
        ),
    ] {
        let addresses: Vec<String> = addresses.iter().map(SocketAddr::to_string).collect();
        let request = format!("connect 300 {}", addresses.join(" "));
        let answer = lab.probe(&[&request]).remove(0);
        lab.expect(
            &format!("asking `{request}`: {why}"),
            &expected,
            &answer,
            answer == expected,
        );
    }
    let failed = lab.run(["get", &format!("daytime://{dead}/")]).expect_code(1);
    let error = failed.stderr_text();
    lab.expect(
        &format!("reading the error after `get daytime://{dead}/`, where nobody listens"),
        format!("error: connect {dead}: ECONNREFUSED: …"),
        error.trim_end(),
        error.starts_with(&format!("error: connect {dead}: ECONNREFUSED: ")),
    );
}

#[test]
fn unix_socket() {
    let lab = lab();
    let Some(service) = lab.listen_unix("server", "service") else {
        return;
    };
    if !service.path().as_os_str().as_bytes().iter().all(u8::is_ascii_graphic) {
        lab.not_run_here("the path of the temporary folder cannot stand in a URL");
        return;
    }
    let url = format!("unix://{}", service.path().display());
    let request = format!("parse {url}");
    let answer = lab.probe(&[&request]).remove(0);
    let expected = format!(
        "scheme \"unix\", host \"\", port none, path \"{}\"",
        service.path().display()
    );
    let doing = format!("asking `{request}`: a URL without a host, whose path is a file");
    lab.expect(&doing, &expected, &answer, answer == expected);

    let client = lab.program(["get", &url]).start();
    let mut server = service.accept();
    for part in ["the reply ", "of a server ", "in the file system\n"] {
        server.send(part.as_bytes());
    }
    server.close();
    let printed = client.expect_exit(0).stdout_text();
    let doing = format!("comparing what `get {url}` printed with the server's reply");
    lab.expect_eq(&doing, printed.as_str(), "the reply of a server in the file system\n");

    let nowhere = format!("unix://{}", lab.folder().join("nowhere").display());
    let failed = lab.run(["get", &nowhere]).expect_code(1);
    let error = failed.stderr_text();
    lab.expect(
        "reading the error after `get` of a unix URL whose file does not exist",
        format!("error: connect {nowhere}: ENOENT: …"),
        error.trim_end(),
        error.starts_with(&format!("error: connect {nowhere}: ENOENT: ")),
    );
    for (request, why) in [
        (
            "parse unix://tmp/service",
            "what follows the // is a host, and this scheme has none",
        ),
        ("parse http:///tmp/service", "only unix goes without a host"),
    ] {
        let answer = lab.probe(&[request]).remove(0);
        let right = answer == "refused: BadHost";
        lab.expect(
            &format!("asking `{request}`: {why}"),
            "refused: BadHost",
            &answer,
            right,
        );
    }
}

#[test]
fn raw_http_request() {
    let lab = lab();
    let mut transcript = String::new();
    for (path, sent, why) in [
        ("/index.html", "/index.html", "an ordinary path"),
        ("/a%20b/%7Eme", "/a%20b/%7Eme", "escapes are the server's to decode"),
        (
            "/find?q=a+b&to=/x",
            "/find?q=a+b&to=/x",
            "the query is a part of the path",
        ),
        ("", "/", "an empty path is asked for as /"),
    ] {
        let listener = lab.listen("web server");
        let url = format!("http://{}{path}", listener.addr());
        let client = lab.program(["get", &url]).start();
        let mut server = listener.accept();
        let head = read_head(&lab, &mut server, &url);
        let line = head.first().map_or("", String::as_str);
        let doing = format!("reading the first line of the request for {url}: {why}");
        lab.expect_eq(&doing, line, format!("GET {sent} HTTP/1.0").as_str());
        let hosts: Vec<&str> = head.iter().filter_map(|line| host_in(line)).collect();
        let doing = format!("looking for the Host in the request for {url}");
        lab.expect_eq(&doing, hosts, vec![listener.addr().to_string()]);
        server.send(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello");
        server.close();
        let printed = client.expect_exit(0).stdout_text();
        lab.expect_eq(
            "comparing what was printed with the body of the reply",
            printed.as_str(),
            "hello",
        );
        // Other lines are allowed, and are not our business.
        transcript += &format!("$ ex05 get {url}\n> {line}\n> Host: {}\n", listener.addr());
    }
    harness::assert_snapshot!(lab, transcript, @r"
    $ ex05 get http://127.0.0.1:PORT1/index.html
    > GET /index.html HTTP/1.0
    > Host: 127.0.0.1:PORT1
    $ ex05 get http://127.0.0.1:PORT2/a%20b/%7Eme
    > GET /a%20b/%7Eme HTTP/1.0
    > Host: 127.0.0.1:PORT2
    $ ex05 get http://127.0.0.1:PORT3/find?q=a+b&to=/x
    > GET /find?q=a+b&to=/x HTTP/1.0
    > Host: 127.0.0.1:PORT3
    $ ex05 get http://127.0.0.1:PORT4
    > GET / HTTP/1.0
    > Host: 127.0.0.1:PORT4
    ");
    // Servers at the usual port, and at addresses that the test cannot have.
    for (url, host, why) in [
        (
            "http://fbox.vt.edu/engr/",
            "fbox.vt.edu",
            "no port in the URL, none in the Host",
        ),
        (
            "http://fbox.vt.edu:10021/engr/",
            "fbox.vt.edu:10021",
            "the port of the URL",
        ),
        ("http://[2001:db8::7]:8080/", "[2001:db8::7]:8080", "brackets here, too"),
    ] {
        let request = format!("request {url}");
        let answer = lab.probe(&[&request]).remove(0);
        let seen: Vec<&str> = answer.split(r"\r\n").filter_map(host_in).collect();
        lab.expect(
            &format!("looking for the Host in the answer to `{request}`: {why}"),
            format!("Host: {host}"),
            &answer,
            seen == [host],
        );
    }
}

/// The lines of a request up to the empty one, without their CR LF.
fn read_head(lab: &Lab, server: &mut TcpPeer, url: &str) -> Vec<String> {
    let mut head = Vec::new();
    loop {
        let doing = format!(
            "reading line {} of the request for {url}, up to an empty line",
            head.len() + 1
        );
        let line = server.read_line(&doing);
        let Some(line) = line.strip_suffix('\r') else {
            lab.fail(&doing, "a line that ends with CR LF", format!("{:?}", line + "\n"))
        };
        if line.is_empty() || head.len() == 50 {
            return head;
        }
        head.push(line.to_string());
    }
}

/// What a `Host:` line says; the names of such lines may be written in any case.
fn host_in(line: &str) -> Option<&str> {
    let (name, value) = line.split_once(':')?;
    name.eq_ignore_ascii_case("host").then(|| value.trim())
}

#[rstest]
#[case::no_slash_at_the_end("/engr/ece/plymale", "the last part has no / behind it")]
#[case::a_slash_at_the_end("/engr/ece/plymale/", "the / at the end")]
#[case::a_query("/find?name=a&name=b", "the query")]
#[case::a_query_with_everything("/find?to=http://other:81/[x]@y/", "a query that looks like a URL")]
#[case::escapes("/a%2Fb%3Fc%20d", "escapes of / and ?")]
#[case::double_slashes("//double//slash//", "empty parts")]
#[case::dots("/a/./b/../c", "dots are the server's business")]
#[case::nothing("", "no path at all")]
fn query_and_trailing_slash_survive(#[case] path: &str, #[case] why: &str) {
    let lab = lab();
    let url = format!("http://fbox.vt.edu:10021{path}");
    let expected = format!("scheme \"http\", host \"fbox.vt.edu\", port 10021, path {path:?}");
    let request = format!("parse {url}");
    let answer = lab.probe(&[&request]).remove(0);
    let doing = format!("asking `{request}`: what becomes of {why}");
    lab.expect(&doing, &expected, &answer, answer == expected);
}

#[test]
fn parse_display_round_trip() {
    let lab = lab();
    let mut urls: Vec<Parts> = Urls(lab.random(4564, 1 << 16).into_iter()).take(500).collect();
    // The shortest one that goes wrong is the easiest to understand.
    urls.sort_by_key(|url| url.text().len());
    let requests: Vec<String> = urls
        .iter()
        .flat_map(|url| [format!("parse {}", url.text()), format!("display {}", url.words())])
        .collect();
    let expected = urls.iter().flat_map(|url| [url.shown(), url.text()]);
    let probe = lab.program(["probe"]).start();
    for (request, expected) in requests.iter().zip(expected) {
        let doing = format!("asking `{request}`");
        probe.stdin_write(format!("{request}\n").as_bytes());
        let answer = probe.next_line(&doing);
        lab.expect(&doing, &expected, &answer, answer == expected);
    }
    probe.stdin_close();
    probe.expect_exit(0);
}

/// Compares bytes and says where they first differ, instead of printing all of them.
fn expect_same(lab: &Lab, doing: &str, received: &[u8], sent: &[u8]) {
    let same = received.iter().zip(sent).take_while(|(a, b)| a == b).count();
    let seen = format!("{} bytes, of which the first {same} are right", received.len());
    lab.expect(doing, format!("the same {} bytes", sent.len()), seen, received == sent);
}

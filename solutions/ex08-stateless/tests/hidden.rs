// CANARY-7f3a91c2-hidden
//! The checks of exercise 8 that students see by name only.
#![allow(non_snake_case)] // READ and APPEND are the protocol's own words

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;

use harness::fsp::{Aim, Client, Hostile, Oracle, Reply, Request, Schedule, Service, Tree, Trial, numbered};
use harness::{Lab, Loss, Server};
use rstest::rstest;

harness::exercise!("../../../exercises/ex08-stateless/rubric.toml");

const FILE: &str = "/tmp/test.txt";
const SERVER: [&str; 3] = ["server", "--root", "root"];

/// A session that needs every kind of request, with what has to come.
const SESSION: [(&str, &[u8], &str); 8] = [
    ("OPEN /tmp/test.txt r", b"", "OK 1000"),
    ("READ /tmp/test.txt 0 8", b"", "OK 8"),
    ("OPEN /notes/log w", b"", "OK 0"),
    ("WRITE /notes/log 2 5", b"hello", "OK 5"),
    ("READ /tmp/test.txt 8 8", b"", "OK 8"),
    ("APPEND /notes/log 6", b" world", "OK 13"),
    ("READ /notes/log 2 100", b"", "OK 11"),
    ("CLOSE /notes/log", b"", "OK"),
];

fn slides_and_notes() -> Tree {
    Tree::of_the_slides().file("/notes/readme", b"an empty folder is no file\n")
}

/// What the data of a reply in the session has to be.
fn data_of(line: &str) -> Vec<u8> {
    match line {
        "READ /tmp/test.txt 0 8" => b"0000000\n".to_vec(),
        "READ /tmp/test.txt 8 8" => b"0000008\n".to_vec(),
        "READ /notes/log 2 100" => b"hello world".to_vec(),
        _ => Vec::new(),
    }
}

#[test]
fn restart_between_any_two_requests() {
    let lab = lab();
    lab.control("the_slides_session", |lab| session_with(lab, "quiet", |_| {}));
    session_with(&lab, "crashes", |server| server.crash_and_restart());
    lab.control("client_copies_1000_bytes_in_300s", |lab| {
        copy_with(lab, "quiet", |_| {});
    });
    copy_with(&lab, "crashes", |server| server.crash_and_restart());
}

/// The whole session, with something done to the server after every reply.
fn session_with(lab: &Lab, folder: &str, meanwhile: impl Fn(&mut Service)) {
    let root = slides_and_notes().plant(lab, folder);
    let mut server = lab.service(&["server", "--root", &root.to_string_lossy()]);
    let mut client = lab.fsp("client", server.addr());
    for (line, data, expected) in SESSION {
        client.expect(line, data, expected, &data_of(line));
        meanwhile(&mut server);
    }
}

/// The program copies a file, and something is done to the server after every reply, before the client gets it.
fn copy_with(lab: &Lab, folder: &str, meanwhile: impl Fn(&mut Service)) {
    let root = Tree::of_the_slides().plant(lab, folder);
    let mut server = lab.service(&["server", "--root", &root.to_string_lossy()]);
    let mut inside = lab.fsp("network", server.addr());
    let outside = lab.udp("network");
    let port = outside.addr().port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port, "get", FILE]).start();
    loop {
        let (request, from) = outside.receive("waiting for the client's next request");
        inside.send_bytes(&request);
        let id = String::from_utf8_lossy(&request)
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_string();
        let line = String::from_utf8_lossy(&request)
            .lines()
            .next()
            .unwrap_or_default()
            .to_string();
        let request = Request::new(&id, line.split_once(' ').map_or("", |(_, line)| line));
        let reply = inside.reply_to(&request);
        meanwhile(&mut server);
        outside.send_to(&reply.0, from);
        if reply.data().is_empty() {
            break;
        }
    }
    let copy = client.expect_exit(0).stdout;
    let doing = "comparing the client's copy with the file";
    expect_same(lab, doing, &copy, &numbered(1000));
}

#[test]
fn two_servers_take_turns() {
    let lab = lab();
    lab.control("the_slides_session", |lab| session_with(lab, "one", |_| {}));
    let root = slides_and_notes().plant(&lab, "root");
    let servers = ["first", "second"].map(|name| lab.program(SERVER).named(name).serve());
    let mut client = lab.fsp("client", servers[0].addr());
    for ((line, data, expected), server) in SESSION.into_iter().zip(servers.iter().cycle()) {
        client.turn_to(server);
        client.expect(line, data, expected, &data_of(line));
    }
    // Whatever one of them does, the other one sees at once.
    let mut log = b"\0\0hello world".to_vec();
    for turn in 0..6 {
        log.push(b'!');
        client.turn_to(&servers[turn % 2]);
        client.expect("APPEND /notes/log 1", b"!", &format!("OK {}", log.len()), b"");
        client.turn_to(&servers[(turn + 1) % 2]);
        client.expect("READ /notes/log 0 100", b"", &format!("OK {}", log.len()), &log);
    }
    let doing = "looking at root/notes/log after 6 APPENDs, in turn to two servers";
    let found = fs::read(root.join("notes/log")).unwrap_or_default();
    expect_same(&lab, doing, &found, &log);
}

#[rstest]
#[case::one_path_for_each_way_out(None)]
#[case::hostile_paths_of_seed_1(Some(1))]
#[case::hostile_paths_of_seed_2(Some(2))]
#[case::hostile_paths_of_seed_3(Some(3))]
#[case::hostile_paths_of_seed_4(Some(4))]
fn cannot_leave_the_root(#[case] seed: Option<u64>) {
    let lab = lab();
    let aim = Aim::lay_out(&lab);
    let server = lab.serve(SERVER);
    let mut client = lab.fsp("client", server.addr());
    lab.control("the_slides_session", |_| {
        client.expect("READ /docs/readme.txt 0 100", b"", "OK 7", b"inside\n");
    });
    match seed {
        None => planned(&lab, &aim, &mut client),
        Some(seed) => hostile(seed, &lab, &aim, &mut client),
    }
    expect_no_damage(&lab, &aim, "looking at the files outside the root after all that");
    // Some of the paths go out and come in again, so this file may have been written to; but it is still served.
    let doing = "reading /docs/readme.txt after all that";
    let reply = client.ask("READ /docs/readme.txt 0 100", b"");
    lab.expect(doing, "OK", reply.shown(), reply.is_ok());
}

/// One path for each way out, with every verb.
fn planned(lab: &Lab, aim: &Aim, client: &mut Client) {
    let around = lab.folder().to_string_lossy().into_owned();
    for (how, path) in [
        ("dots", "/../outside/secret.txt".to_string()),
        ("dots behind a folder", "/docs/../../outside/secret.txt".to_string()),
        (
            "dots behind a folder that is not there",
            "/none/../../outside/secret.txt".to_string(),
        ),
        ("encoded dots", "/%2e%2e/outside/secret.txt".to_string()),
        ("an encoded slash", "/..%2foutside%2Fsecret.txt".to_string()),
        ("the absolute path", format!("{around}/outside/secret.txt")),
        (
            "the absolute path behind a second slash",
            format!("/{around}/outside/secret.txt"),
        ),
        ("a link to a folder outside", "/docs/out/secret.txt".to_string()),
        ("a link to a file outside", "/docs/secret".to_string()),
        ("a new file behind a link", "/docs/out/new.txt".to_string()),
        (
            "a link to a file outside that does not exist",
            "/docs/dangling".to_string(),
        ),
        (
            "a folder whose name begins like the root's",
            "/../rootx/secret.txt".to_string(),
        ),
        ("a new file beside the root", "/../new.txt".to_string()),
        ("a NUL", "/docs/readme.txt%00/../../../outside/secret.txt".to_string()),
        ("a NUL behind the way out", "/../outside/secret.txt%00.txt".to_string()),
        ("the folder above", "/..".to_string()),
        ("a link that leads to itself", "/docs/loop".to_string()),
    ] {
        let verbs = ["READ", "OPEN r", "OPEN w", "WRITE", "APPEND"];
        let attempts = verbs.map(|verb| (verb, path.clone(), format!("a way out by {how}")));
        attempt(lab, aim, client, &attempts);
    }
}

/// Reads and writes, in turn, of 2500 paths that a seed has made: with four seeds 10,000. Thirty requests at a time, so that a busy
/// machine gets on.
fn hostile(seed: u64, lab: &Lab, aim: &Aim, client: &mut Client) {
    let verbs = ["READ", "WRITE", "OPEN r", "APPEND", "READ", "OPEN w"];
    let paths = Hostile::new(lab.random(seed, 1 << 18), aim).take(2500);
    let attempts: Vec<_> = (1..)
        .zip(paths.zip(verbs.into_iter().cycle()))
        .map(|(number, (hostile, verb))| {
            let verb = if hostile.aimed { verb } else { "READ" };
            (verb, hostile.path, format!("hostile path {number} of seed {seed}"))
        })
        .collect();
    lab.expect_eq("counting the hostile paths", attempts.len(), 2500);
    attempts.chunks(30).for_each(|some| attempt(lab, aim, client, some));
}

/// Sends requests of these kinds for these paths, and looks at what comes and at what has happened outside.
fn attempt(lab: &Lab, aim: &Aim, client: &mut Client, attempts: &[(&str, String, String)]) {
    let mut sent = Vec::new();
    for (verb, path, how) in attempts {
        let (line, data) = match *verb {
            "READ" => (format!("READ {path} 0 100"), ""),
            "WRITE" => (format!("WRITE {path} 0 5"), "crack"),
            "APPEND" => (format!("APPEND {path} 5"), "crack"),
            open => (format!("OPEN {path} {}", &open[5..]), ""),
        };
        let request = client.request(&line, data.as_bytes());
        client.send(&request);
        sent.push((request, how));
    }
    let mut done = Vec::new();
    for (request, how) in &sent {
        let reply = client.reply_to(request);
        let doing = format!("asking `{}` ({how})", request.line);
        let outside = Aim::gives_away(&reply) || reply.data().starts_with(b"root:");
        lab.expect(&doing, "nothing from outside the root", reply.shown(), !outside);
        if reply.is_ok() && !request.line.starts_with("READ") {
            done.push(format!("`{}`", request.line));
        }
    }
    // What was refused has done nothing, or nearly: that is looked at once more after all of them.
    if !done.is_empty() {
        expect_no_damage(lab, aim, &format!("asking {}, which got OK", done.join(" and ")));
    }
}

fn expect_no_damage(lab: &Lab, aim: &Aim, doing: &str) {
    let damage = aim.damage();
    let received = damage.as_deref().unwrap_or("nothing has changed");
    lab.expect(doing, "nothing changes outside the root", received, damage.is_none());
}

#[test]
fn order_and_duplicates_do_not_matter() {
    let lab = lab();
    let file = lab.random(4564, 5000);
    let tree = Tree::new().file("/data.bin", &file);
    tree.plant(&lab, "root");
    let server = lab.serve(SERVER);
    let mut client = lab.fsp("client", server.addr()).knowing(&tree);
    lab.control("same_READ_twice_same_answer", |_| {
        client.expect("READ /data.bin 0 0", b"", "OK 0", b"");
    });
    // Twenty pieces in a wild order, each asked for twice, and all of it before the first reply is looked at.
    let order = (0..40).map(|n| (n * 7) % 20);
    let asked: Vec<_> = order
        .map(|piece| {
            (
                piece * 250,
                client.request(&format!("READ /data.bin {} 250", piece * 250), b""),
            )
        })
        .collect();
    asked.iter().for_each(|(_, request)| client.send(request));
    for (offset, request) in &asked {
        client.expect_reply(request, "OK 250", &file[*offset..*offset + 250]);
    }
    let serve = |root: &Path| lab.service(&["server", "--root", &root.to_string_lossy()]);
    Trial::new(&lab, Oracle::Stateless, &Tree::of_the_slides(), serve)
        .ask("OPEN /tmp/test.txt r")
        .ask("READ /tmp/test.txt 0 200")
        .twice()
        .ask("READ /tmp/test.txt 200 200")
        .ask("READ /tmp/test.txt 400 200")
        .run("the_slides_session", &Schedule::ALL);
}

#[test]
fn get_over_a_lossy_link() {
    let lab = lab();
    Tree::of_the_slides().plant(&lab, "root");
    let server = lab.serve(SERVER);
    let copy = |lab: &Lab, port: u16, name: &str, how: &str| {
        let port = port.to_string();
        let client = lab.program(["client", "127.0.0.1", &port, "get", FILE]).named(name);
        let copy = client.run(b"").expect_code(0).stdout;
        expect_same(
            lab,
            &format!("comparing the client's copy with the file, {how}"),
            &copy,
            &numbered(1000),
        );
    };
    lab.control("the_slides_session", |lab| {
        let mut client = lab.fsp("test", server.addr());
        client.expect("READ /tmp/test.txt 0 8", b"", "OK 8", b"0000000\n");
    });
    lab.control("client_copies_1000_bytes_in_300s", |lab| {
        copy(lab, server.port(), "usual client", "over a network that loses nothing");
    });
    let bad = Loss {
        seed: SEED,
        loss: 20,
        duplicate: 10,
        reorder: 10,
        corrupt: 0,
    };
    lab.set_step(harness::WALL);
    let relay = lab.relay(server.addr(), bad);
    copy(
        &lab,
        relay.addr().port(),
        "client",
        "over a network that loses and doubles",
    );
    refused(&lab, relay.addr().port());
}

/// Of the seeds with several losses, one whose run is short.
const SEED: u64 = 1;

/// The server says no, and the user hears it.
fn refused(lab: &Lab, port: u16) {
    let port = port.to_string();
    let client = lab
        .run(["client", "127.0.0.1", &port, "get", "/tmp/none.txt"])
        .expect_code(3);
    let said = client.stderr_text();
    let doing = "reading the stderr of a client whose file does not exist";
    lab.expect_eq(doing, said.as_str(), "error: get /tmp/none.txt: ENOENT\n");
}

#[test]
fn APPEND_twice_appends_twice() {
    let lab = lab();
    let tree = Tree::new().file("/notes/log", b"0: start\n");
    let serve = |root: &Path| lab.service(&["server", "--root", &root.to_string_lossy()]);
    Trial::new(&lab, Oracle::Stateless, &tree, serve)
        .ask("OPEN /notes/log w")
        .ask_with("APPEND /notes/log 4", b"one\n")
        .twice()
        .ask_with("APPEND /notes/log 4", b"two\n")
        .ask("READ /notes/log 0 100")
        .run("the_slides_session", &Schedule::ALL);
    Trial::new(&lab, Oracle::Stateless, &tree, serve)
        .ask_with("WRITE /notes/new 5 3", b"end")
        .twice()
        .ask("READ /notes/new 0 100")
        .ask_with("WRITE /notes/log 20 4", b"far\n")
        .ask("READ /notes/log 0 100")
        .run("WRITE_twice_is_WRITE_once", &[Schedule::AfterReply]);
}

#[test]
fn keeps_no_descriptors() {
    let lab = lab();
    let files = (0..100).map(|n| (format!("/many/{n}"), format!("file {n}")));
    let tree = files.fold(Tree::new(), |tree, (path, text)| tree.file(&path, text.as_bytes()));
    let root = tree.plant(&lab, "root");
    let usual = lab.serve(SERVER);
    let mut client = lab.fsp("client", usual.addr());
    lab.control("the_slides_session", |_| {
        client.expect("OPEN /many/0 r", b"", "OK 6", b"");
        client.expect("READ /many/0 0 100", b"", "OK 6", b"file 0");
    });
    let server = lab
        .program(SERVER)
        .nofile(20)
        .named("server with 20 descriptors")
        .serve();
    client.turn_to(&server);
    for (path, text) in tree.files() {
        let (found, length) = (format!("OK {}", text.len()), text.len());
        client.expect(&format!("OPEN {path} r"), b"", &found, b"");
        client.expect(&format!("READ {path} 0 100"), b"", &found, text);
        client.expect(&format!("WRITE {path} 0 {length}"), text, &found, b"");
    }
    // Somebody else puts another file in the place of one that has been read.
    for (number, text) in [b"changed", b"again.."].into_iter().enumerate() {
        let new = root.join(format!("many/new-{number}"));
        let replaced = fs::write(&new, text).and_then(|()| fs::rename(&new, root.join("many/7")));
        replaced.unwrap_or_else(|e| panic!("a file of the test: {e}"));
        let reply = client.ask("READ /many/7 0 100", b"");
        let doing = "reading /many/7 after another program has put a new file in its place";
        lab.expect(
            doing,
            text.escape_ascii(),
            reply.data().escape_ascii(),
            reply.data() == text,
        );
    }
}

#[rstest]
#[case::as_long_as_allowed("READ /tmp/test.txt 0 1024", 0, "OK 1000")]
#[case::longer_than_allowed("READ /tmp/test.txt 0 1025", 0, "ERR EINVAL")]
#[case::a_length_of_twenty_digits("READ /tmp/test.txt 0 99999999999999999999", 0, "ERR EINVAL")]
#[case::the_most_data("WRITE /big 0 1024", 1024, "OK 1024")]
#[case::too_much_data("WRITE /big 0 1025", 1025, "ERR EINVAL")]
#[case::too_much_to_append("APPEND /big 1025", 1025, "ERR EINVAL")]
#[case::too_much_data_that_was_cut("WRITE /big 0 1025", 1000, "ERR EPROTO")]
#[case::beyond_32_bits("READ /sparse 8589934592 100", 0, "OK 5")]
#[case::the_hole_before_it("READ /sparse 4294967296 8", 0, "OK 8")]
#[case::behind_every_file("READ /sparse 9000000000000000000 8", 0, "OK 0")]
#[case::an_offset_of_64_bits("READ /tmp/test.txt 9223372036854775808 8", 0, "ERR EINVAL")]
#[case::an_offset_of_twenty_digits("READ /tmp/test.txt 18446744073709551616 8", 0, "ERR EINVAL")]
#[case::a_space_in_a_name("READ /a%20file 0 8", 0, "OK 5")]
#[case::a_percent_sign_in_a_name("READ /100%2525 0 8", 0, "OK 3")]
#[case::the_longest_path("READ /LONG 0 8", 0, "ERR ENOENT")]
#[case::a_path_of_one_byte_more("READ /LONGER 0 8", 0, "ERR EINVAL")]
#[case::a_folder("READ /tmp 0 8", 0, "ERR EISDIR")]
#[case::the_root("OPEN / r", 0, "ERR EISDIR")]
#[case::no_such_file("READ /tmp/none 0 8", 0, "ERR ENOENT")]
#[case::a_folder_that_is_missing("WRITE /none/new 0 1", 1, "ERR ENOENT")]
fn limits(#[case] line: &str, #[case] data: usize, #[case] expected: &str) {
    let lab = lab();
    let server = limits_served(&lab);
    let mut client = lab.fsp("client", server.addr());
    // The longest path is 255 bytes, decoded: here a slash, 252 bytes that are written as they are, and two that are escaped.
    let longest = format!("/{}/{}%20%2E", "x".repeat(200), "x".repeat(51));
    let line = &line
        .replace("/LONGER", &format!("{longest}x"))
        .replace("/LONG", &longest);
    let reply = client.ask(line, &vec![b'x'; data]);
    expect_line(&lab, line, &reply, expected);
    let data = match line.split(' ').nth(1) {
        Some("/a%20file") => &b"space"[..],
        Some("/100%2525") => b"%25",
        Some("/sparse") if expected == "OK 5" => b"there",
        Some("/sparse") if expected == "OK 8" => b"\0\0\0\0\0\0\0\0",
        _ => return,
    };
    expect_same(
        &lab,
        &format!("looking at the data of the reply to `{line}`"),
        reply.data(),
        data,
    );
}

fn limits_served(lab: &Lab) -> Server {
    let tree = Tree::of_the_slides().file("/a file", b"space").file("/100%25", b"%25");
    let root = tree.plant(lab, "root");
    let sparse = root.join("sparse");
    let made = File::create(&sparse).and_then(|file| file.write_all_at(b"there", 1 << 33));
    made.unwrap_or_else(|e| panic!("a file of 8 GiB, nearly all of it a hole: {e}"));
    lab.serve(SERVER)
}

fn expect_line(lab: &Lab, line: &str, reply: &Reply, expected: &str) {
    let sparse = line
        .contains("/sparse")
        .then_some(" (of 8 GiB, nearly all of it a hole, one piece is asked for)");
    let doing = format!("reading the reply to `{line}`{}", sparse.unwrap_or_default());
    lab.expect(&doing, expected, reply.shown(), reply.line() == expected);
}

fn expect_same(lab: &Lab, doing: &str, received: &[u8], expected: &[u8]) {
    let shown = |bytes: &[u8]| {
        let more = if bytes.len() > 64 { "…" } else { "" };
        let start = bytes[..bytes.len().min(64)].escape_ascii();
        format!("{} bytes: {start}{more}", bytes.len())
    };
    lab.expect(doing, shown(expected), shown(received), received == expected);
}

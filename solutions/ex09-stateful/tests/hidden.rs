// CANARY-7f3a91c2-hidden
//! The checks of exercise 9 that students see by name only.
#![allow(non_snake_case)] // READ is the protocol's own word

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use harness::fsp::{Client, Model, Oracle, Reply, Request, Schedule, Tree, Trial, numbered};
use harness::{Lab, Server};
use rstest::rstest;

harness::exercise!("../../../exercises/ex09-stateful/rubric.toml");

const FILE: &str = "/tmp/test.txt";
const SERVER: [&str; 3] = ["server", "--root", "root"];
/// The check to fix first where nearly everything hangs on it.
const BASE: &str = "the_slides_session";

/// A conversation with a copy of one request in it. That the copy counts is what is required.
#[rstest]
#[case::of_the_slide("READ $1 200", "", &["STAT $1", "READ $1 200"], &Schedule::ALL)]
#[case::of_a_WRITE("WRITE $2 8", "written\n", &["STAT $2", "WRITE $2 0"], &Schedule::ALL)]
#[case::of_an_APPEND("APPEND $2 8", "written\n", &["STAT $2", "OPEN /notes/log r"], &Schedule::ALL)]
#[case::of_a_SEEK("SEEK $1 80", "", &["STAT $1", "READ $1 200"], &[Schedule::AfterNext])]
#[case::of_an_OPEN(
    "OPEN /tmp/test.txt r",
    "",
    &["READ $3 8", "OPEN /notes/log r", "READ $4 8", "READ $1 8"],
    &[Schedule::AfterReply]
)]
#[case::of_a_CLOSE("CLOSE $2", "", &["STAT $1", "OPEN /notes/log r", "READ $3 8"], &[Schedule::AfterReply])]
fn duplicate_READ_advances_twice(
    #[case] copied: &str,
    #[case] data: &str,
    #[case] then: &[&str],
    #[case] schedules: &[Schedule],
) {
    let lab = lab();
    let tree = Tree::of_the_slides().file("/notes/log", b"0: start\n");
    let serve = |root: &Path| lab.service(&["server", "--root", &root.to_string_lossy()]);
    let trial = Trial::new(&lab, Oracle::Stateful, &tree, serve)
        .ask("OPEN /tmp/test.txt r")
        .ask("OPEN /notes/log w")
        .ask_with(copied, data.as_bytes())
        .twice();
    let trial = then.iter().fold(trial, |trial, line| trial.ask(line));
    trial.run(BASE, schedules);
}

#[test]
fn cursor_moves_by_bytes_returned() {
    let lab = lab();
    let (_server, mut client) = serving(&lab, &Tree::of_the_slides().file("/notes/log", b"0: start\n"));
    let file = numbered(1000);
    lab.control(BASE, |lab| opens_and_reads(lab, &mut client));
    open(&lab, &mut client, FILE, "r"); // $2
    client.expect("SEEK $2 950", b"", "OK 950", b"");
    client.expect("READ $2 200", b"", "OK 50", &file[950..]);
    expect_state(&mut client, "$2", FILE, "1000, read");
    client.expect("READ $2 0", b"", "OK 0", b"");
    client.expect("SEEK $2 5000", b"", "OK 5000", b"");
    client.expect("READ $2 200", b"", "OK 0", b"");
    expect_state(&mut client, "$2", FILE, "5000, read");
    client.expect("SEEK $2 8589934592", b"", "OK 8589934592", b"");
    expect_state(&mut client, "$2", FILE, "8589934592, read");

    open(&lab, &mut client, "/notes/log", "w"); // $3
    client.expect("WRITE $3 5", b"hello", "OK 5", b"");
    client.expect("WRITE $3 0", b"", "OK 0", b"");
    expect_state(&mut client, "$3", "/notes/log", "5, write");
    client.expect("APPEND $3 6", b"at end", "OK 15", b"");
    client.expect("READ $3 200", b"", "OK 10", b"art\nat end");
    expect_state(&mut client, "$3", "/notes/log", "15, write");
    client.expect("SEEK $3 20", b"", "OK 20", b"");
    client.expect("WRITE $3 4", b"far\n", "OK 4", b"");
    expect_state(&mut client, "$3", "/notes/log", "24, write");

    // Somebody else makes the file shorter than the place where this handle is.
    open(&lab, &mut client, "/notes/log", "r"); // $4
    client.expect("SEEK $4 20", b"", "OK 20", b"");
    replace(&lab, "notes/log", b"short\n");
    client.expect("READ $4 200", b"", "OK 0", b"");
    expect_state(&mut client, "$4", "/notes/log", "20, read");
}

#[test]
fn no_aliasing() {
    let lab = lab();
    let files = (0..8).map(|n| (format!("/many/{n}"), format!("file {n}, and no other\n")));
    let tree = files.fold(Tree::of_the_slides(), |tree, (path, text)| {
        tree.file(&path, text.as_bytes())
    });
    let (_server, mut client) = serving(&lab, &tree);
    lab.control(BASE, |lab| opens_and_reads(lab, &mut client));
    // The control has opened 32.
    for (file, handle) in [(0, 33), (1, 34), (2, 35)] {
        client.expect(&format!("OPEN /many/{file} r"), b"", &format!("OK {handle} 21"), b"");
    }
    client.expect("CLOSE 33", b"", "OK", b"");
    for (file, handle) in [(1, 34), (2, 35)] {
        let expected = format!("file {file}, ");
        client.expect(&format!("READ {handle} 8"), b"", "OK 8", expected.as_bytes());
    }
    client.expect("OPEN /many/3 r", b"", "OK 36 21", b"");
    client.expect("READ 33 8", b"", "ERR EBADF", b"");
    // The one with the largest number goes, and all of them go: no number comes back.
    client.expect("CLOSE 36", b"", "OK", b"");
    client.expect("OPEN /many/4 r", b"", "OK 37 21", b"");
    for handle in [34, 32, 37, 35] {
        client.expect(&format!("CLOSE {handle}"), b"", "OK", b"");
    }
    client.expect("OPEN /many/5 w", b"", "OK 38 21", b"");
    for handle in 32..38 {
        client.expect(&format!("READ {handle} 8"), b"", "ERR EBADF", b"");
        client.expect(&format!("WRITE {handle} 4"), b"late", "ERR EBADF", b"");
        client.expect(&format!("CLOSE {handle}"), b"", "ERR EBADF", b"");
    }
    client.expect("READ 38 8", b"", "OK 8", b"file 5, ");
    let damage = tree.difference(&lab.folder().join("root"));
    let received = damage.map_or("as they were".to_owned(), |(path, ..)| format!("{path} has changed"));
    let doing = "looking at the files after WRITEs to handles that are not open";
    lab.expect_eq(doing, received.as_str(), "as they were");
}

#[test]
fn table_limit() {
    let lab = lab();
    let (_server, mut client) = serving(&lab, &Tree::of_the_slides());
    lab.control(BASE, |lab| opens_and_reads(lab, &mut client)); // 32
    for handle in 33..96 {
        client.expect("OPEN /tmp/test.txt r", b"", &format!("OK {handle} 1000"), b"");
    }
    // 64 are open.
    for _ in 0..3 {
        client.expect("OPEN /tmp/test.txt r", b"", "ERR EMFILE", b"");
    }
    client.expect("OPEN /tmp/new.txt w", b"", "ERR EMFILE", b"");
    let new = lab.folder().join("root/tmp/new.txt");
    let received = if new.exists() { "the new file" } else { "no new file" };
    let doing = "looking for root/tmp/new.txt after `OPEN /tmp/new.txt w` was refused";
    lab.expect_eq(doing, received, "no new file");
    // None of them was given up to make room.
    client.expect("READ 32 8", b"", "OK 8", b"0000008\n");
    client.expect("READ 95 8", b"", "OK 8", b"0000000\n");
    client.expect("CLOSE 40", b"", "OK", b"");
    client.expect("OPEN /tmp/test.txt r", b"", "OK 96 1000", b"");
    client.expect("OPEN /tmp/test.txt r", b"", "ERR EMFILE", b"");
    // The limit is about how many are open, not about how many ever were.
    for handle in 96..196 {
        client.expect(&format!("CLOSE {handle}"), b"", "OK", b"");
        client.expect("OPEN /tmp/test.txt r", b"", &format!("OK {} 1000", handle + 1), b"");
    }
}

#[test]
fn clients_interleave() {
    const SEED: u64 = 4564;
    let lab = lab();
    let tree = Tree::of_the_slides().file("/notes/log", b"0: start\n");
    let (server, mut ada) = serving(&lab, &tree);
    let mut bob = lab.fsp("bob", server.addr()).knowing(&tree);
    lab.control(BASE, |_| {
        let mut test = lab.fsp("test", server.addr());
        opens_and_reads(&lab, &mut test);
        test.expect("CLOSE $1", b"", "OK", b"");
    });
    let mut model = Model::new(Oracle::Stateful, &tree);
    // What the control did is part of the conversation.
    for line in ["OPEN /tmp/test.txt r", "READ 32 8", "CLOSE 32"] {
        model.deliver(&Request::new("0", line));
    }
    for line in ["OPEN /tmp/test.txt r", "OPEN /notes/log w"] {
        step(&mut model, &mut ada, line, b"");
        step(&mut model, &mut bob, line, b"");
    }
    for dice in lab.random(SEED, 80).chunks(2) {
        let client = if dice[0] % 2 == 0 { &mut ada } else { &mut bob };
        let (line, data) = match dice[1] % 8 {
            0 => ("WRITE $2 4".to_owned(), &b"more"[..]),
            1 => ("APPEND $2 4".to_owned(), &b"end\n"[..]),
            2 => (format!("SEEK $1 {}", u32::from(dice[0]) * 8 % 480), &b""[..]),
            3 => ("STAT $1".to_owned(), &b""[..]),
            _ => ("READ $1 56".to_owned(), &b""[..]),
        };
        step(&mut model, client, &line, data);
    }
}

/// Asks what the model is asked, and expects what it answers.
fn step(model: &mut Model, client: &mut Client, line: &str, data: &[u8]) {
    let request = client.request(line, data);
    let expected = model.deliver(&request).unwrap_or(Reply(Vec::new()));
    client.send(&request);
    client.expect_reply(&request, &expected.line(), expected.data());
}

#[rstest]
#[case::because_the_file_is_gone(false, "ERR ENOENT")]
#[case::because_it_is_a_folder_now(true, "ERR EISDIR")]
fn failed_READ_moves_nothing(#[case] folder: bool, #[case] error: &str) {
    let lab = lab();
    let (_server, mut client) = serving(&lab, &Tree::of_the_slides());
    let file = numbered(1000);
    lab.control(BASE, |lab| opens_and_reads(lab, &mut client)); // $1 is at 8
    open(&lab, &mut client, FILE, "w"); // $2
    client.expect("SEEK $2 400", b"", "OK 400", b"");

    let path = lab.folder().join("root/tmp/test.txt");
    let fault = |e: std::io::Error| panic!("{}: {e}", path.display());
    fs::remove_file(&path).unwrap_or_else(fault);
    if folder {
        fs::create_dir(&path).unwrap_or_else(fault);
    }
    for _ in 0..2 {
        client.expect("READ $1 200", b"", error, b"");
        client.expect("READ $2 200", b"", error, b"");
        client.expect("WRITE $2 8", b"nowhere\n", error, b"");
    }
    expect_state(&mut client, "$1", FILE, "8, read");
    expect_state(&mut client, "$2", FILE, "400, write");

    if folder {
        fs::remove_dir(&path).unwrap_or_else(fault);
    }
    replace(&lab, "tmp/test.txt", &file);
    client.expect("READ $1 200", b"", "OK 200", &file[8..208]);
    client.expect("READ $2 200", b"", "OK 200", &file[400..600]);
}

#[test]
fn restart_forgets_and_aliases() {
    let lab = lab();
    let tree = Tree::of_the_slides().file("/notes/log", b"somebody else's log\n");
    let root = tree.plant(&lab, "root");
    let mut server = lab.service(&["server", "--root", &root.to_string_lossy()]);
    let mut client = lab.fsp("client", server.addr()).knowing(&tree);
    lab.control(BASE, |_| {
        client.expect("OPEN /tmp/test.txt r", b"", "OK 32 1000", b"");
        client.expect("READ 32 8", b"", "OK 8", b"0000000\n");
    });
    server.crash_and_restart();
    for line in ["READ 32 8", "STAT 32", "SEEK 32 8", "CLOSE 32"] {
        client.expect(line, b"", "ERR EBADF", b"");
    }
    // And this is the weakness: numbers begin at 32 again, and the old handle is somebody else's file.
    let mut other = lab.fsp("another client", server.addr());
    other.expect("OPEN /notes/log r", b"", "OK 32 20", b"");
    client.expect("READ 32 8", b"", "OK 8", b"somebody");
    other.expect("READ 32 8", b"", "OK 8", b" else's ");
}

/// Which replies get lost, by the request and how many came before it, and what the client makes of it.
#[rstest]
#[case::one_reply_to_a_READ(&[("READ", 2)], Some(800))]
#[case::the_reply_to_the_first_READ(&[("READ", 0)], Some(800))]
#[case::two_replies(&[("READ", 1), ("READ", 3)], Some(600))]
#[case::a_reply_that_brought_nothing(&[("READ", 5)], None)]
#[case::the_reply_to_OPEN(&[("OPEN", 0)], None)]
#[case::the_reply_to_CLOSE(&[("CLOSE", 0)], None)]
fn client_detects_lost_synchronisation(#[case] lost: &[(&str, usize)], #[case] got: Option<usize>) {
    let lab = lab();
    lab.control("client_copies_1000_bytes_in_300s", |lab| {
        copy_losing(lab, "control", &[], None)
    });
    copy_losing(&lab, "server", lost, got);
}

/// The client copies 1000 bytes in 200s from a server of the test, whose replies get lost here and there.
fn copy_losing(lab: &Lab, name: &str, lost: &[(&str, usize)], got: Option<usize>) {
    let mut server = lab.fsp_server(name, Oracle::Stateful, &Tree::of_the_slides());
    let port = server.addr().port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port, "get", FILE]).start();
    let mut asked: Vec<String> = Vec::new();
    loop {
        let (mut is_lost, mut verb) = (false, String::new());
        let doing = "waiting for the client's next request: until a READ brings nothing, and then CLOSE";
        let (request, _) = server.answer_unless(doing, |request| {
            verb = request.line.split(' ').next().unwrap_or_default().to_owned();
            let before = asked.iter().filter(|asked| **asked == verb).count();
            is_lost = lost.contains(&(verb.as_str(), before));
            is_lost
        });
        if verb == "CLOSE" && !is_lost {
            break;
        }
        asked.push(verb);
        let doing = "counting the client's requests, for a file that takes 8 and a few copies";
        let received = format!("request {}: `{}`", asked.len(), request.line);
        let expected = "CLOSE, when a READ has brought nothing";
        lab.expect(doing, expected, received, asked.len() < 20);
    }
    let (code, stdout, stderr) = match got {
        None => (0, numbered(1000), String::new()),
        Some(got) => (
            3,
            Vec::new(),
            format!("error: lost synchronization: expected 1000 bytes, got {got}\n"),
        ),
    };
    let ended = client.expect_exit(code);
    lab.expect_eq("reading the client's stderr", ended.stderr_text(), stderr);
    let (printed, expected) = (ended.stdout.len(), stdout.len());
    let doing = "comparing what the client printed with the file";
    let shown = |bytes: usize| format!("{bytes} bytes");
    lab.expect(doing, shown(expected), shown(printed), ended.stdout == stdout);
}

/// A first conversation: OPEN and a READ of 8 bytes. The handle is `$1`.
fn opens_and_reads(lab: &Lab, client: &mut Client) {
    open(lab, client, FILE, "r");
    client.expect("READ $1 8", b"", "OK 8", b"0000000\n");
}

/// Your server with these files, and a client of the test.
fn serving(lab: &Lab, tree: &Tree) -> (Server, Client) {
    tree.plant(lab, "root");
    let server = lab.serve(SERVER);
    let client = lab.fsp("client", server.addr()).knowing(tree);
    (server, client)
}

/// Opens a file under whatever handle the server gives.
fn open(lab: &Lab, client: &mut Client, path: &str, mode: &str) {
    let line = format!("OPEN {path} {mode}");
    let reply = client.ask(&line, b"");
    let doing = format!("reading the reply to `{line}`");
    let two = reply.fields().len() == 2;
    lab.expect(&doing, "OK, a handle and the size", reply.shown(), two);
}

/// Expects that STAT says this of a handle: `/tmp/test.txt, 200, read` behind its number.
fn expect_state(client: &mut Client, handle: &str, path: &str, state: &str) {
    let request = client.request(&format!("STAT {handle}"), b"");
    let number = request.line.split(' ').next_back().unwrap_or_default();
    let state = format!("{number}: {path}, {state}");
    client.send(&request);
    client.expect_reply(&request, "OK", state.as_bytes());
}

/// Somebody else puts other bytes into a file below the root.
fn replace(lab: &Lab, path: &str, bytes: &[u8]) {
    let path = lab.folder().join("root").join(path);
    let new = lab.folder().join("new");
    let open_to_all = fs::Permissions::from_mode(0o666);
    let replaced = fs::write(&new, bytes)
        .and_then(|()| fs::set_permissions(&new, open_to_all))
        .and_then(|()| fs::rename(&new, &path));
    replaced.unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

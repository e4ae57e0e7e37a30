// CANARY-7f3a91c2-hidden
//! The checks of exercise 11 that students see by name only.
#![allow(non_snake_case)] // LOCK is the protocol's own word

#[path = "hidden/copies.rs"]
mod copies;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use copies::{Fate, copy_from_stand_in, copy_in_lives, expect_copy};
use harness::Lab;
use harness::fsp::{Client, Oracle, Reply, Request, Schedule, Service, Tree, Trial, numbered};
use rstest::rstest;

harness::exercise!("../../../exercises/ex11-crashes/rubric.toml");

const FILE: &str = "/tmp/test.txt";
const ADA: u32 = 0xc0ff_ee01;
const BOB: u32 = 0x0bad_cafe;
/// The server's default lease, in milliseconds.
const LEASE: u64 = 1000;

fn tree() -> Tree {
    Tree::of_the_slides()
        .file("/notes/log", b"")
        .file("/secret", &[b'!'; 1000])
}

/// A server below this root, with a folder of its own for its state. Its clock stands still.
fn serve<'a>(lab: &'a Lab, root: &Path) -> Service<'a> {
    let state = format!("state of {}", root.file_name().unwrap_or_default().display()).replace(' ', "-");
    Tree::new().plant(lab, &state);
    let root = root.to_string_lossy();
    lab.service(&["server", "--root", &root, "--state", &state, "--clock", "manual"])
}

fn trial<'a>(lab: &'a Lab) -> Trial<'a> {
    Trial::new(lab, Oracle::Leased, &tree(), |root| serve(lab, root))
}

fn begin<'a>(lab: &'a Lab) -> (Service<'a>, Client, Client) {
    let server = serve(lab, &tree().plant(lab, "root"));
    let client = |who, name| lab.fsp(who, server.addr()).named(name).knowing(&tree());
    let (ada, bob) = (client("ada", ADA), client("bob", BOB));
    (server, ada, bob)
}

/// Opens a file under whatever handle the server gives, and gives the handle.
fn open(lab: &Lab, client: &mut Client, path: &str, mode: &str) -> String {
    let line = format!("OPEN {path} {mode}");
    let reply = client.ask(&line, b"");
    let doing = format!("reading the reply to `{line}`");
    let two = reply.fields().len() == 2;
    lab.expect(&doing, "OK, a handle and the size", reply.shown(), two);
    reply.fields().swap_remove(0)
}

fn advance(lab: &Lab, server: &Service, ms: u64) {
    let mut hand = lab.fsp("the clock's hand", server.addr());
    let request = Request::new("00000000.1", &format!("ADVANCE {ms}"));
    hand.send(&request);
    let reply = hand.reply_to(&request);
    lab.expect("moving the server's clock", "OK", reply.shown(), reply.is_ok());
}

#[test]
fn restart_makes_handles_stale() {
    let lab = lab();
    trial(&lab)
        .ask("OPEN /tmp/test.txt r")
        .ask("READ $1 200")
        .crash()
        .ask("READ $1 200")
        .ask("STAT $1")
        .ask("SEEK $1 0")
        .ask("LOCK $1 s")
        .ask("UNLOCK $1")
        .ask("CLOSE $1")
        .ask("OPEN /notes/log w")
        .ask_with("APPEND $1 4", b"one\n")
        .ask_with("WRITE $1 4", b"one\n")
        .ask("STAT $2")
        .play("exclusive_excludes");
    twenty_lives(&lab);
}

/// Twenty crashes in one copy. In each life, the number of the old handle is that of somebody else's file.
fn twenty_lives(lab: &Lab) {
    let (mut server, mut ada, mut bob) = begin(lab);
    let epoch_file = lab.folder().join("state-of-root/epoch");
    let (mut copy, mut old, mut written) = (Vec::new(), Vec::new(), Vec::new());
    for life in 1..=21 {
        if life > 1 {
            server.crash_and_restart();
        }
        expect_new_file(lab, &epoch_file, &mut written, life);
        open(lab, &mut bob, "/secret", "r");
        for handle in old.iter().rev().take(3) {
            let reply = ada.ask(&format!("READ {handle} 8"), b"");
            let doing = format!("reading with the handle {handle}, in the server's life number {life}");
            let right = reply.line() == "ERR ESTALE";
            lab.expect(&doing, "ERR ESTALE", reply.shown(), right);
        }
        let handle = open(lab, &mut ada, FILE, "r");
        let doing = format!("reading the handle of an OPEN in the server's life number {life}");
        let known = old.contains(&handle);
        lab.expect(&doing, "one that no earlier life has given", &handle, !known);
        ada.expect(
            &format!("SEEK {handle} {}", copy.len()),
            b"",
            &format!("OK {}", copy.len()),
            b"",
        );
        let reply = ada.ask(&format!("READ {handle} 48"), b"");
        copy.extend_from_slice(reply.data());
        old.push(handle);
    }
    let same = copy == numbered(1000);
    let received = format!(
        "{} bytes, {}",
        copy.len(),
        if same { "identical" } else { "and not the same" }
    );
    let doing = "comparing a copy that was made in 21 lives of the server";
    lab.expect(doing, "1000 bytes, identical", received, same);
}

/// A file that is written over has a moment in which it holds half a number; one that takes its place has none. Then it is another file.
fn expect_new_file(lab: &Lab, file: &Path, before: &mut Vec<u64>, life: usize) {
    let inode = fs::metadata(file).map(|found| found.ino());
    let received = match &inode {
        Err(error) => error.to_string(),
        Ok(inode) if before.last() == Some(inode) => "the file of the life before, written over".to_owned(),
        Ok(_) => "a new file in its place".to_owned(),
    };
    let doing =
        format!("looking at state/epoch in the server's life number {life}: a crash may come in the middle of writing");
    let right = received == "a new file in its place";
    lab.expect(&doing, "a new file in its place", &received, right);
    before.extend(inode);
}

#[rstest]
#[case::before_the_first_READ(Fate::Before(&[("READ", 0)]))]
#[case::before_every_other_READ(Fate::Before(&[("READ", 1), ("READ", 3), ("READ", 5), ("READ", 7), ("READ", 9)]))]
#[case::before_the_READ_that_brings_nothing(Fate::Before(&[("READ", 5)]))]
#[case::before_CLOSE(Fate::Before(&[("CLOSE", 0)]))]
#[case::in_the_middle_of_a_recovery(Fate::Before(&[("READ", 2), ("SEEK", 0), ("SEEK", 1), ("READ", 3)]))]
#[case::three_times_without_a_byte(Fate::Before(&[("READ", 2), ("READ", 3), ("READ", 4)]))]
#[case::with_READs_that_bring_less_than_they_ask_for(Fate::Short(&[("READ", 1), ("READ", 4), ("READ", 7)]))]
#[case::after_a_READ_was_executed(Fate::After(2))]
#[case::and_ends_if_there_is_no_end(Fate::Hopeless)]
#[case::in_twenty_crashes_of_your_server(Fate::Yours)]
fn client_recovers_and_copy_is_identical(#[case] fate: Fate) {
    let lab = lab();
    lab.control("client_copies_across_a_crash", |lab| {
        let copied = copy_from_stand_in(lab, "server that lives", &Fate::Before(&[]));
        expect_copy(lab, copied);
    });
    match fate {
        Fate::Yours => {
            lab.control("restart_makes_handles_stale", |lab| copy_in_lives(lab, 1));
            copy_in_lives(&lab, 21);
        }
        Fate::Hopeless => {
            let ended = copy_from_stand_in(&lab, "server that always crashes", &fate);
            let said = ended.expect_code(3).stderr_text();
            let doing = "reading the stderr of a client whose server crashes before every READ";
            lab.expect_eq(doing, said.as_str(), "error: get /tmp/test.txt: ESTALE\n");
        }
        Fate::Before(_) | Fate::Short(_) | Fate::After(_) => {
            let copied = copy_from_stand_in(&lab, "server that crashes", &fate);
            expect_copy(&lab, copied);
        }
    }
}

#[test]
fn duplicated_LOCK_is_one_lock() {
    let lab = lab();
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask("LOCK $1 x")
        .twice()
        .ask("STAT $1")
        .ask("UNLOCK $1")
        .other("OPEN /notes/log w")
        .other("LOCK $1 x")
        .run("exclusive_excludes", &Schedule::ALL);
    trial(&lab)
        .other("OPEN /notes/log w")
        .ask("OPEN /notes/log w")
        .ask("LOCK $1 x")
        .moved()
        .ask("LOCK $1 x")
        .twice()
        .ask_with("WRITE $1 4", b"mine")
        .moved()
        .ask("UNLOCK $1")
        .other("LOCK $1 x")
        .ask("UNLOCK $1")
        .run("exclusive_excludes", &[Schedule::AfterReply]);
    // Two handles of one file are one lock, too.
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask("OPEN /notes/log w")
        .other("OPEN /notes/log w")
        .ask("LOCK $1 x")
        .ask("LOCK $2 x")
        .ask("UNLOCK $1")
        .other("LOCK $1 x")
        .ask("UNLOCK $2")
        .play_only();
}

#[test]
fn late_write_of_an_expired_owner_is_refused() {
    let lab = lab();
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask("LOCK $1 x")
        .ask_with("WRITE $1 4", b"old\n")
        .silence(LEASE + 1)
        .other("OPEN /notes/log w")
        .other("LOCK $1 s")
        .ask_with("WRITE $1 4", b"late")
        .ask_with("APPEND $1 4", b"late")
        .other("UNLOCK $1")
        .ask_with("APPEND $1 4", b"late")
        .ask("CLOSE $1")
        .ask("OPEN /notes/log w")
        .ask_with("APPEND $2 4", b"new\n")
        .play("crashed_client_loses_its_lock");
    // Nobody else has asked for the file, or for anything.
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask("LOCK $1 x")
        .silence(LEASE + 1)
        .ask_with("WRITE $1 4", b"late")
        .ask("UNLOCK $1")
        .play("crashed_client_loses_its_lock");
    // It is another file that somebody else asks for.
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask("OPEN /tmp/test.txt w")
        .ask("LOCK $1 x")
        .ask("LOCK $2 x")
        .silence(LEASE + 1)
        .other("OPEN /secret w")
        .other("LOCK $1 x")
        .ask_with("WRITE $1 4", b"late")
        .ask("STAT $2")
        .play("crashed_client_loses_its_lock");
    late_copies(&lab);
}

/// A client that has slept sends its last request once more. What it was told then is not true any more.
fn late_copies(lab: &Lab) {
    let (server, mut ada, mut bob) = begin(lab);
    let handle = open(lab, &mut ada, FILE, "w");
    let lock = ada.request(&format!("LOCK {handle} x"), b"");
    ada.send(&lock);
    ada.expect_reply(&lock, "OK", b"");
    advance(lab, &server, LEASE + 1);
    ada.send(&lock);
    let reply = ada.reply_to(&lock);
    let expected = Reply::to(&lock, "ERR ESTALE", b"");
    let doing = format!(
        "sending `{}` again, {} ms after it was answered with OK",
        lock.shown(),
        LEASE + 1
    );
    lab.expect(&doing, expected.shown(), reply.shown(), reply.same(&expected));
    open(lab, &mut bob, FILE, "w");
    bob.expect("LOCK $1 x", b"", "OK", b"");
}

#[rstest]
#[case::under_an_exclusive_lock("x")]
#[case::under_a_shared_lock("s")]
fn locked_file_refuses_strangers(#[case] kind: &str) {
    let lab = lab();
    let trial = trial(&lab)
        .ask("OPEN /notes/log w")
        .other("OPEN /notes/log w")
        .other("OPEN /notes/log r")
        .ask(&format!("LOCK $1 {kind}"))
        .other_with("WRITE $1 4", b"evil")
        .ask("READ $1 8")
        .other_with("APPEND $1 4", b"evil")
        .ask("READ $1 8")
        .ask_with("APPEND $1 4", b"good")
        .other("READ $1 4")
        .other("READ $2 4")
        // What is not about the file's bytes is free.
        .other("STAT $1")
        .other("SEEK $1 2")
        .other("OPEN /notes/log w")
        // Other errors are looked for first: this handle may not write, whoever has locked the file.
        .other_with("WRITE $2 4", b"evil")
        .other("READ $1 1025")
        .other("CLOSE $2")
        .other("UNLOCK $1");
    // The lock goes with the handle.
    let trial = trial
        .ask("CLOSE $1")
        .other_with("WRITE $1 4", b"free")
        .other("UNLOCK $1")
        .other("LOCK $1 x")
        .other("LOCK $1 s")
        .ask("OPEN /notes/log w")
        .ask("READ $2 8")
        .ask_with("WRITE $2 4", b"evil")
        .other_with("WRITE $1 4", b"mine");
    trial.play_only();
}

#[test]
fn lease_runs_from_the_last_request() {
    let lab = lab();
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask("LOCK $1 x")
        .other("OPEN /notes/log w")
        .silence(600)
        .ask("STAT $1")
        .other("LOCK $1 x")
        .silence(600)
        .ask("READ $1 1025")
        .other("LOCK $1 x")
        .silence(600)
        .ask("RENEW")
        .other("LOCK $1 x")
        .silence(600)
        .ask("UNLOCK $1")
        .silence(600)
        .ask("LOCK $1 x")
        .silence(LEASE)
        .ask("HELLO")
        .ask_with("WRITE $1 4", b"mine")
        .play("activity_keeps_the_lease");
    // One is silent, and the other one is busy all the time.
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask("LOCK $1 x")
        .other("OPEN /notes/log w")
        .silence(400)
        .other("LOCK $1 s")
        .silence(400)
        .other("READ $1 4")
        .silence(201)
        .other("LOCK $1 s")
        .ask("STAT $1")
        .ask("OPEN /notes/log w")
        .other("STAT $1")
        .silence(LEASE)
        .ask("STAT $2")
        .silence(1)
        .other("STAT $1")
        .play("activity_keeps_the_lease");
}

#[test]
fn opposite_lock_orders_do_not_hang() {
    let lab = lab();
    // Nobody unlocks, and no time passes. Each answer comes all the same.
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask("OPEN /secret w")
        .other("OPEN /notes/log w")
        .other("OPEN /secret w")
        .ask("LOCK $1 x")
        .other("LOCK $2 x")
        .ask("LOCK $2 x")
        .other("LOCK $1 x")
        .ask("LOCK $2 s")
        .other("LOCK $1 s")
        .ask("STAT $1")
        .other("STAT $2")
        // Who is refused gives back what it has, and the other one can go on.
        .other("UNLOCK $2")
        .ask("LOCK $2 x")
        .play_only();
    // Two who share want to have the file alone: none of them can wait for the other.
    trial(&lab)
        .ask("OPEN /notes/log w")
        .other("OPEN /notes/log w")
        .ask("LOCK $1 s")
        .other("LOCK $1 s")
        .ask("LOCK $1 x")
        .other("LOCK $1 x")
        .ask("LOCK $1 s")
        .other("UNLOCK $1")
        .ask("LOCK $1 x")
        .play_only();
}

#[test]
fn duplicate_after_restart_is_not_executed() {
    let lab = lab();
    // Another client has opened the file in the new life, under the number that the old handle had.
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask_with("APPEND $1 4", b"one\n")
        .twice()
        .crash()
        .other("OPEN /notes/log w")
        .other("STAT $1")
        .run("exclusive_excludes", &[Schedule::AfterReply, Schedule::AfterNext]);
    // The same client has.
    trial(&lab)
        .ask("OPEN /notes/log w")
        .ask_with("WRITE $1 4", b"one\n")
        .twice()
        .crash()
        .ask("OPEN /notes/log w")
        .ask_with("WRITE $2 4", b"ONE\n")
        .ask("STAT $2")
        .run("exclusive_excludes", &[Schedule::AfterNext]);
}

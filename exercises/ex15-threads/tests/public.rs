//! The checks of exercise 15 that you have in front of you. Run them: `cargo test -p ex15`.
//!
//! None of them measures time. They bring your program into situations that it only gets out of if it does several things
//! at once: four servers that answer when all four have been asked, four jobs that wait for each other. `rubric.toml`
//! says what each is worth.

use std::time::Duration;

use harness::{Listener, TcpPeer};

harness::exercise!("../rubric.toml");

#[test]
fn a_sleeping_client_delays_nobody() {
    let lab = lab();
    let server = lab.serve(["server", "--mode", "thread"]);
    let mut sleeper = lab.connect("sleeper", server.addr());
    // Longer than any check may take: whoever waits for this answer gets none.
    sleeper.send(b"SLEEP 60000\n");
    for name in ["client 1", "client 2"] {
        let mut client = lab.connect(name, server.addr());
        let beside = format!("as {name}, while another client's SLEEP goes on and nobody has left");
        ask(&mut client, "DEPOSIT alice 5", "OK", &beside);
        ask(&mut client, "BALANCE nobody", "OK 0", &beside);
    }
}

#[test]
fn transcript() {
    let lab = lab();
    let server = lab.serve(["server"]);
    let mut talk = String::new();
    let mut alice = lab.connect("alice", server.addr());
    let mut bob = lab.connect("bob", server.addr());
    let requests = [
        "BALANCE alice",
        "DEPOSIT alice 100",
        "BALANCE alice",
        "TRANSFER alice bob 30",
        "TRANSFER alice bob 71",
        "TRANSFER alice bob 70",
        "SLEEP 1",
        "DUMP 0",
        "WITHDRAW alice 5",
        "DEPOSIT alice -5",
    ];
    for request in requests {
        alice.send(format!("{request}\n").as_bytes());
        let answer = alice.read_line(&format!("reading the answer to `{request}`"));
        talk += &format!("alice: {request}\n  {answer}\n");
    }
    // One bank for everybody: bob sees what alice has done.
    // He asks for both at once: a request is a line, not a read.
    bob.send(b"BALANCE alice\nBALANCE bob\n");
    for request in ["BALANCE alice", "BALANCE bob"] {
        let doing = format!(
            "reading the answer to `{request}`, one of two requests at once of another client of the same bank"
        );
        talk += &format!("bob: {request}\n  {}\n", bob.read_line(&doing));
    }
    alice.half_close();
    alice.expect_eof("waiting for the end of the stream after the client's own");
    harness::assert_snapshot!(lab, talk, @r"
    alice: BALANCE alice
      OK 0
    alice: DEPOSIT alice 100
      OK
    alice: BALANCE alice
      OK 100
    alice: TRANSFER alice bob 30
      OK
    alice: TRANSFER alice bob 71
      ERR insufficient
    alice: TRANSFER alice bob 70
      OK
    alice: SLEEP 1
      OK
    alice: DUMP 0
      OK 0
    alice: WITHDRAW alice 5
      ERR bad request
    alice: DEPOSIT alice -5
      ERR bad request
    bob: BALANCE alice
      OK 0
    bob: BALANCE bob
      OK 100
    ");
}

#[test]
fn eight_threads_8000_deposits() {
    let lab = lab();
    // Again and again, since a deposit is lost only now and then.
    let answers = lab.probe(&["deposits 8 1000"; 10]);
    for answer in answers {
        let doing = "asking `deposits 8 1000`: eight threads deposit 1 a thousand times each, all on the same account";
        lab.expect_eq(doing, answer.as_str(), "balance 8000");
    }
}

#[test]
fn pool_runs_in_parallel() {
    let lab = lab().with_step(Duration::from_secs(7));
    for workers in [4, 2] {
        let request = format!("meet {workers}");
        let doing = format!(
            "asking `{request}`: a pool of {workers}, and {workers} jobs, twice, of which each waits until all of them run"
        );
        let answers = lab.probe(&[&request]);
        lab.expect_eq(
            &doing,
            answers[0].as_str(),
            format!("met: {workers}, then {workers}").as_str(),
        );
    }
}

#[test]
fn pget_is_concurrent_and_ordered() {
    let lab = lab();
    let names = ["north", "east", "south", "west"];
    let servers: Vec<Listener> = names.iter().map(|name| lab.listen(name)).collect();
    let mut args = vec!["pget".to_string()];
    args.extend(servers.iter().map(|server| server.addr().to_string()));
    let pget = lab.program(args).start();
    // Nobody says anything before all four have been asked.
    let mut clients: Vec<TcpPeer> = servers.iter().map(Listener::accept).collect();
    // The last one answers first.
    for (client, name) in clients.iter_mut().zip(names).rev() {
        client.send(format!("{name}: 21 degrees\nand more that nobody prints\n").as_bytes());
        client.half_close();
    }
    for (number, name) in (1..).zip(names) {
        pget.expect_line(&format!("[{number}] {name}: 21 degrees"));
    }
    pget.expect_exit(0);
}

#[test]
fn shutdown_joins_everyone() {
    let lab = lab();
    for (workers, jobs) in [(2, 2), (2, 8), (4, 4)] {
        let request = format!("shutdown {workers} {jobs}");
        let doing =
            format!("asking `{request}`: {jobs} jobs are given to {workers} workers, and shutdown is called at once");
        let answers = lab.probe(&[&request]);
        let expected = format!("when shutdown returned: {jobs} of {jobs} jobs done, 0 threads alive");
        lab.expect_eq(&doing, answers[0].as_str(), expected.as_str());
    }
}

/// Fails unless this is the answer.
fn ask(client: &mut TcpPeer, request: &str, answer: &str, how: &str) {
    client.send(format!("{request}\n").as_bytes());
    client.expect_bytes(
        format!("{answer}\n").as_bytes(),
        &format!("reading the answer to `{request}` {how}"),
    );
}

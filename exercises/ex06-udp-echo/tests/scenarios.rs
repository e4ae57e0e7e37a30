//! Conversations to look at: `cargo grader trace ex06` draws the first one with every system call, `cargo grader trace ex06 no_answer`
//! another.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your programs do in a situation of your own.

harness::exercise!("../rubric.toml");

/// Your client and your server, both traced.
#[test]
fn hello_world() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let port = server.port().to_string();
    lab.run(["client", "127.0.0.1", &port, "Hello, world"]).expect_code(0);
    server.next_line("reading what the server printed");
}

/// Two clients at one socket of the server.
#[test]
fn two_clients() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let clients = ["alice", "bob"].map(|who| (who, lab.udp(who)));
    for (who, client) in &clients {
        client.send_to(format!("I am {who}").as_bytes(), server.addr());
    }
    for (_, client) in &clients {
        client.receive("waiting for the echo");
    }
}

/// A server that never answers: the client gives up.
#[test]
fn no_answer() {
    let lab = lab().recorded();
    let server = lab.udp("silent server");
    let port = server.addr().port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port, "hello", "--timeout-ms", "300"]);
    let client = client.start();
    server.receive("waiting for the client's message");
    client.expect_exit(4);
}

/// Somebody else answers first.
#[test]
fn an_impostor() {
    let lab = lab().recorded();
    let (server, impostor) = (lab.udp("server"), lab.impostor());
    let port = server.addr().port().to_string();
    let client = lab.program(["client", "127.0.0.1", &port, "hello"]).start();
    let (message, client_addr) = server.receive("waiting for the client's message");
    impostor.send_to(&message, client_addr);
    server.send_to(&message, client_addr);
    client.expect_exit(0);
}

/// Longer than the server echoes.
#[test]
fn too_big() {
    let lab = lab().recorded();
    let server = lab.serve(["server"]);
    let client = lab.udp("client");
    client.send_to(&[b'x'; 1025], server.addr());
    server.next_line("reading what the server printed");
}

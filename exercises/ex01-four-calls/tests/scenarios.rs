//! Conversations to look at: `cargo grader trace ex01` draws the first one with every system call, `cargo grader trace ex01 queue` the other.
//!
//! Nothing here is graded. Change a scenario, or write one more, to see what your program does in a situation of your own.

harness::exercise!("../rubric.toml");

/// The four calls: socket, bind, listen, accept. One client is served.
#[test]
fn one_client() {
    let lab = lab().recorded();
    let server = lab.serve(["server", "--count", "1", "--epoch", "1473877805"]);
    let mut client = lab.connect("client", server.addr());
    client.read_to_eof("reading the time of day, to the end of the stream");
    client.close();
    server.expect_exit(0);
}

/// Three clients connect while the server is frozen: they wait in the queue, and are served in order.
#[test]
fn queue() {
    let lab = lab().recorded();
    let server = lab.serve(["server", "--backlog", "2", "--count", "3", "--epoch", "1473877805"]);
    server.freeze();
    let mut clients: Vec<_> = (1..=3)
        .map(|number| lab.connect(&format!("client {number}"), server.addr()))
        .collect();
    server.thaw();
    for client in &mut clients {
        client.read_to_eof("reading the time of day, to the end of the stream");
    }
    server.expect_exit(0);
}

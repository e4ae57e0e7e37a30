//! The program `ex14`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex14 server [--host 127.0.0.1] [--port 0] [--max-children 8] -- CMD [ARG…]
//! ex14 probe          then, for example: exit_text 768
//! ```

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};

use ex14::{Service, exit_text, serve};
use netlab::probe::Request;
use netlab::program::PORT;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, listening_on, signals};

const HOST: Parameter<IpAddr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const MAX_CHILDREN: Parameter<NonZeroUsize> =
    Parameter::with_default("max-children", "N", "how many children may run at the same time", "8");
const COMMAND: Parameter<Vec<OsString>> = Parameter::behind_dashes(
    "command",
    "CMD",
    "the program to start for each client, and its arguments",
);

fn main() -> ExitCode {
    let server = Command::new("server", "start a program for every client", server)
        .takes(&HOST)
        .takes(&PORT)
        .takes(&MAX_CHILDREN)
        .takes(&COMMAND);
    Program::new("ex14", "A process for every client")
        .command(server)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let asked = SocketAddr::new(given.get(&HOST), given.get(&PORT));
    let listener = TcpListener::bind(asked).during(Op::Bind, asked)?;
    let address = listener.local_addr().during(Op::Bind, asked)?;
    let service = Service {
        command: given.get(&COMMAND),
        max_children: given.get(&MAX_CHILDREN).get(),
        asked_to_end: signals::term_fd().during(Op::Socket, "signals")?,
        child_changed: signals::child_fd().during(Op::Socket, "signals")?,
    };
    listening_on(address);
    serve(listener, &service).during(Op::Accept, address)
}
// ANCHOR_END: server

/// `exit_text STATUS`: STATUS is the number that the kernel gives to whoever waits, as in `man 2 wait`. It is 256 times
/// the exit code of a process that ended by itself, or the number of the signal that ended it, plus 128 if it left a
/// core dump.
fn probe(request: &Request) -> Result<String, String> {
    match request.function() {
        "exit_text" => {
            let status = request.argument(1, "a wait status, such as 768")?;
            Ok(exit_text(ExitStatus::from_raw(status)))
        }
        _ => request.unknown("exit_text 768"),
    }
}

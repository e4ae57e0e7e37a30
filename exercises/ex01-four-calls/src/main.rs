//! The program `ex01`. Given: it connects the command line with your functions in `lib.rs`.
//!
//! ```text
//! ex01 server [--host 127.0.0.1] [--port 0] [--backlog 5] [--count N] [--epoch SECONDS] [--table]
//! ex01 probe          then, for example: daytime 1473877805
//! ```

use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;
use std::process::ExitCode;

use ex01::{Service, daytime, descriptor_line, local_addr, open_listener, serve};
use netlab::probe::Request;
use netlab::program::PORT;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, event, listening_on};

const HOST: Parameter<Ipv4Addr> = Parameter::with_default(
    "host",
    "ADDRESS",
    "address to listen on; 0.0.0.0: all of this machine's",
    "127.0.0.1",
);
const BACKLOG: Parameter<i32> = Parameter::with_default("backlog", "N", "how many clients may wait", "5");
const COUNT: Parameter<Option<u64>> = Parameter::optional("count", "N", "end after N clients");
const EPOCH: Parameter<Option<u64>> = Parameter::optional("epoch", "SECONDS", "tell this time instead of the clock's");
const TABLE: Parameter<bool> = Parameter::switch("table", "print one line for every socket");

fn main() -> ExitCode {
    let server = Command::new("server", "tell the time to every client that connects", server)
        .takes(&HOST)
        .takes(&PORT)
        .takes(&BACKLOG)
        .takes(&COUNT)
        .takes(&EPOCH)
        .takes(&TABLE);
    Program::new("ex01", "A time-of-day server, made of four calls")
        .command(server)
        .probe(probe)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let asked = SocketAddrV4::new(given.get(&HOST), given.get(&PORT));
    // An error of nix does not say which call it came from. It is bind that checks the address, so it is nearly always
    // bind that fails here. (Exercise 4 is about telling them apart.)
    let listener = open_listener(asked, given.get(&BACKLOG)).during(Op::Bind, asked)?;
    let address = local_addr(listener.as_fd()).during(Op::Bind, format_args!("{asked} (local_addr)"))?;
    listening_on(address);

    let service = Service {
        count: given.get(&COUNT),
        epoch: given.get(&EPOCH),
        table: given.get(&TABLE),
    };
    if service.table {
        event(descriptor_line(listener.as_fd()).during(Op::Listen, address)?);
    }
    // What a single client does wrong should end inside `serve`; only accept's own errors should come out of it.
    serve(listener, &service).during(Op::Accept, address)
}
// ANCHOR_END: server

fn probe(request: &Request) -> Result<String, String> {
    match request.function() {
        "daytime" => Ok(daytime(request.argument(1, "a number of seconds")?)),
        _ => request.unknown("daytime SECONDS"),
    }
}

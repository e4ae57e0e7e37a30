//! The program `ex17`. Given: it connects the command line with your code.
//!
//! ```text
//! ex17 server --leds 17,22 --buttons 27 [--host 127.0.0.1] [--port 0] [--name gpio] [--lease-ms 5000] [--debounce-ms 20]
//! ex17 client gpio://127.0.0.1:5000/17 lock blink 3 200 unlock
//! ex17 client --discover 5000 [--host 127.0.0.1]
//! ex17 probe                              try your functions without a network; see src/probe.rs
//! ```

mod pins;
mod probe;

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ex17::board::Board;
use ex17::client::{self, Address};
use ex17::messages::ClientId;
use ex17::protocol::{Core, Settings};
use ex17::server::{Sockets, serve};
use netlab::program::PORT;
use netlab::{Arguments, Command, During, Failure, Op, Parameter, Program, listening_on};

use crate::pins::Pins;

const HOST: Parameter<IpAddr> = Parameter::with_default("host", "ADDRESS", "address of the server", "127.0.0.1");
const LEDS: Parameter<Pins> = Parameter::with_default("leds", "PIN,PIN", "BCM numbers of the LEDs", "");
const BUTTONS: Parameter<Pins> = Parameter::with_default("buttons", "PIN,PIN", "BCM numbers of the buttons", "");
const NAME: Parameter<String> = Parameter::with_default("name", "NAME", "what DISCOVER is answered", "gpio");
const LEASE: Parameter<u64> = Parameter::with_default(
    "lease-ms",
    "MS",
    "how long a lock outlives its owner's last word",
    "5000",
);
const DEBOUNCE: Parameter<u64> = Parameter::with_default("debounce-ms", "MS", "how long contacts may bounce", "20");

const WORDS: Parameter<Vec<String>> = Parameter::any_number("what", "URL CMD", "gpio://HOST:PORT/PIN, then what to do");
const DISCOVER: Parameter<Option<u16>> = Parameter::optional("discover", "PORT", "ask who is there, at this port");
const CID: Parameter<Option<String>> =
    Parameter::optional("cid", "HEX", "the client's id, 8 hexadecimal digits; drawn if left out");
const PATIENCE: Parameter<u64> = Parameter::with_default("patience-ms", "MS", "how long to wait for a reply", "3000");

/// How often a free port is looked for that is free for both sockets.
const TRIES: u32 = 32;

fn main() -> ExitCode {
    let server = Command::new("server", "let many clients use the pins of this Raspberry Pi", server)
        .takes(&HOST)
        .takes(&PORT)
        .takes(&LEDS)
        .takes(&BUTTONS)
        .takes(&NAME)
        .takes(&LEASE)
        .takes(&DEBOUNCE);
    let client = Command::with_exit_code("client", "use the pins of another one", client)
        .takes(&HOST)
        .takes(&DISCOVER)
        .takes(&CID)
        .takes(&PATIENCE)
        .takes(&WORDS);
    Program::new("ex17", "A networked GPIO server, and its client")
        .command(server)
        .command(client)
        .probe(probe::answer)
        .run()
}

// ANCHOR: server
fn server(given: &Arguments) -> Result<(), Failure> {
    let Pins(leds) = given.get(&LEDS);
    let Pins(buttons) = given.get(&BUTTONS);
    let board = Board::open(&leds, &buttons, Duration::from_millis(given.get(&DEBOUNCE)))?;
    let (sockets, address) = sockets(SocketAddr::new(given.get(&HOST), given.get(&PORT)))?;
    let core = Core::new(Settings {
        leds,
        buttons,
        name: given.get(&NAME),
        port: address.port(),
        lease: Duration::from_millis(given.get(&LEASE)),
    });
    listening_on(address);
    serve(sockets, board, core)
}
// ANCHOR_END: server

/// Both sockets, on one port. If the port is any, it has to be one that is free for both.
fn sockets(asked: SocketAddr) -> Result<(Sockets, SocketAddr), Failure> {
    let mut tries = if asked.port() == 0 { TRIES } else { 1 };
    loop {
        tries -= 1;
        let listener = TcpListener::bind(asked).during(Op::Bind, asked)?;
        let address = listener.local_addr().during(Op::Bind, asked)?;
        match UdpSocket::bind(address) {
            Err(_) if tries > 0 => {}
            udp => {
                let udp = udp.during(Op::Bind, format_args!("{address}/udp"))?;
                return Ok((Sockets { listener, udp }, address));
            }
        }
    }
}

fn client(given: &Arguments) -> u8 {
    let patience = Duration::from_millis(given.get(&PATIENCE));
    let ended = match given.get(&DISCOVER) {
        Some(port) => client::discover(SocketAddr::new(given.get(&HOST), port), patience),
        None => match wishes(given) {
            Ok((address, requests, cid)) => client::converse(&address, &requests, cid, patience),
            Err(wrong) => {
                eprintln!("error: {wrong}");
                return 2;
            }
        },
    };
    match ended {
        Ok(()) => 0,
        Err(failure) => {
            netlab::report(&failure);
            failure.exit_code()
        }
    }
}

/// What the command line asks for.
fn wishes(given: &Arguments) -> Result<(Address, Vec<String>, ClientId), String> {
    let words = given.get(&WORDS);
    let (url, words) = words.split_first().ok_or("gpio://HOST:PORT/PIN is missing")?;
    let address = client::address(url)?;
    let requests = client::requests(address.pin, words)?;
    if requests.is_empty() {
        return Err("say what to do: get, set 0, set 1, toggle, blink 3 200, lock, unlock, watch".to_string());
    }
    let cid = match given.get(&CID) {
        None => drawn(),
        Some(digits) if digits.len() != 8 => return Err(format!("`{digits}` is not 8 hexadecimal digits")),
        Some(digits) => {
            ClientId::from_str_radix(&digits, 16).map_err(|_| format!("`{digits}` is not 8 hexadecimal digits"))?
        }
    };
    Ok((address, requests, cid))
}

/// An id that nobody else has, most probably: from the clock and the number of this process.
fn drawn() -> ClientId {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mixed = (since.as_nanos() as u64 ^ u64::from(std::process::id()) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as ClientId
}

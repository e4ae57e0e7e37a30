//! A program for the harness's own tests to be started: it behaves well or badly on request.

use harness::fsp::{Model, Oracle, Request, Tree};
use nix::sys::{
    resource::{Resource, getrlimit},
    signal::{SigSet, Signal},
    socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, getsockname, socket},
};
use std::{
    env, fs,
    io::{self, BufRead, Read, Write},
    net::{Shutdown, TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd,
    process::{Command, ExitCode, Stdio},
    thread,
};

fn main() -> io::Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        // Servers: what each connection meets.
        ["echo", ..] => serve(port(&args), echo)?,
        ["part", ..] => serve(port(&args), part_and_hold)?,
        ["cut", ..] => serve(port(&args), part_and_close)?,
        ["unread", ..] => serve(port(&args), close_with_unread_data)?,
        ["deaf"] => serve(0, read_nothing)?,
        ["exits-at-connect"] => serve(0, leave)?,
        ["once"] => serve_one()?,
        ["keeps"] => keep_every_client()?,
        ["hoards"] => serve(0, |mut stream| io::copy(&mut stream, &mut io::sink()).map(drop))?,
        ["one-piece"] => serve(0, echo_one_piece)?,
        ["one-at-a-time"] => serve(0, read_nothing)?,
        // Servers that nobody reaches.
        ["never-listens"] => bind_only()?,
        ["swapped"] => print_the_port_swapped()?,
        ["udp"] => echo_datagrams()?,
        ["fsp", oracle, root, ..] => serve_files(oracle, root, port(&args[3..]))?,
        // First lines.
        ["todo"] => todo!("create the socket"),
        ["wrong"] => say_and_wait("Listening on port 5000\n")?,
        ["zero"] => say_and_wait("listening on 127.0.0.1:0\n")?,
        ["unended"] => say_and_wait("listening on 127.0.0.1:5000")?,
        ["silent"] => say_and_wait("")?,
        ["closed"] => close_stdout_and_wait(),
        // Output without end.
        ["says-more-than-it-may"] => {
            println!("all is well");
            let words = "a word about everything\n".repeat(1000);
            while io::stderr().write_all(words.as_bytes()).is_ok() {}
        }
        ["line-without-end"] => repeat("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")?,
        // Serves as it should, but says too much about it first.
        ["talks-and-serves"] => {
            io::stderr().write_all("a word about everything\n".repeat(200_000).as_bytes())?;
            serve(0, echo)?
        }
        ["lines-without-end"] => repeat("the same line again\n")?,
        // The rest of a process.
        ["probe"] => probe()?,
        ["cat"] => drop(io::copy(&mut io::stdin().lock(), &mut io::stdout().lock())?),
        ["exit", code] => return Ok(ExitCode::from(code.parse::<u8>().unwrap_or(255))),
        ["fail", message] => {
            eprintln!("{message}");
            return Ok(ExitCode::from(3));
        }
        ["surroundings"] => surroundings()?,
        ["parent"] => leave_a_child_behind()?,
        ["nurse", children] => look_after(children.parse().unwrap_or(0))?,
        ["ignores-sigterm"] => ignore_sigterm()?,
        ["spins"] => spin()?,
        ["ask", to] => ask(to)?,
        ["client", to, text] => client(to, text)?,
        // A jail: the program and its arguments are the arguments.
        [program, ref args @ ..] if program.contains('/') => launch(program, args)?,
        _ => return Ok(ExitCode::from(2)),
    }
    Ok(ExitCode::SUCCESS)
}

fn port(args: &[&str]) -> u16 {
    args.get(1).and_then(|port| port.parse().ok()).unwrap_or(0)
}

fn serve(port: u16, each: fn(TcpStream) -> io::Result<()>) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let _ = each(stream?);
    }
    Ok(())
}

fn serve_one() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    listener.accept().map(drop)
}

fn keep_every_client() -> io::Result<()> {
    let mut clients = Vec::new();
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        clients.push(stream?);
    }
    Ok(())
}

fn echo_one_piece(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 100];
    let received = stream.read(&mut buffer)?;
    stream.write_all(&buffer[..received])
}

fn bind_only() -> io::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;
    bind(socket.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))?;
    println!("listening on {}", getsockname::<SockaddrIn>(socket.as_raw_fd())?);
    wait();
    Ok(())
}

fn print_the_port_swapped() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on 127.0.0.1:{}", listener.local_addr()?.port().swap_bytes());
    wait();
    Ok(())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let copied = io::copy(&mut stream.try_clone()?, &mut stream)?;
    println!("echoed {copied} bytes");
    Ok(())
}

fn part_and_hold(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"2016-")?;
    wait();
    Ok(())
}

fn part_and_close(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(b"2016-")?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

/// Closing with unread data in the buffer resets the connection.
fn close_with_unread_data(mut stream: TcpStream) -> io::Result<()> {
    stream.read_exact(&mut [0; 1])
}

/// A program that panics while it holds a connection; the peer has sent nothing, so it sees an ordinary end.
fn leave(_stream: TcpStream) -> io::Result<()> {
    panic!("index out of bounds");
}

fn read_nothing(_stream: TcpStream) -> io::Result<()> {
    wait();
    Ok(())
}

fn echo_datagrams() -> io::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    println!("listening on {}/udp", socket.local_addr()?);
    let mut buffer = [0; 2048];
    loop {
        let (n, from) = socket.recv_from(&mut buffer)?;
        if &buffer[..n] != b"hush" {
            socket.send_to(&buffer[..n], from)?;
        }
    }
}

/// A right file server, or as right as its name says: the model itself, with files of one folder.
fn serve_files(name: &str, root: &str, port: u16) -> io::Result<()> {
    let oracle = match name {
        "stateless" => Oracle::Stateless,
        "stateful" => Oracle::Stateful,
        "at-most-once" => Oracle::AtMostOnce,
        _ => Oracle::Leased,
    };
    let epoch = if name == "leased-again" { 7 } else { std::process::id() };
    let mut tree = Tree::new();
    for entry in fs::read_dir(root)? {
        let file = entry?.path();
        let name = format!("/{}", file.file_name().unwrap_or_default().display());
        tree = tree.file(&name, &fs::read(&file)?);
    }
    let mut model = Model::new(oracle, &tree).leasing(epoch, 1000);
    let socket = UdpSocket::bind(("127.0.0.1", port))?;
    println!("listening on {}/udp", socket.local_addr()?);
    let mut buffer = [0; 2048];
    loop {
        let (n, from) = socket.recv_from(&mut buffer)?;
        let text = String::from_utf8_lossy(&buffer[..n]).into_owned();
        let Some(((id, line), data)) = text
            .split_once('\n')
            .and_then(|(head, data)| Some((head.split_once(' ')?, data)))
        else {
            continue;
        };
        let deaf = name == "leased-for-ever" && line.starts_with("ADVANCE ");
        let line = if deaf { "ADVANCE 0" } else { line };
        let reply = model.deliver(&Request::new(id, line).with(data.as_bytes()));
        for (path, bytes) in model.tree().files() {
            fs::write(format!("{root}{path}"), bytes)?;
        }
        if let Some(reply) = reply {
            socket.send_to(&reply.0, from)?;
        }
    }
}

fn say_and_wait(text: &str) -> io::Result<()> {
    print!("{text}");
    io::stdout().flush()?;
    wait();
    Ok(())
}

#[allow(unsafe_code)] // the way to have a closed stdout
fn close_stdout_and_wait() {
    use std::os::fd::{FromRawFd, OwnedFd};
    // SAFETY: descriptor 1 is open and nothing in this program writes to it after this.
    drop(unsafe { OwnedFd::from_raw_fd(1) });
    wait();
}

fn wait() {
    loop {
        thread::park();
    }
}

fn repeat(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    loop {
        stdout.write_all(text.as_bytes())?;
    }
}

fn probe() -> io::Result<()> {
    for line in io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ') {
            Some(("double", number)) => println!("{}", number.parse::<i64>().unwrap_or(0) * 2),
            Some(("todo", what)) => todo!("{what}"),
            _ => println!("error: what is {line}?"),
        }
    }
    Ok(())
}

fn surroundings() -> io::Result<()> {
    println!("folder {}", env::current_dir()?.display());
    for (name, value) in env::vars_os().filter(|(name, _)| name != "PATH") {
        println!("variable {} {}", name.display(), value.display());
    }
    println!("descriptors {}", getrlimit(Resource::RLIMIT_NOFILE)?.1);
    Ok(())
}

/// The child inherits stdout and would keep it open for ever.
fn leave_a_child_behind() -> io::Result<()> {
    let child = Command::new(env::current_exe()?)
        .arg("silent")
        .stdin(Stdio::null())
        .spawn()?;
    println!("child {}", child.id());
    Ok(())
}

/// Waits for its children when it is told to, and not before.
fn look_after(children: u32) -> io::Result<()> {
    let born = |_| {
        Command::new(env::current_exe()?)
            .args(["exit", "0"])
            .stdin(Stdio::null())
            .spawn()
    };
    let mut children = (0..children).map(born).collect::<io::Result<Vec<_>>>()?;
    for child in &children {
        println!("child pid {}", child.id());
    }
    for line in io::stdin().lines() {
        line?;
        for child in &mut children {
            child.wait()?;
        }
        println!("waited");
    }
    Ok(())
}

fn ignore_sigterm() -> io::Result<()> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGTERM);
    set.thread_block()?;
    say_and_wait("ready\n")
}

fn spin() -> io::Result<()> {
    println!("ready");
    let mut x = 1_u64;
    loop {
        x = std::hint::black_box(x.wrapping_mul(3));
    }
}

fn launch(program: &str, args: &[&str]) -> io::Result<()> {
    Command::new(program).args(args).status().map(drop)
}

/// Waits for an answer although nobody can know that the question has ended.
fn ask(to: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(b"hello")?;
    stream.read_exact(&mut [0; 1])
}

fn client(to: &str, text: &str) -> io::Result<()> {
    let mut stream = TcpStream::connect(to)?;
    stream.write_all(text.as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    println!("Received: {reply}");
    Ok(())
}

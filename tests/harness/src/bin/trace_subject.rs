//! The program that the tracer's own tests trace: one subcommand for each thing that a tracer may get wrong.
//!
//! It looks at itself and prints what it saw, so that a test can compare that with what the tracer says.
#![allow(unsafe_code, missing_docs)] // raw system calls, made exactly as the tests want them
#![allow(clippy::undocumented_unsafe_blocks)] // a test fixture: every pointer is to a local that outlives its call
use nix::{
    errno::Errno,
    libc::{self, c_void},
};
use std::{
    env,
    io::{self, Read, Write},
    mem::zeroed,
    net::{TcpListener, TcpStream},
    os::{
        fd::{AsRawFd, FromRawFd, OwnedFd},
        unix::{net::UnixStream, process::CommandExt},
    },
    process::Command,
    ptr::{null, null_mut},
    thread,
};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let number = |n: usize| args.get(n).and_then(|arg| arg.parse().ok()).unwrap_or(0usize);
    match args.first().map_or("", String::as_str) {
        "echo" => echo(),
        "accepts" => accepts(number(1)),
        "many" => many(number(1), number(2), number(3)),
        "churn" => churn(number(1), number(2)),
        "reuse" => reuse(),
        "dups" => dups(),
        "forks" => {
            let rounds = number(1);
            let all: Vec<_> = (0..8)
                .map(|_| thread::spawn(move || (0..rounds).for_each(|_| forks())))
                .collect();
            all.into_iter().for_each(|one| one.join().expect("a thread"));
        }
        "exec" => exec(),
        "exec-by-thread" => drop(thread::spawn(exec).join()),
        "executed" => executed(),
        "registers" => say(registers::intact() + "\n" + &registers::stack_intact()),
        "short" => short(),
        "waits" => waits(),
        "blocks" => blocks(args.get(1).is_some_and(|arg| arg == "timeout")),
        "interrupted" => interrupted(args.get(1).map_or("", String::as_str)),
        "family" => family(),
        "breed" => breed(),
        "escapes" => escapes(),
        "sockets" => sockets(number(1)),
        "idle" => idle(),
        "datagram" => datagram(),
        "storm" => storm(),
        other => eprintln!("trace_subject: no {other:?}"),
    }
}

fn say(text: impl std::fmt::Display) {
    println!("{text}");
}

/// The value of a raw call, or its errno in words.
fn shown(result: isize) -> String {
    if result == -1 {
        format!("{:?}", Errno::last())
    } else {
        result.to_string()
    }
}

/// Waits for a line on stdin: the test decides when to go on.
fn pause() {
    let mut byte = [0];
    while io::stdin().read(&mut byte).unwrap_or(0) == 1 && byte != *b"\n" {}
}

/// Sends all of it, however little goes at once.
fn send_all(fd: i32, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let sent = unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
        assert!(sent > 0, "send: {:?}", Errno::last());
        bytes = &bytes[sent as usize..];
    }
}

fn listener() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    say(format!("listening on {}", listener.local_addr().expect("an address")));
    listener
}

/// One client: everything back, with the loops that a correct program has.
fn echo() {
    let (mut client, _) = listener().accept().expect("a client");
    let mut buffer = [0; 1024];
    loop {
        match client.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => client.write_all(&buffer[..n]).expect("echo"),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return say(error),
        }
    }
}

/// Accepts with the raw call, says what came of each, and stops after `count` clients.
fn accepts(count: usize) {
    let listener = listener();
    let mut clients = 0;
    while clients < count {
        let fd = unsafe { libc::accept(listener.as_raw_fd(), null_mut(), null_mut()) };
        say(shown(fd as isize));
        if fd >= 0 {
            clients += 1;
            drop(unsafe { OwnedFd::from_raw_fd(fd) });
        }
    }
}

/// Threads that each send and receive on a pair of their own. Every `every`-th call on a descriptor is expected to give EINTR
/// (0: none is), so that a fault on a wrong descriptor shows.
fn many(threads: usize, rounds: usize, every: usize) {
    let run = move || {
        let (a, b) = UnixStream::pair().expect("a pair");
        let mut wrong = 0usize;
        let due = |calls: usize| every != 0 && calls.is_multiple_of(every);
        for (fd, sends) in [(a.as_raw_fd(), true), (b.as_raw_fd(), false)]
            .into_iter()
            .cycle()
            .take(2 * rounds)
        {
            // Each descriptor counts its own calls; the two run in step.
            let calls = COUNT.with(|count| {
                let mut count = count.borrow_mut();
                count[usize::from(sends)] += 1;
                count[usize::from(sends)]
            });
            let mut byte = [7u8];
            let mut transfer = || match sends {
                true => unsafe { libc::send(fd, byte.as_ptr().cast(), 1, 0) },
                false => unsafe { libc::recv(fd, byte.as_mut_ptr().cast(), 1, 0) },
            };
            let first = transfer();
            if due(calls) {
                wrong += usize::from(first != -1 || Errno::last() != Errno::EINTR);
                COUNT.with(|count| count.borrow_mut()[usize::from(sends)] += 1);
                wrong += usize::from(transfer() != 1);
            } else {
                wrong += usize::from(first != 1);
            }
        }
        wrong
    };
    let all: Vec<_> = (0..threads).map(|_| thread::spawn(run)).collect();
    let wrong: usize = all.into_iter().map(|one| one.join().expect("a thread")).sum();
    say(format!("wrong {wrong}"));
}

thread_local! {
    static COUNT: std::cell::RefCell<[usize; 2]> = const { std::cell::RefCell::new([0; 2]) };
}

/// Threads that open and close pairs as fast as they can, so that numbers wander between them. Each end is used once, clamped to one byte.
fn churn(threads: usize, rounds: usize) {
    let once = || {
        let (a, b) = UnixStream::pair().expect("a pair");
        let mut room = [0u8; 2];
        let sent = unsafe { libc::send(a.as_raw_fd(), c"xy".as_ptr().cast(), 2, 0) };
        let got = unsafe { libc::recv(b.as_raw_fd(), room.as_mut_ptr().cast(), 2, 0) };
        drop(std::net::UdpSocket::bind("127.0.0.1:0"));
        usize::from((sent, got) != (1, 1))
    };
    let all: Vec<_> = (0..threads)
        .map(|_| thread::spawn(move || (0..rounds).map(|_| once()).sum::<usize>()))
        .collect();
    let wrong: usize = all.into_iter().map(|one| one.join().expect("a thread")).sum();
    say(format!("wrong {wrong}"));
}

/// A file gets the number that a socket had: it is not a socket, and reads whole.
fn reuse() {
    let (a, b) = UnixStream::pair().expect("a pair");
    send_all(b.as_raw_fd(), b"0123456789");
    let number = a.as_raw_fd();
    let mut a = a;
    let mut buffer = [0; 64];
    a.read_exact(&mut buffer[..4]).expect("read");
    drop(a);
    let mut file = std::fs::File::open("/proc/self/status").expect("a file");
    say(format!(
        "{} {}",
        file.as_raw_fd() == number,
        file.read(&mut buffer).expect("read")
    ));
    drop(file);
    let (mut again, peer) = UnixStream::pair().expect("a pair");
    send_all(peer.as_raw_fd(), b"0123456789");
    say(format!(
        "{} {}",
        again.as_raw_fd() == number,
        again.read(&mut buffer).expect("read")
    ));
}

/// A copy of a socket's descriptor is a socket, by each way of making one; a descriptor of its own, with its own count.
fn dups() {
    let (a, b) = UnixStream::pair().expect("a pair");
    unsafe {
        send_all(b.as_raw_fd(), &b"0123456789".repeat(9));
        let a = a.as_raw_fd();
        let copies = [
            libc::dup(a),
            libc::fcntl(a, libc::F_DUPFD, 50),
            libc::fcntl(a, libc::F_DUPFD_CLOEXEC, 60),
            libc::dup3(a, 70, libc::O_CLOEXEC),
            libc::dup3(a, 0, 0),
        ];
        for fd in copies {
            let mut buffer = [0u8; 10];
            say(format!(
                "{fd} {}",
                shown(libc::read(fd, buffer.as_mut_ptr().cast(), 10))
            ));
        }
        let file = libc::open(c"/proc/self/status".as_ptr(), libc::O_RDONLY);
        libc::dup3(file, 70, 0);
        let mut buffer = [0u8; 10];
        say(format!("70 {}", libc::read(70, buffer.as_mut_ptr().cast(), 10)));
    }
}

/// A child has the parent's sockets, under the same numbers.
fn forks() {
    let (a, b) = UnixStream::pair().expect("a pair");
    unsafe {
        send_all(a.as_raw_fd(), b"0123456789");
        match libc::fork() {
            0 => {
                let mut buffer = [0u8; 10];
                let n = libc::recv(b.as_raw_fd(), buffer.as_mut_ptr().cast(), 10, 0);
                let m = libc::recv(b.as_raw_fd(), buffer.as_mut_ptr().cast(), 10, 0);
                libc::_exit((10 * n + m) as i32);
            }
            child => {
                let mut status = 0;
                libc::waitpid(child, &raw mut status, 0);
                say(libc::WEXITSTATUS(status));
            }
        }
    }
}

/// Becomes another program, with one socket that closes on exec and one, number 33, that does not.
fn exec() {
    let [(a, b), _others @ ..] = [(); 3].map(|()| UnixStream::pair().expect("a pair"));
    unsafe {
        libc::dup2(a.as_raw_fd(), 33);
        send_all(b.as_raw_fd(), b"0123456789");
    }
    let error = Command::new("/proc/self/exe").arg("executed").exec();
    say(error);
}

fn executed() {
    let mut buffer = [0u8; 10];
    let n = unsafe { libc::read(33, buffer.as_mut_ptr().cast(), 10) };
    // These numbers were sockets that closed on exec; the loader itself has used the first of them only.
    let mut files = [(); 4].map(|()| std::fs::File::open("/proc/self/status").expect("a file"));
    let read = files[3].read(&mut [0; 64]).expect("read");
    say(format!("executed {} {} {read}", shown(n), files[3].as_raw_fd()));
}

/// Every kind of call that moves bytes, with what it returned and whether it left its arguments alone.
fn short() {
    let (a, b) = UnixStream::pair().expect("a pair");
    b.set_nonblocking(true).expect("O_NONBLOCK");
    let (a, b) = (a.as_raw_fd(), b.as_raw_fd());
    let text = b"0123456789";
    let mut room = [0u8; 10];
    unsafe {
        say(format!("write {}", shown(libc::write(a, text.as_ptr().cast(), 10))));
        say(format!(
            "send {}",
            shown(libc::send(a, text.as_ptr().cast(), 10, libc::MSG_NOSIGNAL))
        ));
        say(format!(
            "peek {}",
            shown(libc::recv(b, room.as_mut_ptr().cast(), 10, libc::MSG_PEEK))
        ));
        say(format!("read {}", shown(libc::read(b, room.as_mut_ptr().cast(), 10))));
        say(format!(
            "recv {}",
            shown(libc::recv(b, room.as_mut_ptr().cast(), 10, 0))
        ));
        let pieces = |base: *mut c_void| {
            [(base, 0), (base, 2), (base, 8)].map(|(iov_base, iov_len)| libc::iovec { iov_base, iov_len })
        };
        let out = pieces(text.as_ptr().cast_mut().cast());
        say(format!(
            "writev {} {}",
            shown(libc::writev(a, out.as_ptr(), 3)),
            out[1].iov_len + out[2].iov_len
        ));
        let into = pieces(room.as_mut_ptr().cast());
        say(format!(
            "readv {} {}",
            shown(libc::readv(b, into.as_ptr(), 3)),
            into[1].iov_len + into[2].iov_len
        ));
        let mut header: libc::msghdr = zeroed();
        let mut out = out;
        (header.msg_iov, header.msg_iovlen) = (out.as_mut_ptr(), 3);
        say(format!(
            "sendmsg {} {}",
            shown(libc::sendmsg(a, &raw const header, 0)),
            header.msg_iovlen
        ));
        let mut control = [0u64; 8];
        let mut into = into;
        (header.msg_iov, header.msg_control, header.msg_controllen) =
            (into.as_mut_ptr(), control.as_mut_ptr().cast(), 64);
        let n = libc::recvmsg(b, &raw mut header, 0);
        say(format!(
            "recvmsg {} {} {} {}",
            shown(n),
            header.msg_iovlen,
            header.msg_controllen,
            header.msg_iov == into.as_mut_ptr()
        ));
    }
}

/// Each way of waiting for a socket that has a byte, twice.
fn waits() {
    let (a, b) = UnixStream::pair().expect("a pair");
    unsafe {
        libc::send(a.as_raw_fd(), c"x".as_ptr().cast(), 1, 0);
        let fd = b.as_raw_fd();
        let mut watch = libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut set: libc::fd_set = zeroed();
        let mut event: libc::epoll_event = zeroed();
        let epoll = libc::epoll_create1(libc::EPOLL_CLOEXEC);
        event.events = libc::EPOLLIN as u32;
        libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event);
        for _ in 0..2 {
            say(format!("poll {}", shown(libc::poll(&raw mut watch, 1, -1) as isize)));
            say(format!(
                "ppoll {}",
                shown(libc::ppoll(&raw mut watch, 1, null(), null()) as isize)
            ));
            libc::FD_SET(fd, &raw mut set);
            say(format!(
                "select {}",
                shown(libc::select(fd + 1, &raw mut set, null_mut(), null_mut(), null_mut()) as isize)
            ));
            libc::FD_SET(fd, &raw mut set);
            let n = libc::pselect(fd + 1, &raw mut set, null_mut(), null_mut(), null(), null());
            say(format!("pselect {}", shown(n as isize)));
            say(format!(
                "epoll_wait {}",
                shown(libc::epoll_wait(epoll, &raw mut event, 1, -1) as isize)
            ));
        }
        // Files are nobody's business.
        let mut input = libc::pollfd {
            fd: 1,
            events: libc::POLLOUT,
            revents: 0,
        };
        say(format!(
            "poll(stdout) {}",
            shown(libc::poll(&raw mut input, 1, -1) as isize)
        ));
    }
}

/// Waits in a receive, with or without SO_RCVTIMEO, until a byte comes from the test.
fn blocks(timeout: bool) {
    let (client, _) = listener().accept().expect("a client");
    if timeout {
        client
            .set_read_timeout(Some(std::time::Duration::from_secs(20)))
            .expect("a time-out");
    }
    let mut buffer = [0u8; 10];
    let n = unsafe { libc::recv(client.as_raw_fd(), buffer.as_mut_ptr().cast(), 10, 0) };
    say(shown(n));
}

/// Waits in a receive while the test sends SIGUSR1, for which there is a handler: one that restarts calls, or one that does not.
fn interrupted(how: &str) {
    extern "C" fn handler(_: i32) {
        unsafe { libc::write(1, c"handled\n".as_ptr().cast(), 8) };
    }
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = if how == "restarting" { libc::SA_RESTART } else { 0 };
        libc::sigaction(libc::SIGUSR1, &raw const action, null_mut());
    }
    blocks(false);
}

/// Children, grandchildren and threads that would all live for ever.
fn family() {
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            if libc::fork() == 0 {
                libc::setsid();
            }
        }
    }
    thread::spawn(|| {
        loop {
            thread::park()
        }
    });
    say(std::process::id());
    loop {
        thread::park();
    }
}

/// Each child makes the next one, and none ends: whoever kills them has to be faster, or thorough.
fn breed() {
    for _ in 0..8 {
        if unsafe { libc::fork() } == 0 {
            break;
        }
    }
    for _ in 0..300 {
        if unsafe { libc::fork() } != 0 {
            break;
        }
    }
    loop {
        thread::park();
    }
}

/// The ways out of the tracer that the filter closes.
fn escapes() {
    unsafe {
        let tried = [
            ("clone3", libc::syscall(libc::SYS_clone3, 0, 0)),
            (
                "untraced",
                libc::syscall(libc::SYS_clone, libc::CLONE_UNTRACED | libc::SIGCHLD, 0, 0, 0, 0),
            ),
            (
                "namespace",
                libc::syscall(libc::SYS_clone, libc::CLONE_NEWUSER | libc::SIGCHLD, 0, 0, 0, 0),
            ),
            ("seccomp", libc::syscall(libc::SYS_seccomp, 0, 0, 0)),
            (
                "dumpable",
                libc::syscall(libc::SYS_prctl, libc::PR_SET_DUMPABLE, 0, 0, 0, 0),
            ),
            (
                "filter",
                libc::syscall(libc::SYS_prctl, libc::PR_SET_SECCOMP, 2, 0, 0, 0),
            ),
            ("io_uring", libc::syscall(libc::SYS_io_uring_setup, 1, 0)),
            (
                "ptrace",
                libc::syscall(libc::SYS_ptrace, libc::PTRACE_SEIZE, libc::getppid(), 0, 0),
            ),
        ];
        // All were tried before the first errno was looked at, so each is looked up again by itself.
        for (name, result) in tried {
            say(format!("{name} {}", if result == -1 { "refused" } else { "worked" }));
        }
    }
    #[cfg(target_arch = "x86_64")]
    if env::args().nth(2).is_some_and(|arg| arg == "int80") {
        unsafe { std::arch::asm!("int 0x80", inout("rax") 20isize => _) };
        say("int 0x80 worked");
    }
}

/// Opens `count` sockets one after the other, and says which could not be.
fn sockets(count: usize) {
    for _ in 0..count {
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
        say(if fd == -1 {
            format!("{:?}", Errno::last())
        } else {
            "open".into()
        });
    }
}

/// Does nothing after its first socket until the test says so.
fn idle() {
    let listener = listener();
    pause();
    drop(TcpStream::connect(listener.local_addr().expect("an address")));
}

/// Answers one datagram.
fn datagram() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    say(format!("listening on {}/udp", socket.local_addr().expect("an address")));
    let mut buffer = [0; 1025];
    let (n, from) = socket.recv_from(&mut buffer).expect("a datagram");
    socket.send_to(&buffer[..n], from).expect("an answer");
}

/// Threads and children come and go, without end, with socket calls in all of them.
fn storm() {
    for _ in 0..4 {
        thread::spawn(|| {
            loop {
                let (mut a, mut b) = UnixStream::pair().expect("a pair");
                let _ = a.write(b"x");
                let _ = b.read(&mut [0]);
                let _ = thread::spawn(move || a.write(b"y")).join();
                unsafe {
                    let child = libc::fork();
                    if child == 0 {
                        libc::send(b.as_raw_fd(), c"z".as_ptr().cast(), 1, libc::MSG_NOSIGNAL);
                        libc::_exit(0);
                    }
                    libc::waitpid(child, null_mut(), 0);
                }
            }
        });
    }
    say("storm");
    loop {
        thread::park();
    }
}

mod registers {
    /// Makes one `recvfrom` with known values in all registers that the kernel must not change, and compares them afterwards.
    #[cfg(target_arch = "x86_64")]
    pub fn intact() -> String {
        use super::*;
        let (a, b) = UnixStream::pair().expect("a pair");
        send_all(a.as_raw_fd(), b"0123456789");
        let mut room = [0u8; 10];
        let (rdi, rsi, mut rdx) = (b.as_raw_fd() as u64, room.as_mut_ptr() as u64, 10u64);
        let (mut r10, mut r8, mut r9) = (0u64, 0u64, 0u64);
        let (mut r12, mut r13, mut r14, mut r15) = (12u64, 13u64, 14u64, 15u64);
        let (mut rdi_after, mut rsi_after) = (rdi, rsi);
        let mut rax = libc::SYS_recvfrom as u64;
        unsafe {
            std::arch::asm!("syscall", inout("rax") rax, inout("rdi") rdi_after, inout("rsi") rsi_after, inout("rdx") rdx,
                inout("r10") r10, inout("r8") r8, inout("r9") r9, inout("r12") r12, inout("r13") r13, inout("r14") r14,
                inout("r15") r15, out("rcx") _, out("r11") _);
        }
        let same = (rdi_after, rsi_after, rdx, r10, r8, r9) == (rdi, rsi, 10, 0, 0, 0)
            && (r12, r13, r14, r15) == (12, 13, 14, 15);
        format!("{rax} {same}")
    }

    /// The memory below the part of the stack that a function may use, before and after a `recvmsg`.
    #[cfg(target_arch = "x86_64")]
    pub fn stack_intact() -> String {
        use super::*;
        let (a, b) = UnixStream::pair().expect("a pair");
        send_all(a.as_raw_fd(), b"0123456789");
        let mut room = [0u8; 10];
        let mut piece = libc::iovec {
            iov_base: room.as_mut_ptr().cast(),
            iov_len: 10,
        };
        let mut header: libc::msghdr = unsafe { zeroed() };
        (header.msg_iov, header.msg_iovlen) = (&raw mut piece, 1);
        let (mut rax, pattern) = (libc::SYS_recvmsg as u64, 0x0123_4567_89ab_cdefu64);
        let (after, below): (u64, u64);
        unsafe {
            std::arch::asm!("mov [rsp - 144], {p}", "mov [rsp - 192], {p}", "syscall", "mov {a}, [rsp - 144]", "mov {b}, [rsp - 192]",
                p = in(reg) pattern, a = lateout(reg) after, b = lateout(reg) below, inout("rax") rax,
                in("rdi") b.as_raw_fd() as u64, in("rsi") &raw mut header, in("rdx") 0u64, out("rcx") _, out("r11") _);
        }
        format!("{rax} {}", (after, below) == (pattern, pattern))
    }

    /// Looked at on x86_64 only: the copy is made in the same way everywhere.
    #[cfg(target_arch = "aarch64")]
    pub fn stack_intact() -> String {
        "3 true".into()
    }

    /// On ARM the first argument's register holds the result, which leaves x1 to x5 and x8.
    #[cfg(target_arch = "aarch64")]
    pub fn intact() -> String {
        use super::*;
        let (a, b) = UnixStream::pair().expect("a pair");
        send_all(a.as_raw_fd(), b"0123456789");
        let mut room = [0u8; 10];
        let (mut x0, x1, mut x2) = (b.as_raw_fd() as u64, room.as_mut_ptr() as u64, 10u64);
        let (mut x1_after, mut x3, mut x4, mut x5, mut x8) = (x1, 0u64, 0u64, 0u64, libc::SYS_recvfrom as u64);
        unsafe {
            std::arch::asm!("svc 0", inout("x0") x0, inout("x1") x1_after, inout("x2") x2, inout("x3") x3, inout("x4") x4,
                inout("x5") x5, inout("x8") x8);
        }
        format!(
            "{x0} {}",
            (x1_after, x2, x3, x4, x5, x8) == (x1, 10, 0, 0, 0, libc::SYS_recvfrom as u64)
        )
    }
}

//! Servers, clients, and calls that move bytes.
use crate::*;

/// One client: everything back, with the loops that a correct program has.
pub fn echo() {
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
pub fn accepts(count: usize) {
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
pub fn many(threads: usize, rounds: usize, every: usize) {
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
pub fn churn(threads: usize, rounds: usize) {
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

/// Every kind of call that moves bytes, with what it returned and whether it left its arguments alone.
pub fn short() {
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

/// Answers one datagram.
pub fn datagram() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    say(format!("listening on {}/udp", socket.local_addr().expect("an address")));
    let mut buffer = [0; 1025];
    let (n, from) = socket.recv_from(&mut buffer).expect("a datagram");
    socket.send_to(&buffer[..n], from).expect("an answer");
}

/// Opens `count` sockets one after the other, and says which could not be.
pub fn sockets(count: usize) {
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
pub fn idle() {
    let listener = listener();
    pause();
    drop(TcpStream::connect(listener.local_addr().expect("an address")));
}

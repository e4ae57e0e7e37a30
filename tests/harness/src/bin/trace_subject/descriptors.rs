//! Descriptors that are copied, inherited, closed and given out again.
use crate::*;

/// A file gets the number that a socket had: it is not a socket, and reads whole.
pub fn reuse() {
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
pub fn dups() {
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
pub fn forks() {
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
pub fn exec() {
    let [(a, b), _others @ ..] = [(); 3].map(|()| UnixStream::pair().expect("a pair"));
    unsafe {
        libc::dup2(a.as_raw_fd(), 33);
        send_all(b.as_raw_fd(), b"0123456789");
    }
    let error = Command::new("/proc/self/exe").arg("executed").exec();
    say(error);
}

pub fn executed() {
    let mut buffer = [0u8; 10];
    let n = unsafe { libc::read(33, buffer.as_mut_ptr().cast(), 10) };
    // These numbers were sockets that closed on exec; the loader itself has used the first of them only.
    let mut files = [(); 4].map(|()| std::fs::File::open("/proc/self/status").expect("a file"));
    let read = files[3].read(&mut [0; 64]).expect("read");
    say(format!("executed {} {} {read}", shown(n), files[3].as_raw_fd()));
}

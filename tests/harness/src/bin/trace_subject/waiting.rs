//! Calls that wait, and what may interrupt them.
use crate::*;

/// Each way of waiting for a socket that has a byte, twice.
pub fn waits() {
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
pub fn blocks(timeout: bool) {
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
pub fn interrupted(how: &str) {
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

/// Waits for stdin and for a client at once, looking up after so many milliseconds each time, until stdin has something.
pub fn watches(millis: usize) {
    let listener = listener();
    let watch = |fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut both = [watch(0), watch(listener.as_raw_fd())];
    let timeout = if millis == 0 { -1 } else { millis as i32 };
    while both[0].revents == 0 {
        unsafe { libc::poll(both.as_mut_ptr(), 2, timeout) };
    }
}

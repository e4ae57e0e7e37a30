//! Processes and threads that come, go, or want to escape.
use crate::*;

/// Children, grandchildren and threads that would all live for ever.
pub fn family() {
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            if libc::fork() == 0 {
                libc::setsid();
            }
            loop {
                libc::pause();
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
pub fn breed() {
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
pub fn escapes() {
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

/// Threads and children come and go, without end, with socket calls in all of them.
pub fn storm() {
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

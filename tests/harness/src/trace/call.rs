//! Which system calls the tracer knows, their numbers on this machine, and which of them are the same thing to a lesson.
use std::fmt;

macro_rules! calls {
    ($($(#[$only:meta])* $call:ident $name:literal $number:ident;)*) => {
        /// A system call, by the kernel's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Call {
            $(#[doc = concat!("`", $name, "`")] $call,)*
            /// A new process: `fork`, `vfork`, or `clone` that shares no thread group.
            Fork,
            /// A new thread: `clone` into the caller's thread group.
            Thread,
        }

        impl Call {
            /// The kernel's name of it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Call::$call => $name,)*
                    Call::Fork => "fork",
                    Call::Thread => "clone",
                }
            }
        }

        #[cfg(target_os = "linux")]
        /// Not every machine has every call: 64-bit ARM kept only the newer one of each pair.
        const NUMBERS: &[(Call, i64)] = &[$($(#[$only])* (Call::$call, nix::libc::$number),)*];
    };
}

calls! {
    Socket "socket" SYS_socket;
    Socketpair "socketpair" SYS_socketpair;
    Bind "bind" SYS_bind;
    Listen "listen" SYS_listen;
    Accept "accept" SYS_accept;
    Accept4 "accept4" SYS_accept4;
    Connect "connect" SYS_connect;
    Shutdown "shutdown" SYS_shutdown;
    Setsockopt "setsockopt" SYS_setsockopt;
    Getsockopt "getsockopt" SYS_getsockopt;
    Getsockname "getsockname" SYS_getsockname;
    Getpeername "getpeername" SYS_getpeername;
    Recvfrom "recvfrom" SYS_recvfrom;
    Recvmsg "recvmsg" SYS_recvmsg;
    Recvmmsg "recvmmsg" SYS_recvmmsg;
    Read "read" SYS_read;
    Readv "readv" SYS_readv;
    Sendto "sendto" SYS_sendto;
    Sendmsg "sendmsg" SYS_sendmsg;
    Sendmmsg "sendmmsg" SYS_sendmmsg;
    Write "write" SYS_write;
    Writev "writev" SYS_writev;
    Sendfile "sendfile" SYS_sendfile;
    Splice "splice" SYS_splice;
    #[cfg(target_arch = "x86_64")] Poll "poll" SYS_poll;
    Ppoll "ppoll" SYS_ppoll;
    #[cfg(target_arch = "x86_64")] Select "select" SYS_select;
    Pselect6 "pselect6" SYS_pselect6;
    #[cfg(target_arch = "x86_64")] EpollWait "epoll_wait" SYS_epoll_wait;
    EpollPwait "epoll_pwait" SYS_epoll_pwait;
    EpollPwait2 "epoll_pwait2" SYS_epoll_pwait2;
    #[cfg(target_arch = "x86_64")] EpollCreate "epoll_create" SYS_epoll_create;
    EpollCreate1 "epoll_create1" SYS_epoll_create1;
    EpollCtl "epoll_ctl" SYS_epoll_ctl;
    Close "close" SYS_close;
    CloseRange "close_range" SYS_close_range;
    Dup "dup" SYS_dup;
    #[cfg(target_arch = "x86_64")] Dup2 "dup2" SYS_dup2;
    Dup3 "dup3" SYS_dup3;
    Fcntl "fcntl" SYS_fcntl;
    Ioctl "ioctl" SYS_ioctl;
    Execve "execve" SYS_execve;
    RtSigaction "rt_sigaction" SYS_rt_sigaction;
    RestartSyscall "restart_syscall" SYS_restart_syscall;
}

/// What a lesson about sockets wants to see: making, naming, moving bytes, waiting, closing.
pub const SOCKET_CALLS: &[Call] = &[
    Call::Socket,
    Call::Socketpair,
    Call::Bind,
    Call::Listen,
    Call::Accept,
    Call::Connect,
    Call::Shutdown,
    Call::Setsockopt,
    Call::Getsockopt,
    Call::Getsockname,
    Call::Getpeername,
    Call::Recvfrom,
    Call::Sendto,
    Call::Poll,
    Call::Select,
    Call::EpollWait,
    Call::EpollCtl,
    Call::Close,
    Call::Dup,
];

/// What has to stop, under exactly these names, so that the tracer knows which descriptors are sockets, which signals are handled, and
/// which calls begin again.
pub(super) const BOOKKEEPING: &[Call] = &[
    Call::Socket,
    Call::Socketpair,
    Call::Accept,
    Call::Accept4,
    Call::Recvmsg,
    Call::EpollCreate,
    Call::EpollCreate1,
    Call::Close,
    Call::CloseRange,
    Call::Dup,
    Call::Dup2,
    Call::Dup3,
    Call::Fcntl,
    Call::Ioctl,
    Call::RtSigaction,
    Call::RestartSyscall,
];

impl Call {
    /// The call behind a number of this machine.
    #[cfg(target_os = "linux")]
    pub(crate) fn from_number(number: i64) -> Option<Call> {
        NUMBERS.iter().find(|(_, n)| *n == number).map(|(call, _)| *call)
    }

    /// The numbers of this machine for the same thing; none where it is seen by other means (`Fork`, `Thread`).
    #[cfg(target_os = "linux")]
    pub(super) fn numbers(self) -> impl Iterator<Item = i64> {
        NUMBERS.iter().filter(move |(call, _)| call.same(self)).map(|(_, n)| *n)
    }

    /// Its own number on this machine.
    #[cfg(target_os = "linux")]
    pub(super) fn number(self) -> Option<i64> {
        NUMBERS.iter().find(|(call, _)| *call == self).map(|(_, n)| *n)
    }

    /// Two names of the same thing: `accept` and `accept4`, `read` and `recvfrom` on a socket, `poll` and `ppoll`.
    pub fn same(self, other: Call) -> bool {
        self.plain() == other.plain()
    }

    /// One name for all calls that do the same thing.
    pub fn plain(self) -> Call {
        match self {
            Call::Accept4 => Call::Accept,
            Call::Recvmsg | Call::Recvmmsg | Call::Read | Call::Readv => Call::Recvfrom,
            Call::Sendmsg | Call::Sendmmsg | Call::Write | Call::Writev | Call::Sendfile => Call::Sendto,
            Call::Ppoll => Call::Poll,
            Call::Pselect6 => Call::Select,
            Call::EpollPwait | Call::EpollPwait2 => Call::EpollWait,
            Call::EpollCreate => Call::EpollCreate1,
            Call::CloseRange => Call::Close,
            Call::Dup2 | Call::Dup3 => Call::Dup,
            call => call,
        }
    }

    /// Whether it means anything on a socket only; `read`, `close` and their like also work on files.
    pub(super) fn needs_socket(self) -> bool {
        !matches!(
            self,
            Call::Read | Call::Readv | Call::Write | Call::Writev | Call::Sendfile | Call::Splice
        ) && !matches!(
            self,
            Call::Close | Call::CloseRange | Call::Dup | Call::Dup2 | Call::Dup3 | Call::Fcntl | Call::Ioctl
        )
    }

    /// Whether it waits for several descriptors at once.
    pub(super) fn waits(self) -> bool {
        matches!(self.plain(), Call::Poll | Call::Select | Call::EpollWait)
    }

    /// Whether it moves bytes.
    pub(super) fn moves(self) -> bool {
        matches!(self.plain(), Call::Recvfrom | Call::Sendto | Call::Splice)
    }

    /// Whether its first argument is a descriptor.
    pub(super) fn has_descriptor(self) -> bool {
        !matches!(
            self.plain(),
            Call::Socket | Call::Socketpair | Call::Poll | Call::Select | Call::EpollCreate1
        ) && !matches!(
            self,
            Call::CloseRange | Call::Execve | Call::RtSigaction | Call::RestartSyscall
        ) && !matches!(self, Call::Fork | Call::Thread)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

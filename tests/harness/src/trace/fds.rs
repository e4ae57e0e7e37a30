//! Which descriptors are sockets, learnt from the calls alone: `/proc` and `pidfd_getfd` are not allowed at every level.
use super::call::Call;
use nix::libc;
use std::collections::HashMap;

/// What stands behind a descriptor, as far as faults and records care. Files, pipes and terminals are not kept at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Object {
    /// A socket of this domain and base type.
    Socket { domain: i32, kind: i32 },
    /// An epoll set.
    Epoll,
    /// It came in a message from elsewhere; it may be anything.
    Passed,
}

impl Object {
    pub(super) fn is_stream(self) -> bool {
        matches!(
            self,
            Object::Socket {
                kind: libc::SOCK_STREAM,
                ..
            }
        )
    }
}

/// One open descriptor.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub object: Object,
    pub closes_on_exec: bool,
    /// Calls on it so far, one count for each fault of the plan. A descriptor that reuses the number starts anew.
    pub counts: Vec<u32>,
}

/// The descriptor table of a process; its threads share one.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    open: HashMap<i32, Slot>,
    /// Counts of the calls that name no descriptor (`socket`, `poll`), one for each fault.
    pub counts: Vec<u32>,
    /// Whether there ever was a socket: before that, the calls belong to the loader and the runtime.
    pub had_socket: bool,
}

impl Table {
    pub(super) fn get(&self, fd: i32) -> Option<&Slot> {
        self.open.get(&fd)
    }

    pub(super) fn get_mut(&mut self, fd: i32) -> Option<&mut Slot> {
        self.open.get_mut(&fd)
    }

    pub(super) fn is_socket(&self, fd: i32) -> bool {
        self.get(fd).is_some_and(|slot| slot.object != Object::Epoll)
    }

    fn put(&mut self, fd: i32, object: Object, closes_on_exec: bool) {
        self.had_socket |= matches!(object, Object::Socket { .. });
        self.open.insert(
            fd,
            Slot {
                object,
                closes_on_exec,
                counts: Vec::new(),
            },
        );
    }

    /// A closing call leaves at its *entry*: from then on another thread may get the number again, and its news may arrive first.
    pub(super) fn entered(&mut self, call: Call, args: &[u64; 6]) {
        match call {
            Call::Close => drop(self.open.remove(&(args[0] as i32))),
            Call::CloseRange if args[2] as u32 & libc::CLOSE_RANGE_CLOEXEC != 0 => {
                self.range(args).for_each(|slot| slot.closes_on_exec = true);
            }
            Call::CloseRange => self.open.retain(|fd, _| !(args[0]..=args[1]).contains(&(*fd as u64))),
            _ => {}
        }
    }

    fn range(&mut self, args: &[u64; 6]) -> impl Iterator<Item = &mut Slot> {
        let range = args[0]..=args[1];
        self.open
            .iter_mut()
            .filter(move |(fd, _)| range.contains(&(**fd as u64)))
            .map(|(_, slot)| slot)
    }

    /// A call that returned without an error may have made descriptors.
    pub(super) fn returned(&mut self, call: Call, args: &[u64; 6], result: i32) {
        let flags = |n: usize| args[n] as i32;
        match call {
            Call::Socket => {
                let kind = flags(1) & !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK);
                self.put(
                    result,
                    Object::Socket { domain: flags(0), kind },
                    flags(1) & libc::SOCK_CLOEXEC != 0,
                );
            }
            Call::Accept | Call::Accept4 => {
                let listener = self.get(flags(0)).map(|slot| slot.object);
                let object = listener.unwrap_or(Object::Socket {
                    domain: libc::AF_UNSPEC,
                    kind: libc::SOCK_STREAM,
                });
                self.put(
                    result,
                    object,
                    call == Call::Accept4 && flags(3) & libc::SOCK_CLOEXEC != 0,
                );
            }
            Call::EpollCreate | Call::EpollCreate1 => {
                self.put(
                    result,
                    Object::Epoll,
                    call == Call::EpollCreate1 && flags(0) & libc::EPOLL_CLOEXEC != 0,
                );
            }
            Call::Dup | Call::Dup2 => self.copy(flags(0), result, false),
            Call::Dup3 => self.copy(flags(0), result, flags(2) & libc::O_CLOEXEC != 0),
            Call::Fcntl if flags(1) == libc::F_DUPFD => self.copy(flags(0), result, false),
            Call::Fcntl if flags(1) == libc::F_DUPFD_CLOEXEC => self.copy(flags(0), result, true),
            Call::Fcntl if flags(1) == libc::F_SETFD => self.closes_on_exec(flags(0), flags(2) & libc::FD_CLOEXEC != 0),
            Call::Ioctl if args[1] == libc::FIOCLEX => self.closes_on_exec(flags(0), true),
            Call::Ioctl if args[1] == libc::FIONCLEX => self.closes_on_exec(flags(0), false),
            _ => {}
        }
    }

    /// `socketpair` made two.
    pub(super) fn pair(&mut self, args: &[u64; 6], fds: [i32; 2]) {
        fds.into_iter().for_each(|fd| self.returned(Call::Socket, args, fd));
    }

    /// A descriptor came in a message.
    pub(super) fn passed(&mut self, fd: i32, closes_on_exec: bool) {
        self.put(fd, Object::Passed, closes_on_exec);
    }

    fn copy(&mut self, from: i32, to: i32, closes_on_exec: bool) {
        if from == to {
            return;
        }
        match self.get(from).map(|slot| slot.object) {
            Some(object) => self.put(to, object, closes_on_exec),
            None => drop(self.open.remove(&to)),
        }
    }

    fn closes_on_exec(&mut self, fd: i32, yes: bool) {
        if let Some(slot) = self.get_mut(fd) {
            slot.closes_on_exec = yes;
        }
    }

    /// What is left of it in a new program.
    pub(super) fn after_exec(&self) -> Table {
        let mut table = self.clone();
        table.open.retain(|_, slot| !slot.closes_on_exec);
        table
    }
}

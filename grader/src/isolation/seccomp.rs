//! The system calls that a jailed program cannot make, as one seccomp program, installed last.
//!
//! One program by hand and not several by a crate: the actions differ from call to call (an error number, a trace, a kill), numbers of
//! the x32 table have to die too, and a second program would have to be installed through the call that the first one denies.
//! The kernel remembers which calls are always allowed, so the length of the list costs nothing on read and send.
#![allow(unsafe_code)] // seccomp(2)

use nix::errno::Errno;
use nix::libc::{self, sock_filter, sock_fprog};

use super::fault::{Stage, Staged};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xc000_00b7;
/// Numbers from here on belong to the x32 table of x86_64.
#[cfg(target_arch = "x86_64")]
const X32: u32 = 0x4000_0000;

/// Offsets in `struct seccomp_data`; the low half of an argument stands first on both architectures.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const FIRST_ARGUMENT: u32 = 16;
const SECOND_ARGUMENT: u32 = 24;

/// Denied outright. Tracing, other processes' memory, namespaces and mounts, the kernel itself, and channels that no test looks at:
/// keys, System V and POSIX queues, and memory files, which no memory limit counts.
const DENIED: &[libc::c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    // A filter of its own could hide calls from the tracer.
    libc::SYS_seccomp,
    libc::SYS_perf_event_open,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_quotactl,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_personality,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
    libc::SYS_memfd_create,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
];

/// As if the kernel did not know them: libraries then fall back to calls whose arguments can be looked at.
const UNKNOWN: &[libc::c_long] = &[
    libc::SYS_clone3,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
];

/// New namespaces, and a child that the tracer does not follow.
const CLONE_FLAGS: libc::c_int = libc::CLONE_UNTRACED
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;
/// A filter, invisibility for the tracer, a tracer of one's choice, an executable of another name.
const PRCTL_OPTIONS: [libc::c_int; 4] = [
    libc::PR_SET_SECCOMP,
    libc::PR_SET_DUMPABLE,
    libc::PR_SET_PTRACER,
    libc::PR_SET_MM,
];
/// Typing into a terminal.
const IOCTLS: [u32; 2] = [0x5412, 0x541c];

/// Installs the program for this process and what it starts; `traced` calls stop for the tracer.
///
/// # Errors
/// The kernel has no seccomp filters.
pub fn install(network: bool, traced: &[u32]) -> Staged<()> {
    let program = program(network, traced);
    let fprog = sock_fprog {
        len: program.len() as u16,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the program lives until the call returns, and the kernel only reads it.
    let set = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const fprog) };
    Errno::result(set).map(drop).stage("seccomp")
}

fn program(network: bool, traced: &[u32]) -> Vec<sock_filter> {
    let refused = fails_with(Errno::EPERM);
    let mut list = vec![
        load(ARCH),
        equal(ARCHITECTURE, 1, 0),
        give(libc::SECCOMP_RET_KILL_PROCESS),
        load(NUMBER),
    ];
    #[cfg(target_arch = "x86_64")]
    list.extend([jump(libc::BPF_JGE, X32, 0, 1), give(libc::SECCOMP_RET_KILL_PROCESS)]);
    for number in DENIED {
        list.extend([equal(*number as u32, 0, 1), give(refused)]);
    }
    for number in UNKNOWN {
        list.extend([equal(*number as u32, 0, 1), give(fails_with(Errno::ENOSYS))]);
    }
    looks_at(
        &mut list,
        libc::SYS_clone,
        FIRST_ARGUMENT,
        &[jump(libc::BPF_JSET, CLONE_FLAGS as u32, 0, 1), give(refused)],
    );
    looks_at(
        &mut list,
        libc::SYS_prctl,
        FIRST_ARGUMENT,
        &one_of(&PRCTL_OPTIONS.map(|option| option as u32), refused),
    );
    looks_at(&mut list, libc::SYS_ioctl, SECOND_ARGUMENT, &one_of(&IOCTLS, refused));
    for call in [libc::SYS_socket, libc::SYS_socketpair] {
        looks_at(&mut list, call, FIRST_ARGUMENT, &families(network));
    }
    for number in traced {
        list.extend([equal(*number, 0, 1), give(libc::SECCOMP_RET_TRACE)]);
    }
    list.push(give(libc::SECCOMP_RET_ALLOW));
    list
}

/// Sockets of the Internet and between processes; no links to the kernel, to other machines' hypervisors or to raw wires.
fn families(network: bool) -> Vec<sock_filter> {
    let known: &[libc::c_int] = if network {
        &[libc::AF_INET, libc::AF_INET6, libc::AF_UNIX]
    } else {
        &[libc::AF_UNIX]
    };
    let mut block = Vec::new();
    for (at, family) in known.iter().enumerate() {
        let past_the_refusal = (known.len() - at) as u8;
        block.push(equal(*family as u32, past_the_refusal, 0));
    }
    block.push(give(fails_with(Errno::EAFNOSUPPORT)));
    block
}

fn one_of(values: &[u32], answer: u32) -> Vec<sock_filter> {
    values
        .iter()
        .flat_map(|value| [equal(*value, 0, 1), give(answer)])
        .collect()
}

/// `block` with the argument at hand, for this call only; afterwards the number is at hand again.
fn looks_at(list: &mut Vec<sock_filter>, call: libc::c_long, argument: u32, block: &[sock_filter]) {
    list.push(equal(call as u32, 0, block.len() as u8 + 2));
    list.push(load(argument));
    list.extend_from_slice(block);
    list.push(load(NUMBER));
}

fn load(offset: u32) -> sock_filter {
    statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset)
}

fn give(answer: u32) -> sock_filter {
    statement(libc::BPF_RET | libc::BPF_K, answer)
}

/// Skips `then` instructions when equal, else `otherwise`.
fn equal(value: u32, then: u8, otherwise: u8) -> sock_filter {
    jump(libc::BPF_JEQ, value, then, otherwise)
}

fn jump(test: u32, value: u32, then: u8, otherwise: u8) -> sock_filter {
    sock_filter {
        code: (libc::BPF_JMP | test | libc::BPF_K) as u16,
        jt: then,
        jf: otherwise,
        k: value,
    }
}

fn statement(code: u32, value: u32) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt: 0,
        jf: 0,
        k: value,
    }
}

fn fails_with(errno: Errno) -> u32 {
    libc::SECCOMP_RET_ERRNO | errno as u32
}

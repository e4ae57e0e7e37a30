//! What the program gives up right before it starts: user, groups and capabilities.
#![allow(unsafe_code)] // capset(2) and four prctl options that nix does not wrap

use nix::errno::Errno;
use nix::libc;
use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};

use super::fault::{Stage, Staged};

/// Passes folders whose permissions would stop others. Landlock still decides what may be opened.
const CAP_DAC_OVERRIDE: u32 = 1;
/// capabilities(7).
const SECBIT_NO_SETUID_FIXUP: libc::c_ulong = 1 << 2;
/// Longer than any kernel's list.
const CAPABILITIES: u32 = 64;

/// Takes another user's id if there is one, and gives up every capability, in this order: the bounding set cannot be dropped later.
pub fn give_up(uid: Option<u32>, passes_closed_folders: bool) -> Staged<()> {
    let kept = passes_closed_folders.then_some(CAP_DAC_OVERRIDE);
    for capability in (0..CAPABILITIES).filter(|one| Some(*one) != kept) {
        // Without CAP_SETPCAP there is nothing in the set that could be gained again: no_new_privs sees to it.
        let _ = prctl(libc::PR_CAPBSET_DROP, capability.into());
    }
    if let Some(id) = uid {
        if kept.is_some() {
            // A change of user then takes nothing away, and access(2), with which gcc looks for its linker, counts capabilities too.
            prctl(libc::PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP).stage("keep a capability")?;
        }
        setgroups(&[]).stage("give up all groups")?;
        let (group, user) = (Gid::from_raw(id), Uid::from_raw(id));
        setresgid(group, group, group).stage("take the slot's group")?;
        setresuid(user, user, user).stage("take the slot's user")?;
    }
    set_capabilities(kept.map_or(0, |capability| 1 << capability)).stage("give up capabilities")?;
    if let Some(capability) = kept {
        prctl3(
            libc::PR_CAP_AMBIENT,
            libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong,
            capability.into(),
        )
        .stage("keep a capability")?;
    }
    nix::sys::prctl::set_no_new_privs().stage("no_new_privs")
}

/// capset(2) for the calling process: permitted, effective and inheritable alike.
fn set_capabilities(bits: u64) -> nix::Result<()> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: libc::c_int,
    }
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Data {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    const VERSION_3: u32 = 0x2008_0522;
    let mut header = Header {
        version: VERSION_3,
        pid: 0,
    };
    let half = |bits: u32| Data {
        effective: bits,
        permitted: bits,
        inheritable: bits,
    };
    let data = [half(bits as u32), half((bits >> 32) as u32)];
    // SAFETY: version 3 reads one header and two data structures, which live until the call returns.
    let set = unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) };
    Errno::result(set).map(drop)
}

fn prctl(option: libc::c_int, argument: libc::c_ulong) -> nix::Result<()> {
    prctl3(option, argument, 0)
}

fn prctl3(option: libc::c_int, first: libc::c_ulong, second: libc::c_ulong) -> nix::Result<()> {
    // SAFETY: the options used here take plain numbers.
    Errno::result(unsafe { libc::prctl(option, first, second, 0 as libc::c_ulong, 0 as libc::c_ulong) }).map(drop)
}

//! The file tree that a jailed program sees at L3: an empty root, into which only what the policy names is bound.
#![allow(unsafe_code)] // mount_setattr(2), which no crate wraps

use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::libc;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use super::fault::{Fault, Stage, Staged};
use super::policy::{Access, Policy, Visible};

const NONE: Option<&str> = None;
/// The root holds folders, empty files to bind on, and the policy's texts.
const ROOT_OPTIONS: &str = "size=1m,nr_inodes=4096,mode=0755";

/// Mounts made from now on stay in this namespace.
pub fn make_private() -> Staged<()> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).stage("make mounts private")
}

/// Temporary files in memory, with a limit on bytes and on files.
pub fn temporary(at: &Path, bytes: u64, mode: &str) -> Staged<()> {
    let options = format!(
        "size={bytes},nr_inodes={},mode={mode}",
        (bytes / 4096).clamp(1024, 65536)
    );
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some(options.as_str())).stage("mount temporary files")
}

/// The processes of the new namespace, in place of those outside.
pub fn proc(at: &Path, options: Option<&str>) -> Staged<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("proc"), at, Some("proc"), flags, options).stage("mount /proc")
}

/// Builds the program's root on `root` and makes it this process's root; `cwd` is in it, writable, at its own place.
pub fn enter(root: &Path, policy: &Policy, cwd: &Path) -> Staged<()> {
    make_private()?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), root, Some("tmpfs"), flags, Some(ROOT_OPTIONS)).stage("mount the jail's root")?;
    for (at, text) in &policy.texts {
        let at = below(root, at)?;
        at.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(at, text))
            .stage("write the jail's files")?;
    }
    for (at, target) in &policy.links {
        let at = below(root, at)?;
        at.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .stage("make the jail's folders")?;
        std::os::unix::fs::symlink(target, at).stage("make the jail's links")?;
    }
    let tmp = below(root, Path::new("/tmp"))?;
    fs::create_dir_all(&tmp).stage("make the jail's folders")?;
    temporary(&tmp, policy.limits.disk, "1777")?;
    // A folder before what is shown inside it.
    let mut visible: Vec<Visible> = policy.visible.clone();
    visible.push(Visible::new(cwd, Access::Write));
    visible.sort_by_key(|one| one.at.components().count());
    for one in &visible {
        bind(root, one)?;
    }
    if policy.proc {
        let proc_at = below(root, Path::new("/proc"))?;
        fs::create_dir_all(&proc_at).stage("make the jail's folders")?;
        proc(&proc_at, Some("hidepid=invisible,subset=pid"))?;
    }
    swap_root(root)?;
    std::env::set_current_dir(cwd).stage("enter the program's folder")
}

/// Shows one file or folder in the new root.
fn bind(root: &Path, one: &Visible) -> Staged<()> {
    let at = below(root, &one.at)?;
    let name = || format!("show {}", one.at.display());
    let kind = fs::metadata(&one.path).stage(&name())?;
    if fs::symlink_metadata(&at).is_err() {
        if kind.is_dir() {
            fs::create_dir_all(&at).stage(&name())?;
        } else {
            at.parent()
                .map_or(Ok(()), fs::create_dir_all)
                .and_then(|()| fs::write(&at, ""))
                .stage(&name())?;
        }
    }
    mount(Some(&one.path), &at, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE).stage(&name())?;
    let attributes = libc::MOUNT_ATTR_NOSUID
        | match one.access {
            Access::Read => libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC,
            Access::Execute => libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NODEV,
            Access::Write => libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC,
            Access::Device => libc::MOUNT_ATTR_NOEXEC,
        };
    set_attributes(&at, attributes, libc::AT_RECURSIVE).stage(&name())
}

/// The new root in place of the old one, which is gone afterwards; nothing can be added to it.
fn swap_root(root: &Path) -> Staged<()> {
    std::env::set_current_dir(root).stage("enter the jail's root")?;
    // The old root lands on top of the new one and is taken off at once: no folder is needed to put it in.
    nix::unistd::pivot_root(".", ".").stage("pivot_root")?;
    umount2(".", MntFlags::MNT_DETACH).stage("let go of the old root")?;
    set_attributes(Path::new("/"), libc::MOUNT_ATTR_RDONLY, 0).stage("make the root read-only")
}

/// `path`, which is absolute, below `root`.
fn below(root: &Path, path: &Path) -> Staged<PathBuf> {
    let inner = path
        .strip_prefix("/")
        .map_err(|_| Fault::new(format!("{} is not an absolute path", path.display())))?;
    Ok(root.join(inner))
}

/// Adds attributes to the mount at `at`; unlike a remount it keeps what is set already.
fn set_attributes(at: &Path, attributes: u64, flags: libc::c_int) -> nix::Result<()> {
    let path = CString::new(at.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let wanted = libc::mount_attr {
        attr_set: attributes,
        attr_clr: 0,
        propagation: 0,
        userns_fd: 0,
    };
    // SAFETY: both pointers are to live values, and the size is that of the structure.
    let set = unsafe {
        let size = size_of::<libc::mount_attr>();
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            path.as_ptr(),
            flags,
            &raw const wanted,
            size,
        )
    };
    Errno::result(set).map(drop)
}

/// Whether the file system at `path` has no room left for bytes or for files.
pub fn is_full(path: &Path) -> bool {
    nix::sys::statvfs::statvfs(path).is_ok_and(|fs| fs.blocks_available() == 0 || fs.files_available() == 0)
}

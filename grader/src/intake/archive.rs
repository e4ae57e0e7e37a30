//! A submission that is an archive: read entry by entry in memory, never unpacked to disk.
//!
//! No size that the archive states is believed: each entry is read up to its limit, and a tar stream through a counter.

use std::cell::Cell;
use std::io::{self, Cursor, Read};
use std::path::Path;

use anyhow::{Context, Result};
use flate2::read::MultiGzDecoder;
use tar::EntryType;
// The ordinary reader keeps entries in a map by name, where the second of two with the same name hides the first.
use zip::read::{ZipFile, ZipFileEntry};
use zip::unstable::read::ZipIterable;

use super::sieve::{Sieve, What};
use super::{MAX_ARCHIVE, MAX_ENTRIES, MAX_UNPACKED};

/// Kinds of archive that are read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Format {
    Zip,
    Tar,
    TarGz,
}

/// Why nothing of an archive is used; the student reads it.
type Broken = String;

/// The name without its ending, and the format, of a file name that looks like an archive we read.
pub(super) fn format_of(file_name: &str) -> Option<(String, Format)> {
    let lower = file_name.to_ascii_lowercase();
    let endings = [
        (".zip", Format::Zip),
        (".tar.gz", Format::TarGz),
        (".tgz", Format::TarGz),
        (".tar", Format::Tar),
    ];
    let (ending, format) = endings.into_iter().find(|(ending, _)| lower.ends_with(ending))?;
    // The ending is ASCII, so lower-casing kept its length.
    Some((file_name[..file_name.len() - ending.len()].to_string(), format))
}

/// What to say about a file name that looks like an archive we do not read.
pub(super) fn unsupported(file_name: &str) -> Option<&'static str> {
    let lower = file_name.to_ascii_lowercase();
    let endings = [".rar", ".7z", ".xz", ".bz2", ".zst", ".gz"];
    let known = endings.iter().any(|ending| lower.ends_with(ending));
    known.then_some("this kind of archive is not read; hand in a .zip or a .tar.gz")
}

/// Offers every entry. The inner error is the student's, the outer one ours.
pub(super) fn offer_all(path: &Path, format: Format, sieve: &mut Sieve) -> Result<Result<(), Broken>> {
    let mut bytes = Vec::new();
    super::open_regular(path)
        .and_then(|file| file.take(MAX_ARCHIVE + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > MAX_ARCHIVE {
        return Ok(Err(
            "the archive is larger than 64 MiB; leave out everything but the exercises' sources".into(),
        ));
    }
    Ok(match format {
        Format::Zip => offer_zip(&bytes, sieve),
        Format::Tar => offer_tar(bytes.as_slice(), sieve),
        Format::TarGz => offer_tar(MultiGzDecoder::new(bytes.as_slice()), sieve),
    })
}

fn broken(error: impl std::fmt::Display) -> Broken {
    let error = crate::report::sanitize::line(&error.to_string());
    format!("the archive cannot be read, so nothing was taken: {error}")
}

fn too_many() -> Broken {
    format!("the archive has more than {MAX_ENTRIES} entries, so nothing was taken; leave out target/")
}

fn too_large() -> Broken {
    "the archive unpacks to more than 32 MiB, so nothing was taken; leave out target/".into()
}

fn offer_zip(bytes: &[u8], sieve: &mut Sieve) -> Result<(), Broken> {
    let mut archive = ZipIterable::try_new(Cursor::new(bytes), zip::read::Config::default()).map_err(broken)?;
    if archive.len() > MAX_ENTRIES {
        return Err(too_many());
    }
    let budget = Budget::new();
    let mut body = Cursor::new(bytes);
    for entry in archive.files().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let name = match entry.name() {
            Ok(name) => with_slashes(&name),
            Err(_) => {
                sieve.refuse(&String::from_utf8_lossy(entry.name_raw()), "its name is not UTF-8");
                continue;
            }
        };
        let what = match (entry.encrypted(), entry.is_dir()) {
            (true, _) => What::Refused("it is encrypted"),
            (false, true) => What::Folder,
            (false, false) => what_by_mode(entry.unix_mode()),
        };
        if !matches!(what, What::File) {
            sieve.offer(&name, what, &mut io::empty()).map_err(broken)?;
            continue;
        }
        let content = Lazy {
            closed: Some((entry, &mut body)),
            open: None,
        };
        let offered = sieve.offer(
            &name,
            what,
            &mut Counted {
                content,
                budget: &budget,
            },
        );
        offered.map_err(|error| if budget.is_spent() { too_large() } else { broken(error) })?;
    }
    Ok(())
}

/// An entry that is opened when somebody reads it: what nobody wants may be packed in any way.
struct Lazy<'b, 'z> {
    closed: Option<(ZipFileEntry<'b>, &'b mut Cursor<&'z [u8]>)>,
    open: Option<ZipFile<'b, Cursor<&'z [u8]>>>,
}

impl Read for Lazy<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some((entry, body)) = self.closed.take() {
            self.open = Some(entry.with_reader(body, Default::default())?);
        }
        self.open.as_mut().map_or(Ok(0), |file| file.read(into))
    }
}

/// Some Windows programs write `ex01\src\lib.rs`, against the format's rules.
fn with_slashes(name: &str) -> String {
    if name.contains('/') {
        name.to_string()
    } else {
        name.replace('\\', "/")
    }
}

fn what_by_mode(mode: Option<u32>) -> What {
    match mode.unwrap_or(0) & 0o170_000 {
        0 | 0o100_000 => What::File,
        0o120_000 => What::Refused("it is a symbolic link"),
        0o040_000 => What::Folder,
        0o010_000 => What::Refused("it is a FIFO"),
        0o140_000 => What::Refused("it is a socket"),
        _ => What::Refused("it is a device"),
    }
}

fn offer_tar(stream: impl Read, sieve: &mut Sieve) -> Result<(), Broken> {
    let budget = Budget::new();
    let blame = |error: io::Error| if budget.is_spent() { too_large() } else { broken(error) };
    let mut archive = tar::Archive::new(Counted {
        content: stream,
        budget: &budget,
    });
    for (count, entry) in archive.entries().map_err(blame)?.enumerate() {
        let mut entry = entry.map_err(blame)?;
        if count >= MAX_ENTRIES {
            return Err(too_many());
        }
        let what = if has_pax_sparse(&mut entry).map_err(blame)? {
            What::Refused("it is a sparse file")
        } else {
            what_by_type(entry.header().entry_type())
        };
        let raw = entry.path_bytes().into_owned();
        match std::str::from_utf8(&raw) {
            Ok(name) => sieve.offer(name, what, &mut entry).map_err(blame)?,
            Err(_) => sieve.refuse(&String::from_utf8_lossy(&raw), "its name is not UTF-8"),
        }
    }
    Ok(())
}

/// The newer way to write a sparse file is an ordinary entry with extra headers.
fn has_pax_sparse(entry: &mut tar::Entry<impl Read>) -> io::Result<bool> {
    let Some(extensions) = entry.pax_extensions()? else {
        return Ok(false);
    };
    Ok(extensions
        .flatten()
        .any(|extension| extension.key_bytes().starts_with(b"GNU.sparse.")))
}

fn what_by_type(kind: EntryType) -> What {
    match kind {
        EntryType::Regular | EntryType::Continuous => What::File,
        EntryType::Directory | EntryType::XGlobalHeader => What::Folder,
        EntryType::Symlink => What::Refused("it is a symbolic link"),
        EntryType::Link => What::Refused("it is a hard link"),
        EntryType::Fifo => What::Refused("it is a FIFO"),
        EntryType::GNUSparse => What::Refused("it is a sparse file"),
        EntryType::Char | EntryType::Block => What::Refused("it is a device"),
        _ => What::Refused("it is no regular file"),
    }
}

/// How much may still be unpacked.
struct Budget(Cell<u64>);

impl Budget {
    fn new() -> Budget {
        Budget(Cell::new(MAX_UNPACKED))
    }

    fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}

/// A reader that fails once the budget is spent.
struct Counted<'b, R> {
    content: R,
    budget: &'b Budget,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.content.read(into)?;
        let left = self.budget.0.get().saturating_sub(n as u64);
        self.budget.0.set(left);
        if left == 0 {
            return Err(io::Error::other("more than 32 MiB"));
        }
        Ok(n)
    }
}

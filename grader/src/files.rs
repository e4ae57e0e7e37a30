//! Writing files so that a killed grader or a full disk never leaves half a file under its final name.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};

/// Writes `bytes` to a temporary file beside `path`, then renames it.
///
/// # Errors
/// The folder cannot be made or written (a full disk, no permission); the message names the file.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    stream_atomically(path, |file| Ok(file.write_all(bytes)?))
}

/// The same for what is too large to be held: `fill` writes it.
///
/// # Errors
/// As [`write_atomically`], and those of `fill`.
pub fn stream_atomically(path: &Path, fill: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let write = || -> Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().prefix(".part-").tempfile_in(folder)?;
        let mut buffer = BufWriter::new(file.as_file_mut());
        fill(&mut buffer)?;
        buffer.flush()?;
        drop(buffer);
        file.as_file().sync_data()?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

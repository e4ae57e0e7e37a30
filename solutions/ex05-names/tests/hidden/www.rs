// CANARY-7f3a91c2-hidden
//! Python's server of files, and the folder that it shows.

use std::fs;
use std::path::PathBuf;

use harness::{Lab, Program, STEP};

/// A folder beside the lab's own, for a server of files: the program under test has no business in it.
pub struct Www(pub PathBuf);

impl Www {
    /// With these files in it.
    pub fn with(lab: &Lab, files: &[(&str, &[u8])]) -> Www {
        let www = Www(lab.folder().with_extension("www"));
        let mut written = fs::create_dir(&www.0);
        for (name, bytes) in files {
            written = written.and_then(|()| fs::write(www.0.join(name), bytes));
        }
        written.unwrap_or_else(|error| panic!("{}: {error}", www.0.display()));
        www
    }
}

impl Drop for Www {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// From `Serving HTTP on 127.0.0.1 port 40001 (…) ...`, which may take Python a while.
pub fn port_of(lab: &Lab, server: &Program) -> u16 {
    lab.set_step(2 * STEP);
    let line = server.next_line("waiting for the first line of python3 -m http.server");
    lab.set_step(STEP);
    let port = line
        .split_once(" port ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    port.unwrap_or_else(|| panic!("python3 -m http.server says no port: {line}"))
}

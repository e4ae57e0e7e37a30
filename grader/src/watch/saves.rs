//! Notices that the student has saved: the files' times and sizes are compared, as soon as the file system says that something happened.
//!
//! Some file systems never say so (network shares, folders of another system in a container or in WSL). So the files are looked at once a
//! second in any case. A change that nobody announced shows that events do not come, and from then on they are looked at ten times a second.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, SystemTime};

use notify::{EventKind, RecursiveMode, Watcher};
use walkdir::WalkDir;

/// How often files are looked at that are announced, in case they are not.
const SELDOM: Duration = Duration::from_secs(1);
/// How often they are looked at when nothing is announced.
const OFTEN: Duration = Duration::from_millis(100);
/// An editor writes in several steps; so long nothing may have changed.
const SETTLED: Duration = Duration::from_millis(60);

/// What was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The file system announced it.
    Announced,
    /// It did not: files are looked at often from now on.
    Found,
}

/// Watches a folder for as long as it lives.
#[derive(Debug)]
pub struct Saves {
    stop: Sender<Wake>,
    _watcher: Option<notify::RecommendedWatcher>,
}

enum Wake {
    Event,
    Stop,
}

impl Saves {
    /// Watches the Rust files below `folder`.
    pub fn watch(folder: &Path, tell: impl Fn(Saved) + Send + 'static) -> Saves {
        let (stop, wakes) = mpsc::channel();
        let watcher = announcer(folder, stop.clone());
        let (folder, announced) = (folder.to_path_buf(), watcher.is_some());
        // Before the thread starts: what is saved from now on is a change.
        let known = look(&folder);
        thread::spawn(move || notice(&folder, known, &wakes, announced, &tell));
        Saves {
            stop,
            _watcher: watcher,
        }
    }
}

impl Drop for Saves {
    fn drop(&mut self) {
        let _ = self.stop.send(Wake::Stop);
    }
}

/// Asks the file system to announce changes; nothing where it cannot.
fn announcer(folder: &Path, wake: Sender<Wake>) -> Option<notify::RecommendedWatcher> {
    let handler = move |event: notify::Result<notify::Event>| {
        // Looking at files is an access too.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            let _ = wake.send(Wake::Event);
        }
    };
    let mut watcher = notify::recommended_watcher(handler).ok()?;
    watcher.watch(folder, RecursiveMode::Recursive).ok()?;
    Some(watcher)
}

type Files = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

fn look(folder: &Path) -> Files {
    let entries = WalkDir::new(folder).into_iter().filter_map(Result::ok);
    entries
        .filter(|entry| entry.path().extension().is_some_and(|ending| ending == "rs"))
        .filter_map(|entry| {
            let about = entry.metadata().ok()?;
            Some((entry.path().to_path_buf(), (about.modified().ok(), about.len())))
        })
        .collect()
}

fn notice(folder: &Path, mut known: Files, wakes: &Receiver<Wake>, announced: bool, tell: &dyn Fn(Saved)) {
    let mut often = !announced;
    loop {
        let mut woken = match wakes.recv_timeout(if often { OFTEN } else { SELDOM }) {
            Ok(Wake::Event) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut now = look(folder);
        if now == known {
            continue;
        }
        loop {
            match wakes.recv_timeout(SETTLED) {
                Ok(Wake::Event) => woken = true,
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let again = look(folder);
            if again == now {
                break;
            }
            now = again;
        }
        known = now;
        let found = !woken && !often;
        often |= found;
        tell(if found { Saved::Found } else { Saved::Announced });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Far more than a second; only a watcher that notices nothing needs all of it.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn noticing(folder: &Path, announced: bool) -> (Sender<Wake>, Receiver<Saved>) {
        let (wake, wakes) = mpsc::channel();
        let (tell, told) = mpsc::channel();
        let (folder, known) = (folder.to_path_buf(), look(folder));
        thread::spawn(move || {
            notice(&folder, known, &wakes, announced, &|saved| {
                tell.send(saved).unwrap_or_default()
            })
        });
        (wake, told)
    }

    #[test]
    fn a_save_is_noticed_through_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lib.rs"), "a").unwrap();
        let (tell, told) = mpsc::channel();
        let _saves = Saves::watch(folder.path(), move |saved| tell.send(saved).unwrap_or_default());
        fs::write(folder.path().join("lib.rs"), "ab").unwrap();
        told.recv_timeout(PATIENCE).expect("a save");
    }

    #[test]
    fn where_nothing_is_announced_files_are_looked_at() {
        let folder = tempfile::tempdir().unwrap();
        let (_wake, told) = noticing(folder.path(), true);
        fs::write(folder.path().join("new.rs"), "a").unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Saved::Found));
        fs::write(folder.path().join("new.rs"), "abc").unwrap();
        assert_eq!(told.recv_timeout(PATIENCE), Ok(Saved::Announced), "said only once");
    }

    #[test]
    fn an_announcement_without_a_change_is_no_save() {
        let folder = tempfile::tempdir().unwrap();
        let (wake, told) = noticing(folder.path(), true);
        wake.send(Wake::Event).unwrap();
        fs::write(folder.path().join("notes.txt"), "not Rust").unwrap();
        wake.send(Wake::Event).unwrap();
        wake.send(Wake::Stop).unwrap();
        assert!(told.recv_timeout(PATIENCE).is_err(), "the thread ends without a word");
    }
}

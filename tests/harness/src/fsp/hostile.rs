//! Paths that try to get out of the served folder: by dots, in every encoding, through links, by names that begin alike.
//!
//! ```text
//! lab/root/docs/readme.txt    served
//! lab/root/docs/out         → lab/outside             links
//! lab/root/docs/secret      → lab/outside/secret.txt
//! lab/root/docs/dangling    → lab/outside/new.txt     whoever creates through it creates outside
//! lab/root/docs/loop        → itself
//! lab/rootx/secret.txt        a folder whose name begins like the root's
//! lab/outside/secret.txt
//! ```
//! All secrets have the same length, which nothing inside has, and the same word in them. So it shows from outside whether one was reached:
//! in a reply's bytes, in a size, or in a folder that has changed.

use crate::Lab;
use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
};

/// The word that every secret is made of.
const SECRET: &str = "SECRET ";
/// How long every secret is.
const LENGTH: usize = 1001;

/// A served folder, and around it what must neither be read nor changed.
pub struct Aim {
    around: PathBuf,
    before: BTreeMap<PathBuf, Option<u64>>,
}

impl Aim {
    /// Lays all of it out in the lab's folder.
    pub fn lay_out(lab: &Lab) -> Aim {
        let around = lab.folder().to_owned();
        let secret: Vec<u8> = SECRET.bytes().cycle().take(LENGTH).collect();
        let docs = around.join("root/docs");
        let laid_out = || {
            for folder in ["root/docs", "rootx", "outside"] {
                fs::create_dir_all(around.join(folder))?;
                fs::set_permissions(around.join(folder), Permissions::from_mode(0o777))?;
            }
            for (file, bytes) in [
                ("root/docs/readme.txt", &b"inside\n"[..]),
                ("rootx/secret.txt", &secret),
                ("outside/secret.txt", &secret),
            ] {
                fs::write(around.join(file), bytes)?;
                fs::set_permissions(around.join(file), Permissions::from_mode(0o666))?;
            }
            symlink("../../outside", docs.join("out"))?;
            symlink(around.join("outside/secret.txt"), docs.join("secret"))?;
            symlink("../../outside/new.txt", docs.join("dangling"))?;
            symlink("loop", docs.join("loop"))
        };
        laid_out().unwrap_or_else(|e| panic!("the files of the test, in {}: {e}", around.display()));
        let before = sizes(&around);
        Aim { around, before }
    }

    /// The folder to be served.
    pub fn root(&self) -> PathBuf {
        self.around.join("root")
    }

    /// Whether this came from a secret: its bytes, or, of a reply to OPEN, its size.
    pub fn gives_away(reply: &super::Reply) -> bool {
        let data = String::from_utf8_lossy(reply.data()).into_owned();
        data.contains("SECRET") || data.contains("ECRET S") || reply.fields() == [LENGTH.to_string()]
    }

    /// What has changed outside, if anything has.
    pub fn damage(&self) -> Option<String> {
        let now = sizes(&self.around);
        let changed = |path: &&PathBuf| now.get(*path) != self.before.get(*path);
        let path = now.keys().chain(self.before.keys()).find(changed)?;
        let path_shown = path.strip_prefix(&self.around).unwrap_or(path).display();
        Some(match (self.before.get(path), now.get(path)) {
            (None, _) => format!("{path_shown} was created"),
            (_, None) => format!("{path_shown} is gone"),
            _ => format!("{path_shown} has another length"),
        })
    }
}

/// Everything outside the root, with the length of each file.
fn sizes(around: &Path) -> BTreeMap<PathBuf, Option<u64>> {
    let entries = |folder: &Path| {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
    };
    let top = entries(around).filter(|path| !path.ends_with("root"));
    let below = ["rootx", "outside"]
        .iter()
        .flat_map(|folder| entries(&around.join(folder)));
    let size = |path: &PathBuf| {
        fs::metadata(path)
            .ok()
            .filter(fs::Metadata::is_file)
            .map(|file| file.len())
    };
    top.chain(below).map(|path| (path.clone(), size(&path))).collect()
}

/// Hostile paths without end, as they stand in requests: percent-encoded more or less, and the same ones for the same bytes.
pub struct Hostile {
    random: std::vec::IntoIter<u8>,
    around: String,
}

/// A path that tries to get out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// As it stands in a request.
    pub path: String,
    /// It was made for the secrets of this lab, so one may try to write to it. The others may lead anywhere, and are for reading.
    pub aimed: bool,
}

/// Where an aimed path goes.
const TARGETS: [&str; 6] = [
    "outside/secret.txt",
    "rootx/secret.txt",
    "outside/new.txt",
    "rootx/new.txt",
    "outside",
    "root/docs/readme.txt", // out, and in again
];
/// Ways out without climbing.
const THROUGH: [&str; 7] = [
    "docs/out/secret.txt",
    "docs/out/new.txt",
    "docs/secret",
    "docs/dangling",
    "docs/out/../outside/secret.txt",
    "docs/loop",
    "docs/../docs/out/../../outside/secret.txt",
];
/// Words of paths that were put together without a plan.
const WORDS: [&str; 22] = [
    "..",
    "..",
    "..",
    ".",
    "...",
    "",
    "docs",
    "out",
    "secret",
    "dangling",
    "loop",
    "outside",
    "rootx",
    "root",
    "secret.txt",
    "readme.txt",
    "\0",
    "..\\..",
    "~",
    " ",
    "\n",
    "nothing",
];
/// Pieces that are no proper encoding of anything, or of something else than they seem.
const CROOKED: [&str; 9] = [
    "%",
    "%2",
    "%zz",
    "%ff",
    "%c0%ae",
    "%c0%ae%c0%ae/",
    "%252e%252e%252f",
    "%u002e",
    "%e2%80%a5",
];

impl Hostile {
    /// Paths made of these random bytes, against this folder; they end when the bytes do. 64 bytes a path are plenty.
    pub fn new(random: Vec<u8>, aim: &Aim) -> Hostile {
        Hostile {
            random: random.into_iter(),
            around: aim.around.to_string_lossy().into_owned(),
        }
    }

    fn below(&mut self, end: usize) -> Option<usize> {
        Some(usize::from(self.random.next()?) % end)
    }

    fn one_of<'a>(&mut self, all: &[&'a str]) -> Option<&'a str> {
        Some(all[self.below(all.len())?])
    }

    /// Up by just as much as it has gone down, out, and to a secret.
    fn climbing(&mut self) -> Option<String> {
        let mut path = String::new();
        let depth = self.below(4)?;
        for _ in 0..depth {
            path += self.one_of(&["docs/../docs/", "docs/", "./docs/", "docs//"])?;
            if path.ends_with("docs/") && self.below(3)? > 0 {
                path += "../";
            } else {
                break;
            }
        }
        let down = path.split('/').fold(0, |depth, word| match word {
            ".." => depth - 1,
            "" | "." => depth,
            _ => depth + 1,
        });
        path += &"../".repeat(usize::try_from(down + 1).unwrap_or(1));
        Some(path + self.one_of(&TARGETS)?)
    }

    /// Whatever it is, with a slash more here and a dot there.
    fn unplanned(&mut self) -> Option<String> {
        let mut path = String::new();
        for _ in 0..=self.below(8)? {
            path += self.one_of(&WORDS)?;
            path.push('/');
        }
        if self.below(4)? > 0 {
            path.pop();
        }
        if self.below(40)? == 0 {
            path += &"x".repeat(200 + self.below(200)?);
        }
        Some(path)
    }

    /// Some of the bytes as `%` and two digits; those that a request cannot hold always.
    fn encoded(&mut self, path: &str) -> Option<String> {
        let often = [0, 8, 50, 100][self.below(4)?];
        let mut encoded = String::new();
        for byte in path.bytes() {
            let needed = !byte.is_ascii_graphic() || byte == b'%';
            if needed || self.below(100)? < often {
                let lower = self.below(2)? == 0;
                encoded += &if lower {
                    format!("%{byte:02x}")
                } else {
                    format!("%{byte:02X}")
                };
            } else {
                encoded.push(char::from(byte));
            }
        }
        Some(encoded)
    }
}

impl Iterator for Hostile {
    type Item = Attempt;

    fn next(&mut self) -> Option<Attempt> {
        let kind = self.below(100)?;
        let path = match kind {
            0..45 => self.climbing()?,
            45..60 => self.one_of(&THROUGH)?.to_owned(),
            60..68 => {
                let target = self.one_of(&TARGETS)?;
                format!("{}/{target}", self.around)
            }
            _ => self.unplanned()?,
        };
        let slash = if self.below(20)? == 0 { "" } else { "/" };
        let mut path = format!("{slash}{}", self.encoded(&path)?);
        if kind >= 90 {
            let at = self.below(path.len() + 1)?;
            path.insert_str(at, self.one_of(&CROOKED)?);
        }
        let aimed = kind < 68;
        Some(Attempt { path, aimed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fsp::{Reply, Request};
    use crate::{Exercise, Grading};

    fn lab() -> Lab {
        let exercise = Exercise {
            package: "hostile",
            rubric: "title = \"hostile\"",
            built: Some("/nonexistent"),
        };
        Lab::open_for(exercise, Grading::default())
    }

    /// What a server does that decodes and joins, and looks at nothing.
    fn careless(root: &Path, path: &str) -> Option<PathBuf> {
        let mut bytes = Vec::new();
        let mut rest = path.as_bytes();
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            if byte != b'%' {
                bytes.push(byte);
                continue;
            }
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        }
        let text = String::from_utf8(bytes).ok()?;
        Some(root.join(text.strip_prefix('/')?))
    }

    fn hostile(lab: &Lab, aim: &Aim) -> impl Iterator<Item = String> {
        let attempts = Hostile::new(lab.random(1, 1 << 20), aim).take(10_000);
        attempts.map(|attempt| attempt.path)
    }

    #[test]
    fn many_of_the_paths_would_get_out_of_a_careless_server() {
        let lab = lab();
        let aim = Aim::lay_out(&lab);
        let paths: Vec<String> = hostile(&lab, &aim).collect();
        assert_eq!(paths.len(), 10_000);
        assert_eq!(paths, hostile(&lab, &aim).collect::<Vec<_>>());
        assert!(
            paths
                .iter()
                .all(|path| path.bytes().all(|byte| byte.is_ascii_graphic()))
        );
        let read = |path: &String| fs::read(careless(&aim.root(), path)?).ok();
        let secrets = paths
            .iter()
            .filter_map(read)
            .filter(|bytes| bytes.len() == LENGTH)
            .count();
        let inside = paths
            .iter()
            .filter_map(read)
            .filter(|bytes| bytes == b"inside\n")
            .count();
        assert!(secrets > 1500, "{secrets} of 10000 read a secret");
        assert!(inside > 20, "{inside} of 10000 are harmless");
        for what in [
            "%2e", "%2E", "%00", "%5C", "%ff", "%c0%ae", "//", "/./", "loop", "rootx", "xxxxxxxx",
        ] {
            assert!(paths.iter().any(|path| path.contains(what)), "no path with {what}");
        }
    }

    #[test]
    fn a_secret_is_known_by_its_bytes_its_size_and_its_place() {
        let lab = lab();
        let aim = Aim::lay_out(&lab);
        let reply = |line: &str, data: &[u8]| Aim::gives_away(&Reply::to(&Request::new("1", ""), line, data));
        assert!(reply("OK 8", b"CRET SEC") || reply("OK 14", b"CRET SECRET SE"));
        assert!(reply("OK 1001", b""));
        assert!(!reply("OK 7", b"inside\n") && !reply("OK 7", b"") && !reply("ERR EACCES", b""));
        assert_eq!(aim.damage(), None);
        fs::write(aim.root().join("docs/dangling"), b"x").expect("a file outside");
        assert_eq!(aim.damage(), Some("outside/new.txt was created".to_owned()));
        fs::remove_file(lab.folder().join("outside/new.txt")).expect("gone again");
        fs::write(lab.folder().join("rootx/secret.txt"), b"x").expect("a file outside");
        assert_eq!(aim.damage(), Some("rootx/secret.txt has another length".to_owned()));
    }
}

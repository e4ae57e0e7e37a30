// CANARY-7f3a91c2-hidden
//! URLs that the test makes up.

/// The parts of a URL that the test has made up.
pub struct Parts {
    scheme: String,
    host: String,
    port: Option<u16>,
    path: String,
}

impl Parts {
    /// As it is written.
    pub fn text(&self) -> String {
        let brackets = if self.host.contains(':') { ["[", "]"] } else { ["", ""] };
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        format!(
            "{}://{}{}{}{port}{}",
            self.scheme, brackets[0], self.host, brackets[1], self.path
        )
    }

    /// As the probe reads them.
    pub fn words(&self) -> String {
        let dash = |text: &str| {
            if text.is_empty() {
                "-".to_string()
            } else {
                text.to_string()
            }
        };
        let port = self.port.map_or("-".to_string(), |port| port.to_string());
        format!("{} {} {port} {}", self.scheme, dash(&self.host), dash(&self.path))
    }

    /// As the probe shows them.
    pub fn shown(&self) -> String {
        let port = self.port.map_or("none".to_string(), |port| port.to_string());
        format!(
            "scheme {:?}, host {:?}, port {port}, path {:?}",
            self.scheme, self.host, self.path
        )
    }
}

/// URLs of all kinds, made of random bytes.
pub struct Urls(pub std::vec::IntoIter<u8>);

impl Urls {
    fn below(&mut self, end: usize) -> Option<usize> {
        let number = u16::from_le_bytes([self.0.next()?, self.0.next()?]);
        Some(usize::from(number) % end)
    }

    fn one_of(&mut self, words: &[&str]) -> Option<String> {
        Some(words[self.below(words.len())?].to_string())
    }

    fn port(&mut self) -> Option<Option<u16>> {
        Some(match self.below(4)? {
            0 => None,
            1 => Some([1, 7, 13, 80, 443, 8080, 65535][self.below(7)?]),
            _ => Some(u16::try_from(self.below(65535)?).ok()? + 1),
        })
    }

    /// Visible characters of all kinds behind a `/`. (A `\` and a `"` would be shown with a `\` in front.)
    fn path(&mut self) -> Option<String> {
        const VISIBLE: &[u8] = b"abcXYZ0189-._~:/?#[]@!$&'()*+,;=%|^`{}<>";
        let mut path = String::new();
        for _ in 0..self.below(20)? {
            path.push(char::from(VISIBLE[self.below(VISIBLE.len())?]));
        }
        Some(if path.is_empty() && self.below(2)? == 0 {
            path
        } else {
            format!("/{path}")
        })
    }
}

impl Iterator for Urls {
    type Item = Parts;

    fn next(&mut self) -> Option<Parts> {
        const SCHEMES: &[&str] = &[
            "http", "ftp", "echo", "daytime", "telnet", "x", "svn+ssh", "z39.50r", "my-own", "unix",
        ];
        const HOSTS: &[&str] = &[
            "h",
            "localhost",
            "fbox.vt.edu",
            "my-host_2.example.org",
            "127.0.0.1",
            "7",
            "::1",
            "::",
            "2001:db8::7",
            "fe80::1:2:3",
        ];
        let scheme = self.one_of(SCHEMES)?;
        let unix = scheme == "unix";
        Some(Parts {
            host: if unix { String::new() } else { self.one_of(HOSTS)? },
            port: if unix { None } else { self.port()? },
            path: self.path()?,
            scheme,
        })
    }
}

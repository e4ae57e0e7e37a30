//! Gives the numbers that differ from run to run stable names: ports become `PORT1`…, process ids `PID1`….
//!
//! Only numbers that this lab has seen, and only where they stand as a port or a pid (`127.0.0.1:40001`, `port 40001`, `pid 77`), so that a
//! length that happens to equal a port stays what it is. A number nobody saw stays too: a program that prints a wrong port must not match.

/// The numbers seen so far and the names given so far.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    ports: Names,
    pids: Names,
}

#[derive(Debug, Default)]
struct Names {
    seen: Vec<u32>,
    /// In the order of first appearance in a text: the reader meets PORT1 before PORT2.
    named: Vec<u32>,
}

impl Names {
    fn see(&mut self, number: u32) {
        if !self.seen.contains(&number) {
            self.seen.push(number);
        }
    }

    fn name(&mut self, kind: &str, number: u32) -> Option<String> {
        if !self.seen.contains(&number) {
            return None;
        }
        let at = self.named.iter().position(|&n| n == number).unwrap_or_else(|| {
            self.named.push(number);
            self.named.len() - 1
        });
        Some(format!("{kind}{}", at + 1))
    }
}

impl Redactor {
    pub fn saw_port(&mut self, port: u16) {
        self.ports.see(port.into());
    }

    pub fn saw_pid(&mut self, pid: i32) {
        self.pids.see(pid.unsigned_abs());
    }

    pub fn redact(&mut self, text: &str) -> String {
        let mut done = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let len = rest[start..]
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len() - start);
            let (before, number) = (&rest[..start], &rest[start..start + len]);
            done += before;
            let name = number.parse().ok().and_then(|n| self.name_after(&done, n));
            done += name.as_deref().unwrap_or(number);
            rest = &rest[start + len..];
        }
        done + rest
    }

    fn name_after(&mut self, before: &str, number: u32) -> Option<String> {
        let word = before.trim_end_matches([' ', '=', ':', '(']).to_ascii_lowercase();
        if word.ends_with("pid") {
            self.pids.name("PID", number)
        } else if before.ends_with(':') || (word.ends_with("port") && word.len() < before.len()) {
            self.ports.name("PORT", number)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Redactor;

    fn redactor() -> Redactor {
        let mut redactor = Redactor::default();
        redactor.saw_port(5000);
        redactor.saw_port(40001);
        redactor.saw_pid(77);
        redactor
    }

    #[test]
    fn names_follow_the_order_of_the_text() {
        let mut redactor = redactor();
        assert_eq!(
            redactor.redact("from 127.0.0.1:40001 to [::1]:5000"),
            "from 127.0.0.1:PORT1 to [::1]:PORT2"
        );
        assert_eq!(
            redactor.redact("port 5000, pid 77, pid=77"),
            "port PORT2, pid PID1, pid=PID1"
        );
    }

    #[test]
    fn other_numbers_stay() {
        let mut redactor = redactor();
        let text = "5000 bytes, 127.0.0.1:40002, :50001, 77 ports";
        assert_eq!(redactor.redact(text), text);
    }
}

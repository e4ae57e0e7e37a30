//! One request and one reply.

use crate::escape::quoted;

/// What of data that is not numbered records is shown.
const SHOWN: usize = 40;
/// Length of a numbered record.
const RECORD: usize = 8;

/// A request: `7 READ /tmp/test.txt 0 200`, and perhaps data behind that line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What the reply has to begin with.
    pub id: String,
    /// Verb and arguments.
    pub line: String,
    /// What comes behind the line.
    pub data: Vec<u8>,
}

/// A reply, right or wrong: the bytes of one datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(pub Vec<u8>);

impl Request {
    /// A request without data.
    pub fn new(id: &str, line: &str) -> Request {
        Request {
            id: id.to_owned(),
            line: line.to_owned(),
            data: Vec::new(),
        }
    }

    /// The same with data.
    #[must_use]
    pub fn with(self, data: &[u8]) -> Request {
        Request {
            data: data.to_vec(),
            ..self
        }
    }

    /// What a client sent; what has no id and no line is no request.
    pub(crate) fn read(datagram: &[u8]) -> Option<Request> {
        let end = datagram.iter().position(|&byte| byte == b'\n')?;
        let (id, line) = std::str::from_utf8(&datagram[..end]).ok()?.split_once(' ')?;
        Some(Request::new(id, line).with(&datagram[end + 1..]))
    }

    /// The datagram.
    pub fn bytes(&self) -> Vec<u8> {
        [format!("{} {}\n", self.id, self.line).as_bytes(), &self.data].concat()
    }

    /// As it stands in a report.
    pub fn shown(&self) -> String {
        format!("{} {}{}", self.id, self.line, data_shown(&self.data))
    }

    /// Verb and arguments, one by one.
    pub fn words(&self) -> Vec<&str> {
        self.line.split(' ').collect()
    }
}

impl Reply {
    /// A right reply to `request`: the words of its line, and data.
    pub fn to(request: &Request, line: &str, data: &[u8]) -> Reply {
        Reply([format!("{} {line}\n", request.id).as_bytes(), data].concat())
    }

    /// What stands in front of the first space.
    pub fn id(&self) -> String {
        let id = self.0.split(|byte| b" \n".contains(byte)).next().unwrap_or_default();
        String::from_utf8_lossy(id).into_owned()
    }

    /// The line without the id: `OK 200`. Of an error only the code, since its text is free: `ERR ENOENT`.
    pub fn line(&self) -> String {
        let line = self.head();
        let line = line.split_once(' ').map_or("", |(_, rest)| rest);
        let words = if line.starts_with("ERR ") { 2 } else { usize::MAX };
        line.split(' ').take(words).collect::<Vec<_>>().join(" ")
    }

    /// The words behind `OK`; none, if it is an error.
    pub fn fields(&self) -> Vec<String> {
        let line = self.line();
        let mut words = line.split(' ');
        match words.next() {
            Some("OK") => words.map(str::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    /// What comes behind the line.
    pub fn data(&self) -> &[u8] {
        let end = self.0.iter().position(|&byte| byte == b'\n');
        end.map_or(&[], |end| &self.0[end + 1..])
    }

    /// Whether it says OK.
    pub fn is_ok(&self) -> bool {
        self.line() == "OK" || self.line().starts_with("OK ")
    }

    /// Whether it says the same: the same bytes, or, of errors, the same code.
    pub fn same(&self, other: &Reply) -> bool {
        let error = |reply: &Reply| reply.line().starts_with("ERR ") && reply.0.ends_with(b"\n");
        self.0 == other.0 || (error(self) && error(other) && self.id() == other.id() && self.line() == other.line())
    }

    /// As it stands in a report.
    pub fn shown(&self) -> String {
        if !self.0.contains(&b'\n') {
            return format!("{}, which has no LF", quoted(&self.0, 60));
        }
        self.head() + &data_shown(self.data())
    }

    fn head(&self) -> String {
        let head = self.0.split(|&byte| byte == b'\n').next().unwrap_or_default();
        head.escape_ascii().to_string()
    }
}

/// Data behind two spaces: the first and the last of numbered records, `0000000..0000192`, or the bytes themselves.
fn data_shown(data: &[u8]) -> String {
    let number = |record: &[u8]| {
        let digits = record.strip_suffix(b"\n").filter(|digits| digits.len() == RECORD - 1)?;
        std::str::from_utf8(digits).ok()?.parse::<usize>().ok()
    };
    let numbers: Option<Vec<usize>> = data.chunks(RECORD).map(number).collect();
    let in_order = |numbers: &Vec<usize>| numbers.windows(2).all(|pair| pair[1] == pair[0] + RECORD);
    match numbers.filter(in_order).as_deref() {
        Some([]) => String::new(),
        Some([only]) => format!("  {only:07}"),
        Some([first, .., last]) => format!("  {first:07}..{last:07}"),
        None => format!("  {}", quoted(data, SHOWN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fsp::numbered;

    #[test]
    fn a_request_is_a_line_and_data() {
        let request = Request::new("7", "WRITE /x 0 3").with(b"a\nb");
        assert_eq!(request.bytes(), b"7 WRITE /x 0 3\na\nb");
        assert_eq!(Request::read(&request.bytes()), Some(request));
        assert_eq!(Request::read(b"7 READ"), None);
        assert_eq!(Request::read(b"READ\n"), None);
    }

    #[test]
    fn numbered_data_is_shown_by_its_ends() {
        let reply = |data: &[u8]| Reply::to(&Request::new("2", ""), "OK 1", data).shown();
        assert_eq!(reply(&numbered(1000)[200..400]), "2 OK 1  0000200..0000392");
        assert_eq!(reply(b"0000008\n"), "2 OK 1  0000008");
        assert_eq!(reply(b"0000008\n0000000\n"), r#"2 OK 1  "0000008\n0000000\n""#);
        assert_eq!(reply(b"\xffhello"), r#"2 OK 1  "\xffhello""#);
        assert_eq!(reply(b""), "2 OK 1");
    }

    #[test]
    fn replies_are_taken_apart_whatever_they_are() {
        let reply = Reply(b"2 ERR ENOENT no such file\n".to_vec());
        assert_eq!((reply.id().as_str(), reply.line().as_str()), ("2", "ERR ENOENT"));
        assert!(reply.same(&Reply(b"2 ERR ENOENT\n".to_vec())));
        assert!(!reply.same(&Reply(b"3 ERR ENOENT\n".to_vec())));
        assert!(!reply.same(&Reply(b"2 ERR ENOENT".to_vec())));
        assert_eq!(Reply(b"2 OK 32 1000\n".to_vec()).fields(), ["32", "1000"]);
        let nonsense = Reply(b"\xff".to_vec());
        assert_eq!((nonsense.line().as_str(), nonsense.data()), ("", &b""[..]));
        assert_eq!(nonsense.shown(), r#""\xff", which has no LF"#);
    }
}

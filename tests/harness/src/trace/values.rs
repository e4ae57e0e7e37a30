//! Arguments of system calls as the manual pages write them: `AF_INET`, `SOCK_STREAM|SOCK_CLOEXEC`, `SO_REUSEADDR`, `127.0.0.1:5000`.
use super::{bytes::u32_at, constants as libc};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6},
};

/// First argument of `socket`: an address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Domain(pub i32);

impl Domain {
    /// IPv4
    pub const INET: Domain = Domain(libc::AF_INET);
    /// IPv6
    pub const INET6: Domain = Domain(libc::AF_INET6);
    /// Names in the file system
    pub const UNIX: Domain = Domain(libc::AF_UNIX);
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Domain::INET => f.write_str("AF_INET"),
            Domain::INET6 => f.write_str("AF_INET6"),
            Domain::UNIX => f.write_str("AF_UNIX"),
            Domain(libc::AF_NETLINK) => f.write_str("AF_NETLINK"),
            Domain(other) => write!(f, "AF_{other}"),
        }
    }
}

/// Second argument of `socket`: the type, with the flags that may be added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SocketType(pub i32);

impl SocketType {
    /// The type alone, without flags.
    pub fn base(self) -> i32 {
        self.0 & !(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)
    }
    /// `SOCK_STREAM`, with or without flags.
    pub fn is_stream(self) -> bool {
        self.base() == libc::SOCK_STREAM
    }
    /// `SOCK_DGRAM`, with or without flags.
    pub fn is_datagram(self) -> bool {
        self.base() == libc::SOCK_DGRAM
    }
    /// `SOCK_CLOEXEC` was added: the descriptor does not survive `exec`.
    pub fn closes_on_exec(self) -> bool {
        self.0 & libc::SOCK_CLOEXEC != 0
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base() {
            libc::SOCK_STREAM => f.write_str("SOCK_STREAM")?,
            libc::SOCK_DGRAM => f.write_str("SOCK_DGRAM")?,
            libc::SOCK_SEQPACKET => f.write_str("SOCK_SEQPACKET")?,
            libc::SOCK_RAW => f.write_str("SOCK_RAW")?,
            other => write!(f, "SOCK_{other}")?,
        }
        for (bit, name) in [
            (libc::SOCK_CLOEXEC, "|SOCK_CLOEXEC"),
            (libc::SOCK_NONBLOCK, "|SOCK_NONBLOCK"),
        ] {
            f.write_str(if self.0 & bit != 0 { name } else { "" })?;
        }
        Ok(())
    }
}

/// The address of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IPv4 or IPv6
    Ip(SocketAddr),
    /// A path, or `@name` for an abstract one; empty for a socket without a name.
    Unix(String),
    /// Another family, by number.
    Other(i32),
}

impl Address {
    /// Reads a `sockaddr`; none when it is too short to name a family.
    pub(super) fn parse(bytes: &[u8]) -> Option<Address> {
        let family = i32::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        let port = bytes.get(2..4).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
        Some(match family {
            libc::AF_INET if bytes.len() >= 8 => {
                let ip = Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7]);
                Address::Ip(SocketAddr::from((ip, port)))
            }
            libc::AF_INET6 if bytes.len() >= 28 => {
                let ip: [u8; 16] = bytes[8..24].try_into().ok()?;
                Address::Ip(SocketAddrV6::new(Ipv6Addr::from(ip), port, 0, u32_at(bytes, 24)).into())
            }
            libc::AF_UNIX => Address::Unix(unix_name(&bytes[2..])),
            other => Address::Other(other),
        })
    }

    /// The IP address and port, if it has one.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Address::Ip(addr) => Some(*addr),
            _ => None,
        }
    }
}

fn unix_name(bytes: &[u8]) -> String {
    match bytes.split_first() {
        None => String::new(),
        Some((0, name)) => format!("@{}", String::from_utf8_lossy(name)),
        Some(_) => {
            let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Ip(SocketAddr::V4(addr)) => write!(f, "{addr}"),
            Address::Ip(SocketAddr::V6(addr)) => write!(f, "[{}]:{}", IpAddr::V6(*addr.ip()), addr.port()),
            Address::Unix(path) => write!(f, "\"{path}\""),
            Address::Other(family) => write!(f, "{}", Domain(*family)),
        }
    }
}

/// Flags of a call that moves bytes, ` | ` left out as in `MSG_PEEK|MSG_DONTWAIT`; empty for none.
pub(super) fn message_flags(flags: i32) -> String {
    let known = [
        (libc::MSG_PEEK, "MSG_PEEK"),
        (libc::MSG_WAITALL, "MSG_WAITALL"),
        (libc::MSG_DONTWAIT, "MSG_DONTWAIT"),
        (libc::MSG_NOSIGNAL, "MSG_NOSIGNAL"),
        (libc::MSG_TRUNC, "MSG_TRUNC"),
        (libc::MSG_OOB, "MSG_OOB"),
        (libc::MSG_MORE, "MSG_MORE"),
        (libc::MSG_CMSG_CLOEXEC, "MSG_CMSG_CLOEXEC"),
    ];
    let mut names: Vec<String> = known
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let rest = known.iter().fold(flags, |rest, (bit, _)| rest & !bit);
    if rest != 0 {
        names.push(format!("{rest:#x}"));
    }
    names.join("|")
}

/// Level and name of a socket option as one word: `SO_REUSEADDR`, `TCP_NODELAY`.
pub(super) fn option_name(level: i32, name: i32) -> String {
    let known = match level {
        libc::SOL_SOCKET => SOCKET_OPTIONS,
        libc::IPPROTO_TCP => TCP_OPTIONS,
        libc::IPPROTO_IPV6 => &[(libc::IPV6_V6ONLY, "IPV6_V6ONLY")],
        _ => &[],
    };
    match known.iter().find(|(number, _)| *number == name) {
        Some((_, text)) => (*text).to_owned(),
        None => format!("level {level} option {name}"),
    }
}

const SOCKET_OPTIONS: &[(i32, &str)] = &[
    (libc::SO_REUSEADDR, "SO_REUSEADDR"),
    (libc::SO_REUSEPORT, "SO_REUSEPORT"),
    (libc::SO_TYPE, "SO_TYPE"),
    (libc::SO_ERROR, "SO_ERROR"),
    (libc::SO_BROADCAST, "SO_BROADCAST"),
    (libc::SO_SNDBUF, "SO_SNDBUF"),
    (libc::SO_RCVBUF, "SO_RCVBUF"),
    (libc::SO_KEEPALIVE, "SO_KEEPALIVE"),
    (libc::SO_LINGER, "SO_LINGER"),
    (libc::SO_RCVTIMEO, "SO_RCVTIMEO"),
    (libc::SO_SNDTIMEO, "SO_SNDTIMEO"),
    (libc::SO_ACCEPTCONN, "SO_ACCEPTCONN"),
    (libc::SO_DOMAIN, "SO_DOMAIN"),
    (libc::SO_PROTOCOL, "SO_PROTOCOL"),
    (libc::SO_PEERCRED, "SO_PEERCRED"),
];

const TCP_OPTIONS: &[(i32, &str)] = &[
    (libc::TCP_NODELAY, "TCP_NODELAY"),
    (libc::TCP_KEEPIDLE, "TCP_KEEPIDLE"),
    (libc::TCP_QUICKACK, "TCP_QUICKACK"),
    (libc::TCP_USER_TIMEOUT, "TCP_USER_TIMEOUT"),
];

/// Third way of naming a number: how a connection is shut down.
pub(super) fn how_name(how: i32) -> String {
    match how {
        libc::SHUT_RD => "SHUT_RD".into(),
        libc::SHUT_WR => "SHUT_WR".into(),
        libc::SHUT_RDWR => "SHUT_RDWR".into(),
        other => other.to_string(),
    }
}

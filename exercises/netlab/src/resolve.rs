//! From a server's name to the one address that a client without connections talks to.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use crate::{During, Failure, Op};

/// One address of a name, of IPv4 if it has one.
///
/// TCP's `connect` could try them all. Without a handshake nobody says which of them is right, and most of the course's servers listen
/// on an IPv4 address.
///
/// # Errors
/// Nobody knows the name, or it has no address.
pub fn resolve(host: &str, port: u16) -> Result<SocketAddr, Failure> {
    let addresses = (host, port).to_socket_addrs().during(Op::Resolve, host)?;
    let best = addresses.min_by_key(SocketAddr::is_ipv6);
    best.ok_or_else(|| Failure::new(Op::Resolve, host, io::Error::other("the name has no address")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_its_own_name() {
        assert_eq!(resolve("127.0.0.1", 7).unwrap(), "127.0.0.1:7".parse().unwrap());
        assert_eq!(resolve("::1", 7).unwrap(), "[::1]:7".parse().unwrap());
    }

    #[test]
    fn a_name_that_nobody_knows_is_a_failure_of_resolving() {
        let failure = resolve("no-such-host.invalid", 7).unwrap_err();
        assert!(
            failure.to_string().starts_with("resolve no-such-host.invalid: "),
            "{failure}"
        );
        assert_eq!(failure.exit_code(), 1);
    }
}

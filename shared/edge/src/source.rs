//! Where a request comes from.

use std::{
    fmt::{self, Display, Formatter},
    net::{IpAddr, Ipv6Addr},
};

/// The address that a request came from, as API Gateway saw it (`requestContext.http.sourceIp`) and no header says it.
/// Of an IPv6 address only the first 64 bits count, since whoever has one has all the others of that network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source(Option<IpAddr>);

impl Source {
    /// Reads what API Gateway says. Text that is no address stands for one source: it does not occur.
    pub fn parse(text: &str) -> Self {
        Self(text.parse().ok().map(|address: IpAddr| match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }))
    }
}

impl Display for Source {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(formatter),
            None => formatter.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_one_network_are_one_source() {
        assert_eq!(Source::parse("2001:db8:1:2::1"), Source::parse("2001:db8:1:2:ffff::2"));
        assert_ne!(Source::parse("2001:db8:1:2::1"), Source::parse("2001:db8:1:3::1"));
        assert_ne!(Source::parse("192.0.2.1"), Source::parse("192.0.2.2"));
        assert_eq!(Source::parse("::ffff:192.0.2.1"), Source::parse("192.0.2.1"));
        assert_eq!(Source::parse("x"), Source::parse(""));
    }
}

//! A network of addresses, as CIDR writes it (RFC 4632, RFC 4291).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::Invalid;

/// A network: every address that agrees with it in its first so many bits. An IPv4 address that comes as an IPv6 one
/// (`::ffff:192.0.2.1`) is the IPv4 address that it means, here and in what is compared with it: which of the two a
/// listener reports must not decide over access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

/// Bits before the IPv4 address in an IPv6 address that means one.
const MAPPED_BITS: u8 = 96;

impl Network {
    /// From `10.0.0.0/8`, `2001:db8::/32`, or one address.
    ///
    /// # Errors
    /// [`Invalid`] for what is neither, and for an address with bits beyond the network's length: `10.1.0.0/8` is
    /// either a slip in the address or one in the length, and nobody can tell which.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let invalid = |reason: String| Err(Invalid::new("network", reason));
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let Ok(address) = address.parse::<IpAddr>() else {
            return invalid(format!("{text:?} is not an IP address or a network such as 10.0.0.0/8"));
        };
        let widest = width(address);
        // Plain digits: no sign, no blank, none that a number would not be written with.
        let plain = |text: &str| {
            let digits = text.bytes().all(|b| b.is_ascii_digit()) && !(text.len() > 1 && text.starts_with('0'));
            digits.then(|| text.parse::<u8>().ok()).flatten().filter(|bits| *bits <= widest)
        };
        let Some(bits) = length.map_or(Some(widest), plain) else {
            return invalid(format!("{text:?} has a length that is not a number from 0 to {widest}"));
        };
        let network = Network::of(address, bits);
        if masked(address, bits) != address {
            return invalid(format!("{text:?} has bits beyond its length; the network is {network}"));
        }
        Ok(network)
    }

    /// The network of `bits` bits that `address` lies in; no more bits than the address has.
    fn of(address: IpAddr, bits: u8) -> Self {
        let base = masked(address, bits.min(width(address)));
        match (address, base.to_canonical()) {
            // Shorter than the mapping itself, it is a network of IPv6 addresses.
            (IpAddr::V6(_), IpAddr::V4(base)) if bits >= MAPPED_BITS => {
                Network { base: IpAddr::V4(base), bits: bits - MAPPED_BITS }
            }
            _ => Network { base, bits: bits.min(width(address)) },
        }
    }

    /// Whoever has this address, and as far as can be told nobody else: the address itself, or the /64 of an IPv6
    /// address, which is what one household or machine is given (RFC 6177).
    pub fn of_caller(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Network::of(address.into(), 32),
            IpAddr::V6(address) => Network::of(address.into(), 64),
        }
    }

    /// Whether `address` lies in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        width(address) == width(self.base) && masked(address, self.bits) == self.base
    }

    /// Its first address.
    pub fn base(&self) -> IpAddr {
        self.base
    }

    /// How many leading bits its addresses share.
    pub fn bits(&self) -> u8 {
        self.bits
    }
}

fn width(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The address with all but its first `bits` bits zero.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(u32::from(32 - bits.min(32))).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from(u32::from(address) & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(u32::from(128 - bits.min(128))).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from(u128::from(address) & mask))
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
            ("192.0.2.0/31", "192.0.2.1", "192.0.2.2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::1", "::1", "::2"),
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "2001:db8::1", "203.0.113.9"),
        ] {
            assert!(network(text).contains(address(inside)), "{text} holds {inside}");
            assert!(!network(text).contains(address(outside)), "{text} does not hold {outside}");
        }
    }

    #[test]
    fn an_ipv4_address_is_the_same_however_it_is_written() {
        assert_eq!(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1/32"));
        assert!(network("10.0.0.0/8").contains(address("::ffff:10.1.2.3")));
        assert!(!network("::/0").contains(address("::ffff:10.1.2.3")), "it means an IPv4 address");
    }

    #[test]
    fn what_is_no_network_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "not an IP address"),
            ("10.0.0/8", "not an IP address"),
            ("example.com", "not an IP address"),
            ("10.0.0.0/33", "from 0 to 32"),
            ("::/129", "from 0 to 128"),
            ("10.0.0.0/", "from 0 to 32"),
            ("10.0.0.0/+8", "from 0 to 32"),
            ("10.0.0.0/08", "from 0 to 32"),
            ("10.0.0.0/8/8", "from 0 to 32"),
            ("10.1.0.0/8", "the network is 10.0.0.0/8"),
            ("2001:db8::1/64", "the network is 2001:db8::/64"),
            ("::ffff:10.1.0.0/104", "the network is 10.0.0.0/8"),
        ] {
            let said = Network::parse(text).unwrap_err().to_string();
            assert!(said.contains(reason), "{text}: {said}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_what_was_meant(base: u128, v4: u32, bits in 0..=128u8, other: u128) {
            for address in [IpAddr::V6(base.into()), IpAddr::V4(v4.into())] {
                let network = Network::of(address, bits);
                prop_assert_eq!(Network::parse(&network.to_string()), Ok(network));
                prop_assert!(network.contains(network.base()));
            }
            // The naive way: compare the first bits, one by one.
            let network = Network::of(IpAddr::V6(base.into()), bits);
            let other = Ipv6Addr::from(other);
            if other.to_ipv4_mapped().is_none() && matches!(network.base(), IpAddr::V6(_)) {
                let agree = (0..bits).all(|bit| base << bit >> 127 == u128::from(other) << bit >> 127);
                prop_assert_eq!(network.contains(other.into()), agree);
            }
        }
    }
}

//! Networks of an address, and the networks from which a user signed in.

use ipnet::IpNet;
use std::net::IpAddr;

/// The prefix lengths of an IPv4 address itself and of the block around it.
const IPV4_PREFIXES: &[u8] = &[32, 24];
/// The prefix lengths that providers give to one IPv6 subnet, household and site.
const IPV6_PREFIXES: &[u8] = &[64, 56, 48];
/// The number of networks that are remembered per user.
const MAX_KNOWN: usize = 8;

/// Returns the networks of an address, narrowest first. One IPv6 client has at least a /64 of addresses.
pub fn networks_of(address: IpAddr) -> impl DoubleEndedIterator<Item = IpNet> {
    let prefixes = if address.is_ipv4() { IPV4_PREFIXES } else { IPV6_PREFIXES };
    prefixes.iter().filter_map(move |length| Some(IpNet::new(address, *length).ok()?.trunc()))
}

/// Returns the narrowest network of an address.
pub fn network_of(address: IpAddr) -> Option<IpNet> {
    networks_of(address).next()
}

/// The networks from which a user signed in, the latest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNetworks(Vec<IpNet>);

impl KnownNetworks {
    /// Parses the stored form: networks or single addresses, separated by spaces.
    pub fn from_text(text: &str) -> Self {
        let network = |word: &str| word.parse().ok().or_else(|| network_of(word.parse().ok()?));
        Self(text.split(' ').filter_map(network).collect())
    }

    /// Returns the stored form.
    pub fn to_text(&self) -> String {
        self.0.iter().map(IpNet::to_string).collect::<Vec<_>>().join(" ")
    }

    /// Returns whether the user signed in from this address's network.
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Puts the network of an address first and drops the oldest ones beyond the limit.
    #[must_use]
    pub fn with(&self, address: IpAddr) -> Self {
        let latest = network_of(address);
        let others = self.0.iter().copied().filter(|network| Some(*network) != latest);
        Self(latest.into_iter().chain(others).take(MAX_KNOWN).collect())
    }
}

/// Returns whether an address, in canonical form, lies in one of these networks.
pub fn is_in(address: IpAddr, networks: &[IpNet]) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn networks(text: &str) -> Vec<String> {
        networks_of(address(text)).map(|network| network.to_string()).collect()
    }

    ///
    #[test]
    fn address_belongs_to_networks_of_growing_size() {
        assert_eq!(networks("192.0.2.7"), ["192.0.2.7/32", "192.0.2.0/24"]);
        let expected = ["2001:db8:1:2345::/64", "2001:db8:1:2300::/56", "2001:db8:1::/48"];
        assert_eq!(networks("2001:db8:1:2345:6:7:8:9"), expected);
    }

    ///
    #[test]
    fn known_networks_keep_the_latest_eight_and_survive_storage() {
        let mut known = KnownNetworks::from_text("203.0.113.5");
        assert!(known.contain(address("203.0.113.5")) && !known.contain(address("203.0.113.6")));
        for subnet in 1..=7 {
            known = known.with(address(&format!("2001:db8:0:{subnet}::1")));
        }
        known = known.with(address("203.0.113.5"));
        assert_eq!(KnownNetworks::from_text(&known.to_text()), known);
        assert!(known.contain(address("2001:db8:0:1:2:3:4:5")), "eight are kept");
        known = known.with(address("198.51.100.1"));
        assert!(known.contain(address("203.0.113.5")) && !known.contain(address("2001:db8:0:1::1")));
        assert_eq!(KnownNetworks::from_text("").to_text(), "");
    }
}

//! Limits the share of one client network in the connections and memory of the process, so that it cannot use up all of them.
//!
//! Written by hand: the crates for rate limits (`governor`, `tower_governor`) count requests over time, not what is held now.

use super::budget::Budget;
use crate::domain::{
    ip_address::canonical,
    network::{is_in, network_of},
};
use ipnet::IpNet;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, Weak},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The maximum share of one network in the connections and in the memory of unfinished requests.
const SHARE: usize = 4;

/// The networks that have connections. One network is an IPv4 address or an IPv6 /64.
#[derive(Debug)]
pub(super) struct ClientNetworks {
    networks: Mutex<HashMap<IpNet, Weak<Network>>>,
    /// The trusted proxies. Their connections have no share, because they carry the requests of many clients.
    trusted: Vec<IpNet>,
    max_connections: usize,
    max_unfinished: usize,
}

/// The share of one network.
#[derive(Debug)]
struct Network {
    connections: Arc<Semaphore>,
    unfinished: Arc<Budget>,
}

/// The part of one connection in the share of its network; without a share if it is that of a trusted proxy.
#[derive(Debug)]
pub(super) struct Share(Option<(Arc<Network>, OwnedSemaphorePermit)>);

impl ClientNetworks {
    /// Divides these numbers of connections and bytes.
    pub(super) fn new(trusted: Vec<IpNet>, connections: usize, unfinished: usize) -> Self {
        let (max_connections, max_unfinished) = ((connections / SHARE).max(1), unfinished / SHARE);
        Self { networks: Mutex::default(), trusted, max_connections, max_unfinished }
    }

    /// Counts a connection; `None` if its network has reached its maximum.
    pub(super) fn admit(&self, peer: IpAddr) -> Option<Share> {
        let peer = canonical(peer);
        if is_in(peer, &self.trusted) {
            return Some(Share(None));
        }
        let network = self.network(network_of(peer)?);
        let connection = Arc::clone(&network.connections).try_acquire_owned().ok()?;
        Some(Share(Some((network, connection))))
    }

    fn network(&self, of: IpNet) -> Arc<Network> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = networks.get(&of).and_then(Weak::upgrade) {
            return known;
        }
        let new = Arc::new(Network {
            connections: Arc::new(Semaphore::new(self.max_connections)),
            unfinished: Budget::new(self.max_unfinished),
        });
        if networks.len() == networks.capacity() {
            networks.retain(|_, network| network.strong_count() > 0);
            // Room for as many again, so that this takes constant time per connection.
            let known = networks.len();
            networks.reserve(known + 1);
        }
        networks.insert(of, Arc::downgrade(&new));
        new
    }
}

impl Share {
    pub(super) const fn is_trusted(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the budget of the unfinished requests of the network.
    pub(super) fn unfinished(&self) -> Option<&Arc<Budget>> {
        self.0.as_ref().map(|(network, _)| &network.unfinished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks() -> ClientNetworks {
        ClientNetworks::new(vec!["10.0.0.0/8".parse().expect("a network")], 8, 800)
    }

    fn admit(networks: &ClientNetworks, peer: &str) -> Option<Share> {
        networks.admit(peer.parse().expect("an address"))
    }

    /// F-14
    #[test]
    fn one_network_has_a_quarter_of_the_connections() {
        let networks = networks();
        for (peers, other) in [
            (["192.0.2.7", "::ffff:192.0.2.7", "192.0.2.7"], "192.0.2.8"),
            (["2001:db8::1", "2001:db8::2:0:0:1", "2001:db8::3"], "2001:db8:0:1::1"),
        ] {
            let shares = peers.map(|peer| admit(&networks, peer));
            assert_eq!(shares.each_ref().map(Option::is_some), [true, true, false], "{peers:?}");
            assert!(admit(&networks, other).is_some(), "{other}");
            drop(shares);
            assert!(admit(&networks, peers[0]).is_some(), "its connections have ended");
        }
    }

    ///
    #[test]
    fn connections_of_one_network_share_a_quarter_of_the_memory() {
        let networks = networks();
        let shares = ["192.0.2.7", "192.0.2.7", "192.0.2.8"].map(|peer| admit(&networks, peer).expect("a share"));
        let [one, same, other] = shares.each_ref().map(|share| share.unfinished().expect("a budget"));
        let reserved = one.reserve(200).expect("room");
        assert!(same.reserve(1).is_none() && other.reserve(200).is_some());
        drop(reserved);
        assert!(same.reserve(200).is_some());
    }

    /// F-14
    #[test]
    fn trusted_proxy_has_no_share() {
        let networks = networks();
        for peer in ["10.1.2.3", "::ffff:10.1.2.3"] {
            let shares: Vec<_> = (0..9).map(|_| admit(&networks, peer).expect("a share")).collect();
            assert!(shares.iter().all(|share| share.is_trusted() && share.unfinished().is_none()));
        }
    }

    #[test]
    fn networks_without_connections_are_forgotten() {
        let networks = networks();
        let kept = admit(&networks, "192.0.2.1").expect("a share");
        for number in 0..10_000_u32 {
            drop(networks.admit(IpAddr::V4(number.into())));
        }
        let known = networks.networks.lock().expect("a lock");
        assert!(known.capacity() < 64, "{}", known.capacity());
        assert!(known.values().any(|network| network.strong_count() > 0));
        drop((known, kept));
    }
}

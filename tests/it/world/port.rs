//! Free ports for servers that start later or restart.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU32, Ordering},
};

/// Ports below those that the system assigns to connections and to listeners without a port, so that no other process takes
/// one before its server starts or while its server restarts.
const PORTS: std::ops::Range<u32> = 10_240..30_240;

/// Returns a local address without a listener, and no address twice in this process.
pub(crate) fn free() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Concurrent processes start far from each other.
    let first = std::process::id().wrapping_mul(7_919);
    let mut ports = (0..PORTS.len()).map(|_| {
        let step = first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % (PORTS.end - PORTS.start);
        SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(PORTS.start + step).expect("a port")))
    });
    ports.find(|address| TcpListener::bind(address).is_ok()).expect("a free port")
}

mod tests {
    use super::*;
    use std::{collections::HashSet, net::TcpStream};

    #[test]
    fn free_port_has_no_listener_and_is_returned_once() {
        let addresses: HashSet<_> = (0..100).map(|_| free()).collect();
        assert_eq!(addresses.len(), 100);
        assert!(addresses.iter().all(|address| PORTS.contains(&address.port().into())));
        assert!(addresses.iter().all(|address| TcpStream::connect(address).is_err()));
    }
}

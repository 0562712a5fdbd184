//! On which port will somebody listen later, or again?

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::atomic::{AtomicU32, Ordering},
};

/// Below the ports that a system gives to connections, and to listeners that name none: nobody else takes one of these
/// while nobody listens on it, nor while a server that a test ended is about to come back.
const PORTS: std::ops::Range<u32> = 10_240..30_240;

/// An address of this machine on which nobody listens, given to one caller of this process only.
pub(crate) fn free() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Processes that run side by side begin far from each other.
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
    fn nobody_listens_on_a_free_port_and_none_is_given_twice() {
        let given: HashSet<_> = (0..100).map(|_| free()).collect();
        assert_eq!(given.len(), 100);
        assert!(given.iter().all(|address| PORTS.contains(&address.port().into())));
        assert!(given.iter().all(|address| TcpStream::connect(address).is_err()));
    }
}

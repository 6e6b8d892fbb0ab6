//! How many connections each peer has.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

/// Counts connections by address. A network of 64 bits is one peer in IPv6: it is what one host is given.
#[derive(Debug)]
pub(super) struct Peers {
    most: Option<NonZeroUsize>,
    open: Open,
}

/// How many each has.
type Open = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// A connection that counts; no more once it is dropped.
#[derive(Debug)]
pub(super) struct OfPeer(Option<(IpAddr, Open)>);

impl Peers {
    /// At most so many a peer.
    pub(super) fn new(most: Option<NonZeroUsize>) -> Self {
        Self { most, open: Arc::default() }
    }

    /// One more connection of this peer, if it may have one. Who has no address is not counted: it comes
    /// over a Unix socket.
    pub(super) fn one_more(&self, peer: Option<IpAddr>) -> Option<OfPeer> {
        let (Some(most), Some(peer)) = (self.most, peer) else { return Some(OfPeer(None)) };
        let peer = network(peer);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(peer).or_default();
        if *count >= most.get() {
            return None;
        }
        *count += 1;
        drop(open);
        Some(OfPeer(Some((peer, Arc::clone(&self.open)))))
    }
}

impl Drop for OfPeer {
    fn drop(&mut self) {
        let Some((peer, open)) = self.0.take() else { return };
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&peer);
            }
        }
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::Peers;

    #[test]
    fn a_peer_has_so_many_connections_and_another_one_has_its_own() {
        let peers = Peers::new(NonZeroUsize::new(2));
        let one_more = |address: &str| peers.one_more(Some(address.parse().unwrap()));
        let (first, second) = (one_more("10.0.0.1"), one_more("10.0.0.1"));
        assert!(first.is_some() && second.is_some());
        assert!(one_more("10.0.0.1").is_none());
        assert!(one_more("10.0.0.2").is_some());
        drop(first);
        assert!(one_more("10.0.0.1").is_some(), "a closed connection frees its place");
        let _of_network = (one_more("2001:db8:1:2::1"), one_more("2001:db8:1:2:3::1"));
        assert!(one_more("2001:db8:1:2::9").is_none(), "one host has a network of 64 bits");
        assert!(one_more("2001:db8:1:3::9").is_some());
    }

    #[test]
    fn who_has_no_address_and_where_no_cap_is_nobody_is_counted() {
        let peers = Peers::new(NonZeroUsize::new(1));
        assert!((0..3).all(|_| peers.one_more(None).map(std::mem::forget).is_some()));
        let peers = Peers::new(None);
        let loopback = Some("127.0.0.1".parse().unwrap());
        assert!((0..3).all(|_| peers.one_more(loopback).map(std::mem::forget).is_some()));
        assert!(peers.open.lock().unwrap().is_empty());
    }

    #[test]
    fn addresses_that_left_leave_nothing_behind() {
        let peers = Peers::new(NonZeroUsize::new(1));
        for last in 0..=255_u8 {
            drop(peers.one_more(Some([10, 0, 0, last].into())));
        }
        assert!(peers.open.lock().unwrap().is_empty());
    }
}

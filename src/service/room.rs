//! Room for what waits for a peer: a request that has not come whole, an answer that is not taken.
//!
//! The waits of a connection say how long a peer may hang, not what it may make us hold meanwhile: on each of
//! its streams the largest request, of megabytes, all but its last byte, or the largest answer, unread. So what is
//! not small is counted. A connection has room for a few megabytes, or for one message alone however large it
//! may be; the large part of large messages has room in its listener as well. What finds none is refused, and
//! whoever takes its answers in time, and sends few large requests side by side, never sees that. Small messages, as nearly all are, are not counted.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::access::Plane;
use crate::model::limits::{
    HELD_BYTES_PER_CONNECTION_MAX, HELD_BYTES_PER_FEEDER_MAX, HELD_BYTES_PER_LISTENER_MAX,
    HELD_LARGE_BYTES, HELD_SMALL_BYTES,
};

/// What is held for all peers of a listener. Clones are one.
#[derive(Clone, Debug)]
pub(super) struct ListenerRoom {
    held: Arc<AtomicUsize>,
    per_connection_max: usize,
}

/// What is held for the peer of one connection. Clones are one.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    of_connection: AtomicUsize,
    of_listener: ListenerRoom,
}

/// A message that is held; its room is free again once it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    room: Room,
    bytes: usize,
}

/// That of lookups.
impl Default for ListenerRoom {
    fn default() -> Self {
        Self { held: Arc::default(), per_connection_max: HELD_BYTES_PER_CONNECTION_MAX }
    }
}

impl ListenerRoom {
    /// Of a listener of this kind.
    pub(super) fn of(plane: Plane) -> Self {
        let per_connection_max = match plane {
            Plane::Lookup | Plane::Shared => HELD_BYTES_PER_CONNECTION_MAX,
            Plane::Admin => HELD_BYTES_PER_FEEDER_MAX,
        };
        Self { per_connection_max, ..Self::default() }
    }

    /// That of a new connection.
    pub(super) fn connection(&self) -> Room {
        let of_listener = self.clone();
        Room(Arc::new(Inner { of_connection: AtomicUsize::new(0), of_listener }))
    }
}

impl Room {
    /// Room for a message of so many bytes: nothing to hold for a small one.
    ///
    /// # Errors
    /// There is none.
    pub(super) fn hold(&self, bytes: usize) -> Result<Option<Box<Held>>, NoRoom> {
        if bytes <= HELD_SMALL_BYTES {
            return Ok(None);
        }
        let mut held = Box::new(Held { room: self.clone(), bytes: 0 });
        held.grow(bytes)?;
        Ok(Some(held))
    }
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRoom;

impl Held {
    /// The message has so many bytes by now.
    ///
    /// # Errors
    /// There is no room for more of it; what it holds it goes on holding.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let (own, more) = (self.bytes, bytes.saturating_sub(self.bytes));
        let Inner { of_connection, of_listener } = &*self.room.0;
        let most = of_listener.per_connection_max;
        let is_alone = |held: usize| held == own;
        let fits = |held: usize| held + more <= most || is_alone(held);
        add(of_connection, more, fits)?;
        let more_large = large_part(own + more) - large_part(own);
        if more_large > 0 {
            let fits = |held: usize| held + more_large <= HELD_BYTES_PER_LISTENER_MAX;
            add(&of_listener.held, more_large, fits).inspect_err(|_| take(of_connection, more))?;
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Inner { of_connection, of_listener } = &*self.room.0;
        take(of_connection, self.bytes);
        take(&of_listener.held, large_part(self.bytes));
    }
}

/// What of a message its listener counts.
const fn large_part(bytes: usize) -> usize {
    bytes.saturating_sub(HELD_LARGE_BYTES)
}

fn add(count: &AtomicUsize, bytes: usize, fits: impl Fn(usize) -> bool) -> Result<(), NoRoom> {
    let sum = |held: usize| fits(held).then_some(held + bytes);
    count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).map(drop).map_err(|_| NoRoom)
}

fn take(count: &AtomicUsize, bytes: usize) {
    count.fetch_sub(bytes, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(room: &Room) -> (usize, usize) {
        let Inner { of_connection, of_listener } = &*room.0;
        (of_connection.load(Ordering::Relaxed), of_listener.held.load(Ordering::Relaxed))
    }

    #[test]
    fn small_messages_are_not_counted() {
        let room = ListenerRoom::default().connection();
        assert!(room.hold(HELD_SMALL_BYTES).unwrap().is_none());
        let held = room.hold(HELD_SMALL_BYTES + 1).unwrap();
        assert_eq!(counts(&room), (HELD_SMALL_BYTES + 1, 0));
        drop(held);
        assert_eq!(counts(&room), (0, 0));
    }

    #[test]
    fn a_connection_has_room_for_some_megabytes_or_for_one_message_alone() {
        let listener = ListenerRoom::default();
        let room = listener.connection();
        let half = HELD_BYTES_PER_CONNECTION_MAX / 2;
        let pair = [room.hold(half).unwrap(), room.hold(half).unwrap()];
        assert_eq!(room.hold(HELD_SMALL_BYTES + 1).unwrap_err(), NoRoom);
        // Another connection has its own.
        assert!(listener.connection().hold(half).is_ok());
        drop(pair);
        let mut alone = room.hold(HELD_BYTES_PER_CONNECTION_MAX * 3).unwrap().unwrap();
        alone.grow(HELD_BYTES_PER_CONNECTION_MAX * 4).unwrap();
        assert_eq!(room.hold(HELD_SMALL_BYTES + 1).unwrap_err(), NoRoom);
        drop(alone);
        assert_eq!(counts(&room), (0, 0));
    }

    #[test]
    fn a_feeder_has_room_for_many_batches_side_by_side() {
        let batch = 1 << 20;
        let at_once = |plane: Plane| {
            let room = ListenerRoom::of(plane).connection();
            let held = std::iter::from_fn(|| room.hold(batch).ok()).take(100).collect::<Vec<_>>();
            held.len()
        };
        assert_eq!(at_once(Plane::Admin), HELD_BYTES_PER_FEEDER_MAX / batch);
        assert_eq!(at_once(Plane::Lookup), HELD_BYTES_PER_CONNECTION_MAX / batch);
    }

    #[test]
    fn a_message_that_grows_is_alone_or_within_the_room_of_its_connection() {
        let room = ListenerRoom::default().connection();
        let mut first = room.hold(HELD_SMALL_BYTES + 1).unwrap().unwrap();
        let mut second = room.hold(HELD_SMALL_BYTES + 1).unwrap().unwrap();
        first.grow(HELD_BYTES_PER_CONNECTION_MAX / 2).unwrap();
        assert_eq!(second.grow(HELD_BYTES_PER_CONNECTION_MAX / 2 + 1), Err(NoRoom));
        assert_eq!(counts(&room).0, HELD_BYTES_PER_CONNECTION_MAX / 2 + HELD_SMALL_BYTES + 1);
        drop(first);
        second.grow(HELD_BYTES_PER_CONNECTION_MAX * 2).unwrap();
        // It never shrinks.
        second.grow(1).unwrap();
        assert_eq!(counts(&room).0, HELD_BYTES_PER_CONNECTION_MAX * 2);
    }

    #[test]
    fn large_messages_share_the_room_of_their_listener_and_others_do_not_need_it() {
        let listener = ListenerRoom::default();
        let size = 32 << 20;
        let hold = || {
            let room = listener.connection();
            room.hold(size).map(|held| (room, held))
        };
        let all = std::iter::from_fn(|| hold().ok()).collect::<Vec<_>>();
        assert_eq!(all.len(), HELD_BYTES_PER_LISTENER_MAX / (size - HELD_LARGE_BYTES));
        let room = listener.connection();
        assert_eq!(room.hold(size).unwrap_err(), NoRoom);
        assert_eq!(counts(&room).0, 0, "what was refused holds nothing");
        assert!(room.hold(HELD_LARGE_BYTES).unwrap().is_some());
        drop(all);
        assert!(room.hold(size).unwrap().is_some());
        assert_eq!(counts(&room), (0, 0));
    }
}

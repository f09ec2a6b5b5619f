//! Who is connected, what each may do, and how much waits for it.

use crate::{access::Access, config::Queue, pace::Pace};
use rmqtt::types::Id;
use std::{
    collections::HashMap,
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// One client that has logged in.
#[derive(Debug)]
pub(crate) struct Guest {
    id: Id,
    pub(crate) name: String,
    pub(crate) access: Access,
    pub(crate) pace: Option<Pace>,
    queue: Queue,
    waiting_messages: AtomicUsize,
    waiting_bytes: AtomicUsize,
    told: AtomicBool,
}

impl Guest {
    pub(crate) fn new(id: Id, name: String, access: Access, pace: Option<Pace>, queue: Queue) -> Self {
        let [waiting_messages, waiting_bytes] = Default::default();
        Self { id, name, access, pace, queue, waiting_messages, waiting_bytes, told: AtomicBool::new(false) }
    }

    /// Notes a message that is about to wait for this client; refuses it if there is no room.
    pub(crate) fn admit(&self, bytes: usize) -> bool {
        let messages = self.waiting_messages.fetch_add(1, Ordering::Relaxed);
        let held = self.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = messages < self.queue.messages && (held == 0 || held + bytes <= self.queue.bytes);
        if !fits {
            self.release(bytes);
        }
        fits
    }

    /// Notes a message that no longer waits. One that was taken over from an earlier session was never noted here.
    pub(crate) fn release(&self, bytes: usize) {
        let less = |by: usize| move |held: usize| Some(held.saturating_sub(by));
        let _ = self.waiting_messages.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less(1));
        let _ = self.waiting_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less(bytes));
    }

    /// Tells whether this client's first mishap may be logged; the further ones are only counted.
    pub(crate) fn first_mishap(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }
}

/// All clients that have logged in, by client id.
#[derive(Debug, Default)]
pub(crate) struct Guests(RwLock<HashMap<String, Arc<Guest>>>);

impl Guests {
    pub(crate) fn get(&self, client_id: &str) -> Option<Arc<Guest>> {
        self.0.read().expect(UNPOISONED).get(client_id).cloned()
    }

    pub(crate) fn enter(&self, guest: Guest) {
        self.0.write().expect(UNPOISONED).insert(guest.id.client_id.to_string(), Arc::new(guest));
    }

    /// Forgets the client of this connection, unless a later connection took its place.
    pub(crate) fn leave(&self, id: &Id) {
        let mut guests = self.0.write().expect(UNPOISONED);
        let same = guests.get(&*id.client_id).is_some_and(|guest| is_same(&guest.id, id));
        if same {
            guests.remove(&*id.client_id);
        }
    }

    /// Forgets clients that logged in before the moment `before` (ms) and have no session.
    pub(crate) fn sweep(&self, before: i64, has_session: impl Fn(&str) -> bool) {
        let mut guests = self.0.write().expect(UNPOISONED);
        guests.retain(|client_id, guest| guest.id.create_time >= before || has_session(client_id));
    }
}

/// An id equals that of a later connection from the same port, but for the moment it was made.
fn is_same(one: &Id, other: &Id) -> bool {
    one == other && one.create_time == other.create_time
}

const UNPOISONED: &str = "no code that can panic runs under this lock";

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(queue: Queue) -> Guest {
        Guest::new(Id::new(1, 0, None, None, "roof".into(), None), "roof".to_owned(), Access::Viewer, None, queue)
    }

    #[test]
    fn a_reader_has_room_for_so_many_messages_and_bytes() {
        let guest = guest(Queue { messages: 2, bytes: 100 });
        assert!(guest.admit(10));
        assert!(!guest.admit(91), "too many bytes");
        assert!(guest.admit(90));
        assert!(!guest.admit(0), "too many messages");
        guest.release(10);
        assert!(guest.admit(10));
    }

    #[test]
    fn a_message_larger_than_the_queue_passes_when_nothing_waits() {
        let guest = guest(Queue { messages: 10, bytes: 100 });
        assert!(guest.admit(1000));
        assert!(!guest.admit(1));
    }

    #[test]
    fn an_old_connection_does_not_take_its_successor_along() {
        let guests = Guests::default();
        guests.enter(guest(Queue { messages: 1, bytes: 1 }));
        let old = Id::new(1, 0, None, None, "roof".into(), Some("somebody".into()));
        guests.leave(&old);
        assert!(guests.get("roof").is_some());
    }
}

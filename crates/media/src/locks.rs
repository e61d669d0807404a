use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};

use crate::Key;

/// Keys share this many locks.
const LOCKS: usize = 64;

/// One writer at a time for each key. Without it, sealing a picture anew could bring one back that was
/// deleted between its reading and its writing.
///
/// Whoever holds one lock asks for no second one, and all are taken in order, so nobody waits in a circle.
#[derive(Debug)]
pub(crate) struct KeyLocks {
    hasher: RandomState,
    locks: [Mutex<()>; LOCKS],
}

impl Default for KeyLocks {
    fn default() -> Self {
        Self { hasher: RandomState::new(), locks: std::array::from_fn(|_| Mutex::new(())) }
    }
}

impl KeyLocks {
    pub(crate) async fn one(&self, key: &Key) -> MutexGuard<'_, ()> {
        self.locks[self.hasher.hash_one(key) as usize % LOCKS].lock().await
    }

    pub(crate) async fn all(&self) -> Vec<MutexGuard<'_, ()>> {
        let mut held = Vec::with_capacity(LOCKS);
        for lock in &self.locks {
            held.push(lock.lock().await);
        }
        held
    }
}

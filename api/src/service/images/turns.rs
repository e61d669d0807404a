//! One at a time for each key, and nobody waits for another key.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// Whose turn it is, for each key. A key that nobody holds or waits for takes no memory for long.
pub(super) struct Turns<K>(Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Turns<K> {
    /// Waits until nobody else has the turn of this key; what is returned keeps it until it is dropped.
    pub async fn of(&self, key: K) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let known = turns.get(&key).and_then(Weak::upgrade);
            known.unwrap_or_else(|| {
                let turn = Arc::default();
                turns.insert(key, Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn whoever_waits_in_one_hotel_keeps_no_other_waiting() {
        let turns = Turns::default();
        let first = turns.of("h1").now_or_never();
        assert!(first.is_some(), "the first one waits");
        assert!(turns.of("h1").now_or_never().is_none(), "two have one turn");
        let other = turns.of("h2").now_or_never();
        assert!(other.is_some(), "another hotel waits");
        drop(first);
        assert!(turns.of("h1").now_or_never().is_some(), "the turn never comes");
        drop(other);
        let _third = turns.of("h3").now_or_never();
        assert_eq!(turns.0.lock().unwrap().len(), 1, "keys that nobody holds are kept");
    }
}

//! Values that are dear to compute, kept up to a weight; those not asked for the longest go first.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

struct Entry<V> {
    value: V,
    bytes: usize,
    /// When it was last asked for, in calls.
    used: u64,
}

struct Kept<K, V> {
    entries: HashMap<K, Entry<V>>,
    bytes: usize,
    calls: u64,
}

/// A bounded memory of values by key. Values are cheap to clone.
pub(crate) struct WeightedCache<K, V> {
    most: usize,
    kept: Mutex<Kept<K, V>>,
}

impl<K: Eq + Hash + Clone, V: Clone> WeightedCache<K, V> {
    /// One that holds at most so many bytes; nothing when that is zero.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Mutex::new(Kept { entries: HashMap::new(), bytes: 0, calls: 0 }) }
    }

    fn lock(&self) -> MutexGuard<'_, Kept<K, V>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, when it is still there.
    pub fn get(&self, key: &K) -> Option<V> {
        let mut kept = self.lock();
        kept.calls += 1;
        let now = kept.calls;
        let entry = kept.entries.get_mut(key)?;
        entry.used = now;
        Some(entry.value.clone())
    }

    /// Keeps a value of so many bytes, unless it alone is too heavy.
    pub fn put(&self, key: K, value: V, bytes: usize) {
        let mut kept = self.lock();
        kept.forget(&key);
        if bytes > self.most {
            return;
        }
        kept.calls += 1;
        let used = kept.calls;
        kept.bytes += bytes;
        kept.entries.insert(key, Entry { value, bytes, used });
        while kept.bytes > self.most {
            let oldest = kept.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { return };
            kept.forget(&oldest);
        }
    }

    /// Forgets one value.
    pub fn remove(&self, key: &K) {
        self.lock().forget(key);
    }
}

impl<K: Eq + Hash, V> Kept<K, V> {
    fn forget(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_asked_for_the_longest_goes_first_and_the_weight_stays_below_the_limit() {
        let cache = WeightedCache::new(10);
        cache.put("a", 1, 4);
        cache.put("b", 2, 4);
        assert_eq!(cache.get(&"a"), Some(1));
        cache.put("c", 3, 4);
        assert_eq!((cache.get(&"a"), cache.get(&"b"), cache.get(&"c")), (Some(1), None, Some(3)));
        // Replaced, not counted twice.
        cache.put("a", 5, 6);
        assert_eq!((cache.get(&"a"), cache.get(&"c")), (Some(5), Some(3)));
        cache.put("heavy", 6, 11);
        assert_eq!((cache.get(&"heavy"), cache.get(&"a")), (None, Some(5)));
        cache.remove(&"a");
        assert_eq!(cache.lock().bytes, 4);
    }
}

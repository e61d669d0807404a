//! Splits that keep a group whole.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// Sixteen hexadecimal digits that stand for a group of a source, or for a picture, so that a head can say what it was
/// trained on without naming it.
pub(crate) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex::encode(&hash.finalize()[..8])
}

/// Fold of each item, 0 to `folds` - 1: a group lies in one fold, and each fold gets its share of both answers.
///
/// Groups are shuffled, the large ones go first, and each goes to the fold that has least of what the group brings.
/// `items` are (group, answer); the same `rng` state gives the same folds.
pub fn grouped_folds(items: &[(&str, bool)], folds: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut groups: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (group, answer) in items {
        groups.entry(group).or_default()[usize::from(*answer)] += 1;
    }
    let mut order: Vec<(&str, [usize; 2])> = groups.into_iter().collect();
    order.shuffle(rng);
    // Stable: groups of one size stay shuffled.
    order.sort_by_key(|(_, count)| std::cmp::Reverse(count[0] + count[1]));
    let mut filled = vec![[0usize; 2]; folds.max(1)];
    let mut place: BTreeMap<&str, usize> = BTreeMap::new();
    for (group, count) in order {
        let mostly = usize::from(count[1] >= count[0]);
        let best = (0..filled.len())
            .min_by_key(|&f| (filled[f][mostly], filled[f][0] + filled[f][1]))
            .unwrap_or_default();
        filled[best][0] += count[0];
        filled[best][1] += count[1];
        place.insert(group, best);
    }
    items.iter().map(|(group, _)| place.get(group).copied().unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    proptest! {
        #[test]
        fn no_group_stands_on_both_sides(items in prop::collection::vec((0u8..12, any::<bool>()), 1..80), folds in 2usize..6, seed in any::<u64>()) {
            let names: Vec<(String, bool)> = items.iter().map(|(g, a)| (format!("room {g}"), *a)).collect();
            let items: Vec<(&str, bool)> = names.iter().map(|(g, a)| (g.as_str(), *a)).collect();
            let placed = grouped_folds(&items, folds, &mut ChaCha8Rng::seed_from_u64(seed));
            let mut seen = BTreeMap::new();
            for ((group, _), fold) in items.iter().zip(&placed) {
                prop_assert!(*fold < folds);
                prop_assert_eq!(*seen.entry(*group).or_insert(*fold), *fold);
            }
            prop_assert_eq!(placed, grouped_folds(&items, folds, &mut ChaCha8Rng::seed_from_u64(seed)));
        }

        #[test]
        fn single_pictures_are_spread_so_that_every_fold_sees_both_answers(positives in 5usize..30, negatives in 5usize..30, seed in any::<u64>()) {
            let names: Vec<String> = (0..positives + negatives).map(|i| i.to_string()).collect();
            let items: Vec<(&str, bool)> = names.iter().enumerate().map(|(i, n)| (n.as_str(), i < positives)).collect();
            let placed = grouped_folds(&items, 5, &mut ChaCha8Rng::seed_from_u64(seed));
            for fold in 0..5 {
                for answer in [false, true] {
                    prop_assert!(items.iter().zip(&placed).any(|(i, f)| *f == fold && i.1 == answer));
                }
            }
        }
    }
}

//! From scores to a short list: variety, a little chance, and the probability of every choice.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// How a list is put together.
pub(crate) struct Policy {
    /// Weight of variety against score, 0 to 1 (MMR, Carbonell and Goldstein 1998).
    pub diversity: f64,
    /// Chance that a place is given by lot, 0 to 1.
    pub exploration: f64,
    /// Entries on the list.
    pub length: usize,
}

/// Entries that compete for a list: enough for variety, few enough that a lot stays plausible.
pub(crate) fn pool(length: usize, candidates: usize) -> usize {
    length.saturating_mul(3).max(length.saturating_add(10)).min(candidates)
}

/// A list that grows place by place.
pub(crate) struct Slate<'a> {
    policy: &'a Policy,
    /// Score over the best score, by place in the pool.
    relevance: Vec<f64>,
    alike: &'a dyn Fn(usize, usize) -> f64,
    left: Vec<usize>,
    /// Likeness to the nearest chosen entry, by place in the pool.
    nearest: Vec<f64>,
}

impl<'a> Slate<'a> {
    /// `scores` of the pool, the best first, each above 0; `alike` takes places in the pool.
    pub fn new(policy: &'a Policy, scores: &[f64], alike: &'a dyn Fn(usize, usize) -> f64) -> Self {
        let top = scores.first().copied().filter(|score| *score > 0.0).unwrap_or(1.0);
        Self {
            policy,
            relevance: scores.iter().map(|score| score / top).collect(),
            alike,
            left: (0..scores.len()).collect(),
            nearest: vec![0.0; scores.len()],
        }
    }

    fn greedy(&self) -> Option<usize> {
        let worth = |place: usize| {
            (1.0 - self.policy.diversity) * self.relevance.get(place).copied().unwrap_or(0.0)
                - self.policy.diversity * self.nearest.get(place).copied().unwrap_or(0.0)
        };
        self.left.iter().copied().max_by(|a, b| worth(*a).total_cmp(&worth(*b)).then(b.cmp(a)))
    }

    /// The probability that the next place goes to `place`, given what stands above it.
    pub fn propensity(&self, place: usize) -> f64 {
        if !self.left.contains(&place) {
            return 0.0;
        }
        let by_lot = self.policy.exploration / self.left.len() as f64;
        if self.greedy() == Some(place) { 1.0 - self.policy.exploration + by_lot } else { by_lot }
    }

    /// Gives the next place to `place`.
    pub fn take(&mut self, place: usize) {
        self.left.retain(|other| *other != place);
        if self.policy.diversity > 0.0 {
            for other in &self.left {
                if let Some(nearest) = self.nearest.get_mut(*other) {
                    *nearest = nearest.max((self.alike)(place, *other));
                }
            }
        }
    }

    /// Draws the whole list: places in the pool with the probability of each, given those above it.
    pub fn draw(mut self, rng: &mut ChaCha8Rng) -> Vec<(usize, f64)> {
        let mut list = Vec::new();
        while list.len() < self.policy.length {
            let Some(best) = self.greedy() else { break };
            let lot = rng.random::<f64>() < self.policy.exploration;
            let place = if lot { self.left[rng.random_range(0..self.left.len())] } else { best };
            list.push((place, self.propensity(place)));
            self.take(place);
        }
        list
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn variety_keeps_two_of_a_kind_apart() {
        // The first two are the same thing; the third is a little worse and different.
        let alike = |a: usize, b: usize| if a.max(b) < 2 { 1.0 } else { 0.0 };
        let list = |diversity| {
            let policy = Policy { diversity, exploration: 0.0, length: 2 };
            let drawn = Slate::new(&policy, &[0.9, 0.8, 0.7], &alike).draw(&mut ChaCha8Rng::seed_from_u64(1));
            drawn.into_iter().map(|(place, _)| place).collect::<Vec<_>>()
        };
        assert_eq!(list(0.0), [0, 1]);
        assert_eq!(list(0.3), [0, 2]);
    }

    #[test]
    fn the_stated_probability_is_the_one_with_which_lists_are_drawn() {
        let alike = |_: usize, _: usize| 0.0;
        let policy = Policy { diversity: 0.0, exploration: 0.4, length: 2 };
        let mut counts = std::collections::BTreeMap::<(usize, usize), (f64, f64)>::new();
        let draws = 20_000;
        for seed in 0..draws {
            let drawn =
                Slate::new(&policy, &[0.9, 0.5, 0.2], &alike).draw(&mut ChaCha8Rng::seed_from_u64(seed));
            let slot = counts.entry((drawn[0].0, drawn[1].0)).or_default();
            slot.0 += 1.0;
            slot.1 = drawn[0].1 * drawn[1].1;
        }
        assert_eq!(counts.len(), 6);
        let stated: f64 = counts.values().map(|(_, stated)| stated).sum();
        assert!((stated - 1.0).abs() < 1e-12, "the probabilities of all lists add up to {stated}");
        for (list, (count, stated)) in counts {
            let seen = count / draws as f64;
            let noise = (stated * (1.0 - stated) / draws as f64).sqrt();
            assert!((seen - stated).abs() < 5.0 * noise, "{list:?}: seen {seen}, stated {stated}");
        }
    }

    #[test]
    fn a_list_ends_with_its_pool() {
        let alike = |_: usize, _: usize| 0.0;
        let policy = Policy { diversity: 0.2, exploration: 1.0, length: usize::MAX };
        let drawn = Slate::new(&policy, &[0.5, 0.4], &alike).draw(&mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(drawn.len(), 2);
        assert!((drawn[1].1 - 1.0).abs() < 1e-12, "the last entry is certain");
        assert!(Slate::new(&policy, &[], &alike).draw(&mut ChaCha8Rng::seed_from_u64(3)).is_empty());
        assert_eq!(pool(usize::MAX, 7), 7);
    }
}

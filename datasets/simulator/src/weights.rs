use rand::Rng;

/// A choice among weights.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Running sums; the last is the sum of all.
    upto: Vec<f64>,
}

impl Weights {
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let upto = weights
            .into_iter()
            .map(|weight| {
                sum += weight;
                sum
            })
            .collect();
        Self { upto }
    }

    /// The sum of the weights.
    pub fn sum(&self) -> f64 {
        self.upto.last().copied().unwrap_or(0.0)
    }

    /// The share of an index, 0 to 1.
    pub fn share(&self, index: usize) -> f64 {
        let upto = |index: usize| self.upto.get(index).copied().unwrap_or(0.0);
        let before = if index == 0 { 0.0 } else { upto(index - 1) };
        (upto(index) - before) / self.sum()
    }

    /// An index, by chance; 0 where there are no weights.
    pub fn pick(&self, random: &mut impl Rng) -> usize {
        if self.upto.len() < 2 {
            return 0;
        }
        let at = random.random::<f64>() * self.sum();
        self.upto.partition_point(|upto| *upto <= at).min(self.upto.len() - 1)
    }

    /// Refills the weights in place.
    pub fn refill(&mut self, weights: impl IntoIterator<Item = f64>) {
        let mut sum = 0.0;
        self.upto.clear();
        self.upto.extend(weights.into_iter().map(|weight| {
            sum += weight;
            sum
        }));
    }
}

//! Value over a horizon, with an interval.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Beta, Distribution, Exp1, Gamma, Poisson, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::history::{History, TimeUnit};
use crate::maximum::cholesky;
use crate::spend::{FittedSpend, GammaGamma};
use crate::transactions::{Alive, BgNbd, Fitted};

/// Longest horizon, in months: a century.
pub const MOST_MONTHS: u16 = 1_200;

/// Fewest and most simulated futures.
const DRAWS: std::ops::RangeInclusive<u32> = 100..=100_000;
/// Parameters that are drawn for the futures of all guests.
const PARAMETERS: usize = 200;
/// Expected purchases in the horizon above which months are drawn, not gaps.
const MANY: f64 = 200.0;

/// What is asked of a value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// Horizon in months, 1 to [`MOST_MONTHS`].
    pub months: u16,
    /// What money loses in a year, 0 to 10: .1 is ten percent. Purchases count at the end of their month.
    pub annual_discount: f64,
    /// Share of the amounts that is worth something, above 0 to 1; 1 counts amounts as they are.
    pub margin: f64,
    /// What the times of the histories are counted in.
    pub unit: TimeUnit,
    /// Probability that the interval shall hold, 0.5 to 0.99.
    pub level: f64,
    /// Simulated futures a guest, 100 to 100,000.
    pub draws: u32,
    /// Seed of the simulation. A guest's interval depends on it and on its own history, not on other guests.
    pub seed: u64,
}

impl Terms {
    /// A horizon of so many months of histories in `unit`: ten percent a year, amounts as they are, an interval of 80 % from
    /// 1,000 futures.
    pub fn months(months: u16, unit: TimeUnit) -> Self {
        Self { months, annual_discount: 0.1, margin: 1.0, unit, level: 0.8, draws: 1_000, seed: 0 }
    }

    fn check(&self) -> Result<(), ValueError> {
        let within = |what, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(ValueError::Term { what, value, low, high })
            }
        };
        within("months", f64::from(self.months), 1.0, f64::from(MOST_MONTHS))?;
        within("annual_discount", self.annual_discount, 0.0, 10.0)?;
        within("margin", self.margin, 1e-9, 1.0)?;
        within("level", self.level, 0.5, 0.99)?;
        within("draws", f64::from(self.draws), f64::from(*DRAWS.start()), f64::from(*DRAWS.end()))
    }
}

/// What a guest will be worth within the horizon.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LifetimeValue {
    /// Discounted value that is expected, in the currency of the amounts.
    pub expected: f64,
    /// Lower bound of the value that the guest will bring; often 0, since many never return.
    pub lower: f64,
    /// Upper bound of it.
    pub upper: f64,
    /// Probability that the interval claims to hold.
    pub level: f64,
    /// Transactions expected within the horizon.
    pub expected_transactions: f64,
    /// Mean amount expected of them.
    pub expected_amount: f64,
    /// Probability that the guest will buy again at all: [`BgNbd::probability_alive`].
    pub probability_alive: f64,
    /// Probability of at least one transaction within the horizon: [`BgNbd::retention`].
    pub retention: f64,
    /// Whether the interval holds the uncertainty of the parameters, too: false where a fit has no covariance.
    pub parameters_included: bool,
}

/// Computes values on the same terms for one guest after the other.
///
/// The interval is that of the value which the guest will bring, not of its mean. It holds, by simulation: whether the guest
/// is still one, its own rate of purchases, its own probability to leave and its own amounts, each given its history; then the
/// purchases themselves, their months and amounts; and the uncertainty of the parameters, as a normal distribution of their
/// logarithms with the covariance of the fit. It does not hold a change of the world, nor that the model may be wrong.
#[derive(Debug, Clone)]
pub struct Valuer {
    transactions: BgNbd,
    spend: GammaGamma,
    drawn: Vec<(BgNbd, GammaGamma)>,
    parameters_included: bool,
    /// What money at the end of each month is worth now.
    discounts: Vec<f64>,
    terms: Terms,
}

impl Valuer {
    /// Values by two fitted models.
    ///
    /// # Errors
    /// [`ValueError::Term`] where a term is outside of its range.
    pub fn new(transactions: &Fitted, spend: &FittedSpend, terms: Terms) -> Result<Self, ValueError> {
        terms.check()?;
        let mut random = ChaCha8Rng::seed_from_u64(terms.seed);
        let factors = |covariance: Option<[[f64; 4]; 4]>| covariance.and_then(|c| factor(&c));
        let small = |covariance: Option<[[f64; 3]; 3]>| covariance.and_then(|c| factor(&c));
        let (by_time, by_amount) = (factors(transactions.log_covariance), small(spend.log_covariance));
        let parameters_included = by_time.is_some() && by_amount.is_some();
        let mut drawn = Vec::new();
        if parameters_included {
            for _ in 0..PARAMETERS {
                let BgNbd { r, alpha, a, b } = transactions.model;
                let [r, alpha, a, b] = moved([r, alpha, a, b], by_time, &mut random);
                let GammaGamma { p, q, v } = spend.model;
                let [p, q, v] = moved([p, q, v], by_amount, &mut random);
                drawn.push((BgNbd { r, alpha, a, b }, GammaGamma { p, q, v }));
            }
        } else {
            drawn.push((transactions.model, spend.model));
        }
        let base = 1.0 + terms.annual_discount;
        let discounts = (1..=terms.months).map(|month| base.powf(-f64::from(month) / 12.0)).collect();
        let (transactions, spend) = (transactions.model, spend.model);
        Ok(Self { transactions, spend, drawn, parameters_included, discounts, terms })
    }

    /// The value of one guest.
    ///
    /// # Errors
    /// [`ValueError::NoMean`] where the spend model has no finite mean for the guest.
    pub fn value(&self, history: &History) -> Result<LifetimeValue, ValueError> {
        let Terms { months, margin, level, .. } = self.terms;
        let expected_amount =
            self.spend.expected_value(history).ok_or(ValueError::NoMean { q: self.spend.q })?;
        let probability_alive = self.transactions.probability_alive(history);
        let alive = Alive::new(self.transactions, history);
        let (mut before, mut discounted) = (0.0, 0.0);
        for (month, discount) in (1..=months).zip(&self.discounts) {
            let until = probability_alive * alive.expected(self.time(month));
            discounted += (until - before) * discount;
            before = until;
        }
        let mut futures = self.futures(history);
        futures.sort_by(f64::total_cmp);
        let last = futures.len().saturating_sub(1);
        let place = |share: f64| share * last as f64;
        let at = |place: f64| futures.get((place as usize).min(last)).copied().unwrap_or_default();
        let tail = (1.0 - level) / 2.0;
        Ok(LifetimeValue {
            expected: discounted * expected_amount * margin,
            lower: at(place(tail).floor()),
            upper: at(place(1.0 - tail).ceil()),
            level,
            expected_transactions: before,
            expected_amount,
            probability_alive,
            retention: self.transactions.retention(history, self.time(months)),
            parameters_included: self.parameters_included,
        })
    }

    /// End of a month, in the unit of the histories.
    fn time(&self, month: u16) -> f64 {
        f64::from(month) * TimeUnit::Month.days() / self.terms.unit.days()
    }

    /// Simulated values within the horizon.
    fn futures(&self, history: &History) -> Vec<f64> {
        let mut random = ChaCha8Rng::seed_from_u64(self.terms.seed);
        random.set_stream(stream(history));
        let draws = self.drawn.iter().cycle().take(self.terms.draws as usize);
        draws.map(|(transactions, spend)| self.future(transactions, spend, history, &mut random)).collect()
    }

    fn future(
        &self,
        transactions: &BgNbd,
        spend: &GammaGamma,
        history: &History,
        random: &mut ChaCha8Rng,
    ) -> f64 {
        if random.random::<f64>() >= transactions.probability_alive(history) {
            return 0.0;
        }
        let x = f64::from(history.frequency());
        let rate = gamma(transactions.r + x, transactions.alpha + history.age(), random);
        let mut left = purchases_until_leaving(transactions.a, transactions.b + x, random);
        let horizon = self.time(self.terms.months);
        let (shape, inverse) = spend.given(history);
        // Most guests do not return: their amounts need not be drawn.
        let mut own = None;
        let mut worth = |purchases: f64, month: u16, random: &mut ChaCha8Rng| {
            let own = *own.get_or_insert_with(|| gamma(shape, inverse, random));
            gamma(spend.p * purchases, own, random) * self.discounts[usize::from(month) - 1]
        };
        let mut value = 0.0;
        if rate * horizon <= MANY {
            // Purchases of the same month are worth one draw.
            let (mut time, mut month, mut purchases) = (0.0, 1, 0.0);
            while left >= 1.0 {
                let gap: f64 = Exp1.sample(random);
                time += gap / rate;
                if time.is_nan() || time >= horizon {
                    break;
                }
                let now = ((time / self.time(1)) as u16 + 1).min(self.terms.months);
                if now > month && purchases > 0.0 {
                    value += worth(purchases, month, random);
                    purchases = 0.0;
                }
                month = now;
                purchases += 1.0;
                left -= 1.0;
            }
            if purchases > 0.0 {
                value += worth(purchases, month, random);
            }
        } else {
            for month in 1..=self.terms.months {
                let drawn = Poisson::new(rate * self.time(1)).map_or(0.0, |counts| counts.sample(random));
                let purchases = drawn.min(left);
                if purchases > 0.0 {
                    value += worth(purchases, month, random);
                }
                left -= purchases;
                if left < 1.0 {
                    break;
                }
            }
        }
        value * self.terms.margin
    }
}

/// Purchases that a guest still makes if the horizon has no end, the last one included; at least 1.
fn purchases_until_leaving(a: f64, b: f64, random: &mut ChaCha8Rng) -> f64 {
    if a <= 0.0 {
        return f64::INFINITY;
    }
    let p: f64 = Beta::new(a, b).map_or(0.0, |leaving| leaving.sample(random));
    // Tiny parameters may leave the sampler with 0 / 0.
    if p.is_nan() || p <= 0.0 {
        return f64::INFINITY;
    }
    let chance: f64 = 1.0 - random.random::<f64>();
    if p >= 1.0 { 1.0 } else { (chance.ln() / (-p).ln_1p()).ceil().max(1.0) }
}

/// A gamma variable of a shape and an inverse scale.
fn gamma(shape: f64, inverse: f64, random: &mut ChaCha8Rng) -> f64 {
    Gamma::new(shape, 1.0 / inverse).map_or(0.0, |gamma| gamma.sample(random))
}

/// The lower triangle of a covariance; rows of what is fixed are 0.
fn factor<const N: usize>(covariance: &[[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let fixed: [bool; N] = std::array::from_fn(|i| covariance[i][i] == 0.0);
    let mut whole = *covariance;
    for i in 0..N {
        if fixed[i] {
            whole[i][i] = 1.0;
        }
    }
    let mut lower = cholesky(&whole)?;
    for i in 0..N {
        if fixed[i] {
            lower[i] = [0.0; N];
        }
    }
    Some(lower)
}

/// Parameters whose logarithms moved at random.
fn moved<const N: usize>(
    parameters: [f64; N],
    lower: Option<[[f64; N]; N]>,
    random: &mut ChaCha8Rng,
) -> [f64; N] {
    let Some(lower) = lower else { return parameters };
    let normal: [f64; N] = std::array::from_fn(|_| StandardNormal.sample(random));
    std::array::from_fn(|i| {
        let by: f64 = lower[i].iter().zip(&normal).map(|(factor, normal)| factor * normal).sum();
        // A flat likelihood may reach beyond what the samplers take.
        parameters[i] * by.clamp(-20.0, 20.0).exp()
    })
}

/// The same for the same history (FNV-1a).
fn stream(history: &History) -> u64 {
    let spend = history.spend().unwrap_or(-1.0);
    let words = [
        u64::from(history.frequency()),
        history.recency().to_bits(),
        history.age().to_bits(),
        spend.to_bits(),
    ];
    let bytes = words.into_iter().flat_map(u64::to_le_bytes);
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Why there is no value.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ValueError {
    /// A term outside of its range.
    #[error("{what} of {value} is not {low} to {high}")]
    Term {
        /// Its name in [`Terms`].
        what: &'static str,
        /// Its value.
        value: f64,
        /// The least.
        low: f64,
        /// The most.
        high: f64,
    },
    /// The amounts are spread so widely that the guest's have no mean.
    #[error("amounts with q = {q} have no finite mean for a guest without enough purchases")]
    NoMean {
        /// The parameter.
        q: f64,
    },
}

//! Policies measured on a scenario: exactly, for what each of them knows.

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::{Demand, PricePolicy, RuleOfThumb, Sale, SaleError, Scenario, best_fixed_price, solve, worth};
use crate::learn::{LearnError, Learnt, Shape, learn, learn_among};

/// Why a scenario could not be evaluated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EvaluationError {
    /// What is sold is wrong.
    #[error(transparent)]
    Sale(#[from] SaleError),
    /// Nothing could be learnt from the past of a seed.
    #[error("seed {seed}: {error}")]
    Learn {
        /// The seed.
        seed: u64,
        /// Why.
        error: LearnError,
    },
    /// No seed was asked for.
    #[error("at least one seed is needed")]
    NoSeeds,
    /// Nothing can be earned, so that there are no shares of it.
    #[error("the best policy earns {0}; shares of that say nothing")]
    NothingToEarn(f64),
}

/// What a policy brings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyFigures {
    /// Expected profit as a share of the optimum's; of a policy that learns, the mean over the seeds.
    pub share_of_optimum: f64,
    /// The same for its worst seed; for a policy that learns nothing, the same number.
    pub worst_seed_share: f64,
    /// Expected profit, the mean over the seeds.
    pub profit: f64,
    /// One share a seed; empty for a policy that learns nothing.
    pub shares: Vec<f64>,
    /// What the policy does.
    pub words: String,
}

/// What policies bring in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluated {
    /// Name of the scenario.
    pub scenario: String,
    /// Expected profit of the best policy there is when demand is known.
    pub optimum: f64,
    /// By policy: `known_demand`, `learned`, `log_linear`, `best_fixed_price`, `base_price`, `rule_of_thumb`.
    pub policies: BTreeMap<&'static str, PolicyFigures>,
    /// How often each shape weighed most in what was learnt.
    pub shapes: BTreeMap<String, usize>,
    /// Seeds that pasts were drawn from.
    pub seeds: Vec<u64>,
    /// Past dates of each seed.
    pub past_dates: u32,
}

/// What one seed's past taught.
struct Taught {
    ours: f64,
    log_linear: f64,
    shape: Option<Shape>,
}

/// Evaluates the policies. `done` is called after each seed.
///
/// Policies that learn see [`Scenario::past`] of each seed and nothing else of the demand.
///
/// # Errors
/// [`EvaluationError`].
pub fn evaluate(
    scenario: &Scenario,
    seeds: &[u64],
    done: &(dyn Fn() + Sync),
) -> Result<Evaluated, EvaluationError> {
    if seeds.is_empty() {
        return Err(EvaluationError::NoSeeds);
    }
    let sale = scenario.sale();
    let known = Known::new(scenario, &sale);
    let best = solve(&sale, &known)?;
    let optimum = worth(&sale, scenario, &best)?;
    if optimum.is_nan() || optimum <= 0.0 {
        return Err(EvaluationError::NothingToEarn(optimum));
    }
    let mut policies = BTreeMap::new();
    let mut tell = |name, shares: Vec<f64>, learns: bool, words: &str| {
        let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
        let figures = PolicyFigures {
            share_of_optimum: mean,
            worst_seed_share: shares.iter().copied().fold(f64::INFINITY, f64::min),
            profit: mean * optimum,
            shares: if learns { shares } else { Vec::new() },
            words: words.to_owned(),
        };
        policies.insert(name, figures);
    };
    let share = |policy: &dyn PricePolicy| Ok::<_, SaleError>(worth(&sale, &known, policy)? / optimum);
    tell("known_demand", vec![share(&best)?], false, "dynamic program, demand known");
    let fixed = best_fixed_price(&sale, &known)?;
    let words = format!("the best single price, {}, demand known", fixed.policy.0);
    tell("best_fixed_price", vec![fixed.worth / optimum], false, &words);
    let base = super::FixedPrice(scenario.base_price);
    tell("base_price", vec![share(&base)?], false, "the price asked by habit");
    let thumb = RuleOfThumb { base: scenario.base_price, rooms: sale.rooms, step: scenario.grid.step };
    tell("rule_of_thumb", vec![share(&thumb)?], false, "dearer the fuller, cheaper at the end where empty");
    let taught = on_all_cores(seeds, |seed| {
        let taught = teach(scenario, &sale, &known, optimum, seed);
        done();
        taught
    })?;
    let of = |read: fn(&Taught) -> f64| taught.iter().map(read).collect::<Vec<f64>>();
    tell(
        "learned",
        of(|taught| taught.ours),
        true,
        "dynamic program, demand learnt, its shape chosen from the data",
    );
    tell(
        "log_linear",
        of(|taught| taught.log_linear),
        true,
        "dynamic program, demand learnt as log-linear, the same on all days: the usual recipe",
    );
    let mut shapes = BTreeMap::new();
    for shape in taught.iter().filter_map(|taught| taught.shape) {
        let word = serde_json::to_value(shape).ok().and_then(|word| word.as_str().map(str::to_owned));
        *shapes.entry(word.unwrap_or_default()).or_insert(0) += 1;
    }
    Ok(Evaluated {
        scenario: scenario.name.clone(),
        optimum,
        policies,
        shapes,
        seeds: seeds.to_vec(),
        past_dates: scenario.past.dates,
    })
}

fn teach(
    scenario: &Scenario,
    sale: &Sale,
    known: &Known,
    optimum: f64,
    seed: u64,
) -> Result<Taught, EvaluationError> {
    let past = scenario.past(&mut ChaCha8Rng::seed_from_u64(seed));
    let of = |learnt: Result<Learnt, LearnError>| {
        let learnt = learnt.map_err(|error| EvaluationError::Learn { seed, error })?;
        let share = worth(sale, known, &solve(sale, &learnt)?)? / optimum;
        Ok::<_, EvaluationError>((share, learnt))
    };
    let (ours, learnt) = of(learn(&past))?;
    let (log_linear, _) = of(learn_among(&past, &[Shape::LogLinear], false))?;
    Ok(Taught { ours, log_linear, shape: learnt.members().first().map(|member| member.shape) })
}

/// Runs `each` for all seeds on the cores there are; results in the order of the seeds.
fn on_all_cores<T: Send>(
    seeds: &[u64],
    each: impl Fn(u64) -> Result<T, EvaluationError> + Sync,
) -> Result<Vec<T>, EvaluationError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let each = &each;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..cores)
            .map(|first| {
                scope.spawn(move || {
                    let mine = seeds.iter().enumerate().skip(first).step_by(cores);
                    mine.map(|(place, seed)| Ok((place, each(*seed)?)))
                        .collect::<Result<Vec<_>, EvaluationError>>()
                })
            })
            .collect();
        let mut all = Vec::new();
        for worker in workers {
            match worker.join() {
                Ok(results) => all.extend(results?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all.sort_by_key(|(place, _)| *place);
        Ok(all.into_iter().map(|(_, result)| result).collect())
    })
}

/// The demand of a scenario at the prices of its grid, computed once.
struct Known<'a> {
    scenario: &'a Scenario,
    grid: Vec<f64>,
    expected: Vec<f64>,
}

impl<'a> Known<'a> {
    fn new(scenario: &'a Scenario, sale: &Sale) -> Self {
        let grid = sale.prices.clone();
        let days = (1..=sale.days).flat_map(|day| grid.iter().map(move |price| (day, *price)));
        let expected = days.map(|(day, price)| scenario.expected(day, price)).collect();
        Self { scenario, grid, expected }
    }
}

impl Demand for Known<'_> {
    fn expected(&self, days_left: u32, price: f64) -> f64 {
        let place = self.grid.binary_search_by(|known| known.total_cmp(&price)).ok();
        let row = (days_left as usize).checked_sub(1).map(|day| day * self.grid.len());
        let known = place.zip(row).and_then(|(place, row)| self.expected.get(row + place));
        known.copied().unwrap_or_else(|| self.scenario.expected(days_left, price))
    }
}

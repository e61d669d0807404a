//! From cells to a fitted model: the design, the steps of the fit, the pooling of elasticities.

use super::PRIOR_ELASTICITY;
use super::cells::{Cell, Ground};
use super::endogeneity::{self, EndogeneityTest};
use super::family::{self, FamilyChoice, Shape};
use super::input::{DemandError, Note};
use super::layout::{Entry, Layout, Night, SEASONS, SIGNALS, group_of};
use super::offer::Seen;
use super::poisson::{self, Fit, Prior, Rows};
use super::signals::Signals;
use super::stays::median;

/// A standard deviation that leaves no freedom.
pub(super) const FIXED: f64 = 1e-4;
/// What is believed of the spread of elasticities between room types and seasons, and how many of them that is worth.
const SPREAD: (f64, f64) = (0.3, 2.0);

/// Cells as rows.
#[derive(Debug)]
pub(super) struct Design {
    pub cells: Vec<Cell>,
    pub layout: Layout,
    starts: Vec<usize>,
    entries: Vec<Entry>,
    offsets: Vec<f64>,
    /// Price over the reference price of its type.
    pub ratios: Vec<f64>,
    seasons: Vec<usize>,
    pub signals: Vec<[f64; SIGNALS]>,
}

/// What a fit uses of a design.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub design: &'a Design,
    /// Demand signals and competitors.
    pub controls: bool,
    /// Elasticities of room types and seasons.
    pub pooled: bool,
    /// An elasticity of its own for price tests.
    pub tests: bool,
    pub shape: Shape,
}

impl Design {
    pub fn new(cells: Vec<Cell>, ground: &Ground, references: &[f64]) -> Self {
        let layout = ground.layout();
        let feed = ground.offer.has_feed();
        let (mut starts, mut entries) = (vec![0], Vec::new());
        let (mut offsets, mut ratios, mut seasons) = (Vec::new(), Vec::new(), Vec::new());
        let nights: Vec<Night> =
            (0..ground.nights).map(|night| Night::of_day(ground.first + night as i32)).collect();
        for cell in &cells {
            let night = nights[cell.night];
            layout.base(night, cell.kind, cell.bucket, &mut entries);
            // Competitors come last, where a fit without controls can leave them out.
            Layout::competitors(feed, cell.competitor.map(|seen| seen.ratio), &mut entries);
            starts.push(entries.len());
            offsets.push(cell.exposure.ln());
            ratios.push(cell.price.map_or(1.0, |price| price / references[cell.kind]));
            seasons.push(night.season);
        }
        let signals = vec![[0.0; SIGNALS]; cells.len()];
        Self { cells, layout, starts, entries, offsets, ratios, seasons, signals }
    }

    /// Columns of a cell but price and signals; competitors only with controls.
    pub fn base(&self, row: usize, controls: bool) -> impl Iterator<Item = &Entry> {
        let competitor = Layout::competitor();
        let all = self.entries[self.starts[row]..self.starts[row + 1]].iter();
        all.filter(move |(column, _)| controls || !(competitor..competitor + 2).contains(column))
    }

    /// Columns of the signals of a cell.
    pub fn signal_entries(&self, row: usize) -> impl Iterator<Item = Entry> + '_ {
        let group = group_of(self.cells[row].bucket);
        self.signals[row].iter().enumerate().map(move |(at, value)| (Layout::signal(at, group), *value))
    }
}

impl Rows for View<'_> {
    fn rows(&self) -> usize {
        self.design.cells.len()
    }

    fn row(&self, row: usize, beta: &[f64], slopes: &mut Vec<Entry>) -> f64 {
        let design = self.design;
        let cell = &design.cells[row];
        slopes.clear();
        slopes.extend(design.base(row, self.controls));
        if self.controls {
            slopes.extend(design.signal_entries(row));
        }
        let linear: f64 = slopes.iter().map(|(column, value)| beta[*column] * value).sum();
        let mut columns = [Layout::PRICE, 0, 0];
        let mut used = 1;
        if self.pooled {
            columns[1] = design.layout.kind_price(cell.kind);
            columns[2] = Layout::season_price(design.seasons[row]);
            used = 3;
        } else if self.tests && cell.tested {
            columns[1] = Layout::TESTED;
            used = 2;
        }
        let elasticity = columns[..used].iter().map(|column| beta[*column]).sum();
        let (loss, slope) = self.shape.loss(design.ratios[row], elasticity);
        slopes.extend(columns[..used].iter().map(|column| (*column, -slope)));
        design.offsets[row] + linear - loss
    }

    fn count(&self, row: usize) -> f64 {
        self.design.cells[row].count
    }
}

/// All that was learnt.
#[derive(Debug)]
pub(super) struct Learnt {
    pub fit: Fit,
    pub shape: Shape,
    pub family: FamilyChoice,
    pub signals: Signals,
    pub endogeneity: EndogeneityTest,
    pub references: Vec<f64>,
    /// Variance of a count over that of a Poisson count, within a cell.
    pub dispersion: f64,
    /// Mean log ratio of competitors' prices by month.
    pub competitors: [f64; 12],
    pub notes: Vec<Note>,
}

/// The reference price of each room type: the median of what was on sale, by days on sale.
fn references(cells: &[Cell], ground: &Ground, notes: &mut Vec<Note>) -> Vec<f64> {
    let kinds = &ground.stays.kinds;
    let mut prices: Vec<Vec<(f64, f64)>> = vec![Vec::new(); kinds.len()];
    for cell in cells {
        if let Some(price) = cell.price {
            prices[cell.kind].push((price, cell.exposure));
        }
    }
    let found: Vec<Option<f64>> = prices
        .into_iter()
        .enumerate()
        .map(|(kind, mut prices)| {
            prices.sort_by(|a, b| a.0.total_cmp(&b.0));
            let half = prices.iter().map(|(_, days)| days).sum::<f64>() / 2.0;
            let mut sum = 0.0;
            let middle = prices.iter().find(|(_, days)| {
                sum += days;
                sum >= half
            });
            middle.map(|(price, _)| *price).or_else(|| ground.medians.of_type(kind))
        })
        .collect();
    let known: Vec<f64> = found.iter().copied().flatten().collect();
    let hotel = if known.is_empty() { 1.0 } else { median(known) };
    for (kind, price) in found.iter().enumerate() {
        let room_type = kinds[kind].clone();
        if price.is_none() {
            notes.push(Note::NoPrices { room_type });
        } else if !ground.offer.known[kind] {
            notes.push(Note::PricesFromBookings { room_type });
        }
    }
    found.into_iter().map(|price| price.unwrap_or(hotel)).collect()
}

fn prior_of(layout: &Layout) -> Prior {
    let mut prior = Prior::of_spreads(&layout.spreads());
    prior.set(Layout::PRICE, PRIOR_ELASTICITY.mean, 10.0);
    prior.set(Layout::TESTED, 0.0, FIXED);
    for season in 0..SEASONS {
        prior.set(Layout::season_price(season), 0.0, FIXED);
    }
    for kind in 0..layout.kinds {
        prior.set(layout.kind_price(kind), 0.0, FIXED);
    }
    prior
}

/// What each cell was expected to bring at its price, signals aside.
fn without_signals(design: &Design, fit: &Fit) -> Vec<f64> {
    (0..design.cells.len())
        .map(|row| {
            let effect: f64 =
                design.signal_entries(row).map(|(column, value)| fit.beta[column] * value).sum();
            fit.expected[row] * (-effect).exp()
        })
        .collect()
}

/// Without controls, one elasticity for all.
fn plain(design: &Design) -> View<'_> {
    View { design, controls: false, pooled: false, tests: false, shape: Shape::Power }
}

/// Learns from the days until the last known one.
pub(super) fn learn(ground: &Ground, cells: Vec<Cell>) -> Result<Learnt, DemandError> {
    let mut notes = Vec::new();
    let references = references(&cells, ground, &mut notes);
    let mut design = Design::new(cells, ground, &references);
    let layout = design.layout.clone();
    let size = (ground.nights, layout.kinds);
    let known = ground.as_of - ground.first;
    let prior = prior_of(&layout);
    let mut start = prior.mean.clone();
    let (counts, exposure) = design
        .cells
        .iter()
        .fold((0.5, 1.0), |(counts, exposure), cell| (counts + cell.count, exposure + cell.exposure));
    start[0] = (counts / exposure).ln();
    let fitted = |view: &View<'_>, prior: &Prior, scale: f64, start: &[f64]| {
        poisson::fit(view, prior, scale, start).ok_or(DemandError::NotFitted)
    };
    let naive = fitted(&plain(&design), &prior, 1.0, &start)?;
    let naive_influence = endogeneity::influence(&plain(&design), &naive, &[(Layout::PRICE, 1.0)], size.0);

    // The signals need what was expected at the prices of then, hence the elasticity; the elasticity needs the signals.
    // The prior is a better start than the naive estimate, whose sign may be wrong.
    let mut begin = prior.clone();
    begin.set(Layout::PRICE, PRIOR_ELASTICITY.mean, FIXED);
    let mut fit = fitted(&plain(&design), &begin, 1.0, &naive.beta)?;
    let mut signals;
    let mut rounds = 0;
    loop {
        let expected = without_signals(&design, &fit);
        let scale = fit.pearson(&plain(&design)).clamp(1.0, 5.0);
        signals = Signals::new(&design.cells, &expected, &ground.by_day, size, known, scale);
        design.signals.clone_from(&signals.cells);
        let next = fitted(&View { controls: true, ..plain(&design) }, &prior, 1.0, &fit.beta)?;
        let moved = (next.beta[Layout::PRICE] - fit.beta[Layout::PRICE]).abs();
        fit = next;
        rounds += 1;
        if moved < 0.005 || rounds == 12 {
            break;
        }
    }
    let controlled = View { controls: true, ..plain(&design) };
    let dispersion = fit.pearson(&controlled).max(1.0);
    let endogeneity = endogeneity::test(
        &controlled,
        &prior,
        endogeneity::Naive { fit: &naive, influence: &naive_influence },
        &fit,
        endogeneity::Known {
            nights: size.0,
            prices: ground.offer.known.iter().any(|known| *known),
            tests: design.cells.iter().any(|cell| cell.tested),
        },
    );
    // What belongs to a night moves all of its cells: the spread between nights sets the scale where it is the wider.
    let model = fit.factor.variance(&[(Layout::PRICE, 1.0)]);
    let robust = endogeneity.controlled.map_or(0.0, |estimate| estimate.sd * estimate.sd);
    let scale = dispersion.max(robust / model.max(1e-12)).clamp(1.0, 100.0);
    if scale > 1.2 {
        notes.push(Note::Overdispersed { ratio: scale });
    }
    let (shape, family, fit) = if endogeneity.identified {
        let (shape, family) = family::choose(&controlled, &prior, &fit, scale);
        let view = View { pooled: true, shape, ..controlled };
        let fit = pool(&view, prior, scale, &fit.beta)?;
        (shape, family, fit)
    } else {
        notes.push(Note::PriorElasticity { reason: endogeneity.verdict.clone() });
        let mut prior = prior;
        prior.set(Layout::PRICE, PRIOR_ELASTICITY.mean, FIXED);
        let shape = Shape::LogLinear;
        let mut begin = fit.beta.clone();
        begin[Layout::PRICE] = PRIOR_ELASTICITY.mean;
        let fit = fitted(&View { shape, ..controlled }, &prior, scale, &begin)?;
        (shape, FamilyChoice::unknown(), fit)
    };
    if !ground.offer.has_feed() {
        notes.push(Note::NoCompetitors);
    }
    let competitors = usual_competitors(&design, ground);
    Ok(Learnt { fit, shape, family, signals, endogeneity, references, dispersion, competitors, notes })
}

/// Elasticities of room types and seasons, drawn to the one they share by normal priors whose variances are estimated by
/// expectation maximisation on the curvature of the fit (Laird and Ware 1982), with a weak prior of their own: few room
/// types say little of how they spread.
fn pool(view: &View<'_>, mut prior: Prior, scale: f64, start: &[f64]) -> Result<Fit, DemandError> {
    let layout = &view.design.layout;
    prior.set(Layout::PRICE, PRIOR_ELASTICITY.mean, PRIOR_ELASTICITY.sd);
    let kinds: Vec<usize> = (0..layout.kinds).map(|kind| layout.kind_price(kind)).collect();
    let mut seen = [false; SEASONS];
    for season in &view.design.seasons {
        seen[*season] = true;
    }
    let seasons: Vec<usize> = (0..SEASONS).filter(|season| seen[*season]).map(Layout::season_price).collect();
    let groups = [kinds, seasons];
    let mut variances = [SPREAD.0 * SPREAD.0; 2];
    let mut beta = start.to_vec();
    let mut last = None;
    for _ in 0..8 {
        for (columns, variance) in groups.iter().zip(&variances) {
            for column in columns.iter().filter(|_| columns.len() > 1) {
                prior.set(*column, 0.0, variance.sqrt());
            }
        }
        let fit = poisson::fit(view, &prior, scale, &beta).ok_or(DemandError::NotFitted)?;
        beta.clone_from(&fit.beta);
        let mut moved = 0.0_f64;
        for (columns, variance) in groups.iter().zip(&mut variances) {
            let sum: f64 = columns
                .iter()
                .map(|column| fit.beta[*column].powi(2) + fit.factor.variance(&[(*column, 1.0)]))
                .sum();
            let next = (sum + SPREAD.1 * SPREAD.0 * SPREAD.0) / (columns.len() as f64 + SPREAD.1);
            moved = moved.max((next / *variance - 1.0).abs());
            *variance = next;
        }
        last = Some(fit);
        if moved < 0.05 {
            break;
        }
    }
    last.ok_or(DemandError::NotFitted)
}

/// Mean log ratio of competitors' prices by month, 0 where none is known.
fn usual_competitors(design: &Design, ground: &Ground) -> [f64; 12] {
    let mut sums = [(0.0, 0.0); 12];
    for cell in &design.cells {
        if let Some(Seen { ratio, .. }) = cell.competitor {
            let sum = &mut sums[Night::of_day(ground.first + cell.night as i32).month];
            *sum = (sum.0 + ratio * cell.exposure, sum.1 + cell.exposure);
        }
    }
    sums.map(|(sum, days)| if days > 0.0 { sum / days } else { 0.0 })
}

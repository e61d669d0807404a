//! The model of demand, and what can be asked of it.

use chrono::{Datelike, NaiveDate};
use innkeeper_hotel::RoomTypeName;
use serde::Serialize;

use super::PRIOR_ELASTICITY;
use super::cells::{Cell, Ground, days};
use super::endogeneity::{EndogeneityTest, Estimate};
use super::family::{FamilyChoice, Shape};
use super::fit::{self, Learnt};
use super::input::{DemandError, History, Note};
use super::layout::{
    BUCKETS, Bucket, Entry, GROUPS, Influence, Layout, MAX_LEAD, Night, SEASONS, SIGNALS, bucket_of, group_of,
};
use super::stays::{SegmentShare, share_cell};
use crate::Response;

/// Smallest elasticity of a response: a response needs a scale above 0.
const LEAST: f64 = 0.1;

/// Where an elasticity comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The hotel's own prices and bookings, drawn a little towards the prior.
    History,
    /// The prior alone.
    Prior,
}

/// Where the prices of a room type come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceSource {
    /// Prices that were on sale.
    Rates,
    /// Rates of bookings.
    Bookings,
    /// Nothing: the reference price is that of the hotel, or 1.
    None,
}

/// An elasticity at the reference price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Elasticity {
    /// Percent of requests lost for a percent of price.
    pub mean: f64,
    /// Standard deviation, above 0.
    pub sd: f64,
    /// Where it comes from.
    pub source: Source,
}

/// What was learnt of a room type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RoomTypeDemand {
    /// The type.
    pub room_type: RoomTypeName,
    /// Rooms of it, where that is known.
    pub rooms: Option<u32>,
    /// Median of the prices on sale, by days on sale; above 0.
    pub reference_price: f64,
    /// Where prices come from.
    pub prices: PriceSource,
    /// Bookings that were counted.
    pub bookings: f64,
    /// Elasticity over the year.
    pub elasticity: Elasticity,
    /// Elasticity by quarter of the night of arrival, January to March first.
    pub seasons: [Elasticity; SEASONS],
    /// Chance of a stay of 1, 2, … nights; the last is of that many or more.
    pub nights: Vec<f64>,
}

/// Demand by night of arrival, room type and lead time.
#[derive(Debug, Clone, PartialEq)]
pub struct DemandModel {
    as_of: i32,
    first: i32,
    layout: Layout,
    shape: Shape,
    beta: Vec<f64>,
    types: Vec<RoomTypeDemand>,
    /// Elasticities of the responses, by type and season.
    elasticities: Vec<[f64; SEASONS]>,
    signals: Vec<[f64; SIGNALS]>,
    /// Bookings that were expected so far, by night and type.
    expected: Vec<f64>,
    night_shape: f64,
    closed: Vec<(i32, i32, Option<usize>)>,
    competitor_reference: Vec<Option<f64>>,
    usual_competitors: [f64; 12],
    segments: Vec<Option<String>>,
    shares: Vec<Vec<f64>>,
    dispersion: f64,
    cells: usize,
    family: FamilyChoice,
    endogeneity: EndogeneityTest,
    competitor_effect: Option<Estimate>,
    notes: Vec<Note>,
}

impl DemandModel {
    /// Learns from what was known on the last day.
    ///
    /// # Errors
    /// [`DemandError`]: no booking that can be used, too many room types, a day outside of the calendar, or equations without
    /// a solution.
    pub fn fit(history: &History<'_>) -> Result<Self, DemandError> {
        let mut ground = Ground::read(history)?;
        let cells = ground.cells(None);
        Self::of_cells(ground, cells)
    }

    pub(super) fn of_cells(ground: Ground, cells: Vec<Cell>) -> Result<Self, DemandError> {
        let many = cells.len();
        let mut bookings = vec![0.0; ground.stays.kinds.len()];
        for cell in &cells {
            bookings[cell.kind] += cell.count;
        }
        if cells.is_empty() {
            let as_of = NaiveDate::from_num_days_from_ce_opt(ground.as_of).unwrap_or_default();
            return Err(DemandError::NoBookings(as_of));
        }
        let learnt = fit::learn(&ground, cells)?;
        let layout = ground.layout();
        let mut notes = ground.notes.clone();
        notes.extend(learnt.notes.iter().cloned());
        let mut types = Vec::new();
        let mut elasticities = Vec::new();
        for (kind, name) in ground.stays.kinds.iter().enumerate() {
            let seasons: [Elasticity; SEASONS] =
                std::array::from_fn(|season| elasticity(&learnt, &layout, kind, &[season]));
            let floored = seasons.map(|season| season.mean.max(LEAST));
            if seasons.iter().any(|season| season.mean < LEAST) {
                notes.push(Note::Floored { room_type: name.clone(), elasticity: LEAST });
            }
            elasticities.push(floored);
            let prices = if ground.offer.known[kind] {
                PriceSource::Rates
            } else if ground.medians.of_type(kind).is_some() {
                PriceSource::Bookings
            } else {
                PriceSource::None
            };
            types.push(RoomTypeDemand {
                room_type: name.clone(),
                rooms: ground.rooms[kind],
                reference_price: learnt.references[kind],
                prices,
                bookings: bookings[kind],
                elasticity: elasticity(&learnt, &layout, kind, &[0, 1, 2, 3]),
                seasons,
                nights: ground.lengths[kind].clone(),
            });
        }
        let competitor = [(Layout::competitor(), 1.0)];
        let mut beta = learnt.fit.beta;
        let mut competitor_effect = ground.offer.has_feed().then(|| Estimate {
            mean: beta[Layout::competitor()],
            sd: learnt.fit.factor.variance(&competitor).sqrt(),
        });
        // Guests whom dearer competitors drive away do not exist: the season that moves all prices is what was seen there.
        if let Some(effect) = competitor_effect.filter(|effect| effect.mean <= 0.0) {
            beta[Layout::competitor()] = 0.0;
            notes.push(Note::CompetitorsNotTold { estimate: effect.mean });
            competitor_effect = None;
        }
        Ok(Self {
            as_of: ground.as_of,
            first: ground.first,
            layout,
            shape: learnt.shape,
            beta,
            types,
            elasticities,
            signals: learnt.signals.now,
            expected: learnt.signals.expected,
            night_shape: learnt.signals.shape,
            closed: ground.closed,
            competitor_reference: ground.offer.competitor_reference,
            usual_competitors: learnt.competitors,
            shares: ground.stays.shares(),
            segments: ground.stays.segments,
            dispersion: learnt.dispersion,
            cells: many,
            family: learnt.family,
            endogeneity: learnt.endogeneity,
            competitor_effect,
            notes,
        })
    }

    /// Room types, in the order of their names.
    pub fn room_types(&self) -> &[RoomTypeDemand] {
        &self.types
    }

    /// Whether the history tells what a price does, and how that was found out.
    pub fn endogeneity(&self) -> &EndogeneityTest {
        &self.endogeneity
    }

    /// How the family of the responses was chosen.
    pub fn family(&self) -> &FamilyChoice {
        &self.family
    }

    /// Percent of requests gained for a percent that competitors ask more, above 0; `None` without a feed, and where the
    /// history does not tell.
    pub fn competitor_effect(&self) -> Option<Estimate> {
        self.competitor_effect
    }

    /// Variance of a count within a night over that of a Poisson count, 1 or more.
    pub fn dispersion(&self) -> f64 {
        self.dispersion
    }

    /// Cells that the model was fitted to.
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// What to know.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    fn kind(&self, room_type: &RoomTypeName) -> Option<usize> {
        self.types.binary_search_by(|of| of.room_type.cmp(room_type)).ok()
    }

    /// What a room type answers to a price on a night; `None` for a type that is not known. Its location is the reference
    /// price but for the logit, where a share of those who ask pays the reference price.
    pub fn response(&self, night: NaiveDate, room_type: &RoomTypeName) -> Option<Response> {
        let kind = self.kind(room_type)?;
        let elasticity = self.elasticities[kind][Night::of(night).season];
        Some(self.shape.response(self.types[kind].reference_price, elasticity))
    }

    /// Booking requests a day `lead_days` before the night at `price`, when competitors ask `competitor` in the mean (what
    /// they usually ask in that month where it is `None`). What was booked for the night so far is taken into account. 0 for
    /// a closed night, a type without rooms and lead times beyond [`MAX_LEAD`]; `None` for a type that is not known and for
    /// a price that is not above 0.
    pub fn rate(
        &self,
        night: NaiveDate,
        room_type: &RoomTypeName,
        lead_days: u16,
        price: f64,
        competitor: Option<f64>,
    ) -> Option<f64> {
        let kind = self.kind(room_type)?;
        let usable = |price: f64| price.is_finite() && price > 0.0;
        if !usable(price) || competitor.is_some_and(|price| !usable(price)) {
            return None;
        }
        let Some(bucket) = bucket_of(lead_days) else { return Some(0.0) };
        let ratio = price / self.types[kind].reference_price;
        let seen = competitor.zip(self.competitor_reference[kind]).map(|(seen, usual)| (seen / usual).ln());
        Some(self.rate_of(Night::of(night), kind, bucket, ratio, seen))
    }

    /// Booking requests a day `lead_days` before the night at the reference price, as [`Self::rate`], with one influence taken
    /// out: what would be asked for if there were no such thing. `None` for a type that is not known and a competitor's price
    /// that is not above 0.
    pub fn requests(
        &self,
        night: NaiveDate,
        room_type: &RoomTypeName,
        lead_days: u16,
        competitor: Option<f64>,
        without: Option<Influence>,
    ) -> Option<f64> {
        let kind = self.kind(room_type)?;
        if competitor.is_some_and(|price| !(price.is_finite() && price > 0.0)) {
            return None;
        }
        let Some(bucket) = bucket_of(lead_days) else { return Some(0.0) };
        let seen = competitor.zip(self.competitor_reference[kind]).map(|(seen, usual)| (seen / usual).ln());
        Some(self.rate_without(Night::of(night), kind, bucket, (1.0, seen), without))
    }

    /// Requests a day in a bucket at a price of `ratio` times the reference price.
    pub(super) fn rate_of(
        &self,
        night: Night,
        kind: usize,
        bucket: usize,
        ratio: f64,
        competitor: Option<f64>,
    ) -> f64 {
        self.rate_without(night, kind, bucket, (ratio, competitor), None)
    }

    fn rate_without(
        &self,
        night: Night,
        kind: usize,
        bucket: usize,
        (ratio, competitor): (f64, Option<f64>),
        without: Option<Influence>,
    ) -> f64 {
        if self.types[kind].rooms == Some(0) || self.is_closed(night.day, kind) {
            return 0.0;
        }
        let mut entries: Vec<Entry> = Vec::with_capacity(24);
        self.layout.base(night, kind, bucket, &mut entries);
        if let Some(influence) = without {
            entries.retain(|(column, _)| self.layout.influence(*column) != Some(influence));
        }
        if self.competitor_effect.is_some() {
            let seen = competitor.filter(|_| without != Some(Influence::Competitors));
            Layout::competitors(
                true,
                Some(seen.unwrap_or(self.usual_competitors[night.month])),
                &mut entries,
            );
        }
        let signals = self.place(night, kind).filter(|_| without != Some(Influence::Pace));
        if let Some(signals) = signals.map(|place| &self.signals[place]) {
            let group = group_of(bucket);
            entries.extend(signals.iter().enumerate().map(|(at, value)| (Layout::signal(at, group), *value)));
        }
        let linear: f64 = entries.iter().map(|(column, value)| self.beta[*column] * value).sum();
        let (loss, _) = self.shape.loss(ratio, self.elasticities[kind][night.season]);
        (linear - loss).min(30.0).exp()
    }

    fn is_closed(&self, day: i32, kind: usize) -> bool {
        let mut spans = self.closed.iter();
        spans.any(|(from, until, of)| (*from..=*until).contains(&day) && of.is_none_or(|of| of == kind))
    }

    /// Place of a night and type in the signals.
    fn place(&self, night: Night, kind: usize) -> Option<usize> {
        let at = usize::try_from(night.day.checked_sub(self.first)?).ok()?;
        let place = at.checked_mul(self.types.len())?.checked_add(kind)?;
        (place < self.signals.len()).then_some(place)
    }

    /// Variance of a night's unwritten demand, given what was booked so far; its mean is 1.
    pub(super) fn night_variance(&self, night: Night, kind: usize) -> f64 {
        let so_far = self.place(night, kind).map_or(0.0, |place| self.expected[place]);
        (self.night_shape + so_far.max(0.0)).recip()
    }

    /// Variance of what a night brings more or less than expected, over the square of what is expected: what belongs to the
    /// night and nobody wrote down. Less the more was already booked. 0 for a type that is not known.
    pub fn unwritten_variance(&self, night: NaiveDate, room_type: &RoomTypeName) -> f64 {
        self.kind(room_type).map_or(0.0, |kind| self.night_variance(Night::of(night), kind))
    }

    /// Requests expected at the reference price from `from_lead` days before the night until arrival, by bucket, from far to
    /// near. Days of the first bucket that lie before `from_lead` do not count. Empty for a type that is not known.
    pub fn remaining(
        &self,
        night: NaiveDate,
        room_type: &RoomTypeName,
        from_lead: u16,
    ) -> Vec<(Bucket, f64)> {
        let Some(kind) = self.kind(room_type) else { return Vec::new() };
        let night = Night::of(night);
        (0..BUCKETS.len())
            .rev()
            .filter(|bucket| BUCKETS[*bucket].from <= from_lead)
            .map(|bucket| {
                let Bucket { from, until } = BUCKETS[bucket];
                let until = until.min(from_lead.min(MAX_LEAD));
                let share = f64::from(until - from + 1) / days(bucket);
                let all = self.rate_of(night, kind, bucket, 1.0, None) * days(bucket);
                (Bucket { from, until }, all * share)
            })
            .collect()
    }

    /// The same, less those that will be cancelled: `cancelled` gives the chance by the lead time of the booking in days. A
    /// chance outside of 0 to 1 is cut to it; one that is not a number counts as 0.
    pub fn remaining_kept(
        &self,
        night: NaiveDate,
        room_type: &RoomTypeName,
        from_lead: u16,
        cancelled: impl Fn(u16) -> f64,
    ) -> Vec<(Bucket, f64)> {
        let mut requests = self.remaining(night, room_type, from_lead);
        for (bucket, count) in &mut requests {
            let chance = cancelled(bucket.from.midpoint(bucket.until));
            *count *= 1.0 - if chance.is_nan() { 0.0 } else { chance.clamp(0.0, 1.0) };
        }
        requests
    }

    /// Shares of the segments among those who ask at a lead time, greatest first; empty for a type that is not known.
    pub fn segments(&self, night: NaiveDate, room_type: &RoomTypeName, lead_days: u16) -> Vec<SegmentShare> {
        let Some(kind) = self.kind(room_type) else { return Vec::new() };
        let bucket = bucket_of(lead_days).unwrap_or(BUCKETS.len() - 1);
        let shares = &self.shares[share_cell(kind, bucket, Night::of(night).weekday)];
        debug_assert_eq!(self.shares.len(), self.types.len() * GROUPS * 2);
        let mut named: Vec<SegmentShare> = self
            .segments
            .iter()
            .zip(shares)
            .map(|(segment, share)| SegmentShare { segment: segment.clone(), share: *share })
            .collect();
        named.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.segment.cmp(&b.segment)));
        named
    }

    /// The last day that was learnt from.
    pub fn as_of(&self) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(self.as_of).unwrap_or_default()
    }

    /// Whether a night lies within what was learnt from, or a year after it.
    pub fn covers(&self, night: NaiveDate) -> bool {
        (self.first..=self.as_of + i32::from(MAX_LEAD)).contains(&night.num_days_from_ce())
    }
}

/// The elasticity of a room type, in the mean of some seasons.
fn elasticity(learnt: &Learnt, layout: &Layout, kind: usize, seasons: &[usize]) -> Elasticity {
    if !learnt.endogeneity.identified {
        return Elasticity { mean: PRIOR_ELASTICITY.mean, sd: PRIOR_ELASTICITY.sd, source: Source::Prior };
    }
    let mut direction: Vec<Entry> = vec![(Layout::PRICE, 1.0), (layout.kind_price(kind), 1.0)];
    let share = 1.0 / seasons.len() as f64;
    direction.extend(seasons.iter().map(|season| (Layout::season_price(*season), share)));
    let mean = direction.iter().map(|(column, value)| learnt.fit.beta[*column] * value).sum();
    let sd = learnt.fit.factor.variance(&direction).sqrt();
    Elasticity { mean, sd, source: Source::History }
}

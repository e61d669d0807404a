//! What each night brings before anybody books: demand at base prices, the market, events, price tests.
//!
//! Days are counted from the first day on which somebody may book (offset 0), so that they index a table.

use chrono::{Datelike, Days, NaiveDate};
use innkeeper_hotel::{Closure, Event};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::layout::Layout;
use crate::random::{Stream, stream};
use crate::truth::{Fairs, Mix, Segment, Truth};
use crate::weights::Weights;
use crate::{MAX_NIGHTS, Settings, SimulatorError};

/// Most room-nights that may be asked for a room-night there is: beyond it the truth is a slip of the pen.
const MAX_PRESSURE: f64 = 200.0;

/// An event and what it does to the arrivals of each segment.
#[derive(Debug, Clone)]
pub struct DatedEvent {
    pub event: Event,
    pub demand: Mix,
}

/// What each night brings.
#[derive(Debug, Clone)]
pub struct Calendar {
    origin: NaiveDate,
    /// First night of the history.
    pub first_night: usize,
    /// Last known day.
    pub last_day: usize,
    /// Nights on which somebody may arrive: `first_night..nights`.
    pub nights: usize,
    /// Nights that a stay may reach.
    pub horizon: usize,
    /// Requests for arrival on a night at base prices, over all lead times and room types, by segment and night.
    pub requests: Vec<Vec<f64>>,
    /// Room types that a segment asks for.
    pub types: Vec<Weights>,
    /// The market's index by night.
    pub market: Vec<f64>,
    /// What season and market make of the base price, by night.
    pub price: Vec<f64>,
    /// Events of the history and the nights on sale, by their first day.
    pub events: Vec<DatedEvent>,
    /// Whether a room type cannot be sold, by night and type.
    closed: Vec<bool>,
    /// The multiplier of a price test, by night and type; 0 where there is none.
    tests: Vec<f64>,
    kinds: usize,
}

/// Month and day of `MM-DD`.
pub fn month_and_day(text: &str) -> Option<(u32, u32)> {
    let day = NaiveDate::parse_from_str(&format!("2024-{text}"), "%Y-%m-%d").ok()?;
    Some((day.month(), day.day()))
}

fn by_weekday(values: &[f64; 7], day: NaiveDate) -> f64 {
    values[day.weekday().num_days_from_monday() as usize]
}

fn by_month(values: &[f64; 12], day: NaiveDate) -> f64 {
    values[day.month0() as usize]
}

/// A log-normal first-order autoregression with mean 1.
fn shocks(random: &mut ChaCha8Rng, sd: f64, memory: f64, len: usize) -> Vec<f64> {
    let mut state: f64 = StandardNormal.sample(random);
    let fresh = (1.0 - memory * memory).sqrt();
    (0..len)
        .map(|_| {
            let now = state;
            let noise: f64 = StandardNormal.sample(random);
            state = memory * state + fresh * noise;
            (sd * now - sd * sd / 2.0).exp()
        })
        .collect()
}

fn share_of(segment: &Segment, room_type: &str) -> f64 {
    segment.share * segment.room_types.get(room_type).copied().unwrap_or(1.0)
}

/// Mean of 1, 2, … under weights.
pub fn mean(weights: &[f64]) -> f64 {
    let sum: f64 = weights.iter().sum();
    weights.iter().zip(1_u32..).map(|(weight, n)| weight * f64::from(n)).sum::<f64>() / sum
}

/// Requests a day at base prices on an ordinary day, by room type.
pub fn base_requests(truth: &Truth, layout: &Layout, segment: &Segment) -> Vec<f64> {
    let size = mean(&segment.nights) * mean(&segment.rooms);
    truth
        .room_types
        .iter()
        .zip(&layout.count)
        .map(|(room_type, rooms)| {
            let name = room_type.name.as_str();
            let all: f64 = truth.segments.iter().map(|other| share_of(other, name)).sum();
            f64::from(*rooms) * room_type.demand * share_of(segment, name) / all / size
        })
        .collect()
}

impl Calendar {
    pub fn new(settings: &Settings, truth: &Truth, layout: &Layout) -> Result<Self, SimulatorError> {
        let lead = usize::from(truth.max_lead);
        let days = settings.days as usize;
        let outside = || SimulatorError::OutsideCalendar { days: settings.days, end: settings.end };
        let back = u64::from(settings.days) + u64::from(truth.max_lead) - 1;
        let ahead = u64::from(truth.max_lead) + u64::from(MAX_NIGHTS) + 1;
        let origin = settings.end.checked_sub_days(Days::new(back)).ok_or_else(outside)?;
        let last = settings.end.checked_add_days(Days::new(ahead)).ok_or_else(outside)?;
        // A day more: the first prices are set the day before the first booking.
        if origin.pred_opt().is_none_or(|day| day.year() < 1) || last.year() > 9999 {
            return Err(outside());
        }
        let nights = lead + days + lead;
        let mut random = stream(settings.seed, Stream::Calendar);
        let market = shocks(&mut random, truth.market.sd, truth.market.memory, nights);
        let shock = shocks(&mut random, truth.demand.shock_sd, truth.demand.shock_memory, nights);
        let mut calendar = Self {
            origin,
            first_night: lead,
            last_day: lead + days - 1,
            nights,
            horizon: nights + usize::from(MAX_NIGHTS),
            requests: Vec::new(),
            types: Vec::new(),
            market,
            price: Vec::new(),
            events: Vec::new(),
            closed: Vec::new(),
            tests: Vec::new(),
            kinds: truth.room_types.len(),
        };
        calendar.set_events(truth, &mut random);
        calendar.set_prices(settings.seed, truth);
        calendar.set_closures(&settings.closures, truth)?;
        for segment in &truth.segments {
            calendar.set_requests(truth, layout, segment, &shock);
        }
        let rooms = f64::from(settings.rooms);
        for night in calendar.first_night..nights {
            let asked: f64 = calendar
                .requests
                .iter()
                .zip(&truth.segments)
                .map(|(requests, segment)| requests[night] * mean(&segment.nights) * mean(&segment.rooms))
                .sum();
            // NaN is refused too.
            if !matches!(asked.partial_cmp(&(rooms * MAX_PRESSURE)), Some(std::cmp::Ordering::Less)) {
                return Err(SimulatorError::Truth {
                    field: "demand, trend".to_owned(),
                    reason: format!(
                        "on {} guests ask for {asked:.0} room-nights in a hotel of {} rooms",
                        calendar.date(night),
                        settings.rooms
                    ),
                });
            }
        }
        Ok(calendar)
    }

    /// The day at an offset.
    pub fn date(&self, offset: usize) -> NaiveDate {
        self.origin.checked_add_days(Days::new(offset as u64)).unwrap_or(NaiveDate::MAX)
    }

    /// The day before an offset; prices are set then.
    pub fn day_before(&self, offset: usize) -> NaiveDate {
        self.date(offset).pred_opt().unwrap_or(NaiveDate::MIN)
    }

    /// The offset of a day, cut to the table.
    fn offset(&self, day: NaiveDate) -> usize {
        usize::try_from((day - self.origin).num_days()).unwrap_or(0).min(self.horizon)
    }

    /// Whether a room type cannot be sold on a night.
    pub fn closed(&self, night: usize, kind: usize) -> bool {
        self.closed.get(night * self.kinds + kind).copied().unwrap_or(false)
    }

    /// The multiplier of the price test on a night of arrival, if there is one.
    pub fn test(&self, night: usize, kind: usize) -> Option<f64> {
        self.tests.get(night * self.kinds + kind).copied().filter(|level| *level > 0.0)
    }

    /// What month and weekday make of the base price.
    pub fn season(&self, truth: &Truth, night: usize) -> f64 {
        let day = self.date(night);
        by_month(&truth.price.months, day) * by_weekday(&truth.price.weekdays, day)
    }

    fn set_events(&mut self, truth: &Truth, random: &mut ChaCha8Rng) {
        let (from, until) = (self.date(self.first_night), self.date(self.nights - 1));
        let mut add = |name: &str, kind: &str, start: NaiveDate, days: u16, known: u16, demand: &Mix| {
            let Some(end) = start.checked_add_days(Days::new(u64::from(days.saturating_sub(1)))) else {
                return;
            };
            if end < from || start > until {
                return;
            }
            self.events.push(DatedEvent {
                event: Event {
                    name: name.to_owned(),
                    from: start,
                    until: end,
                    kind: kind.to_owned(),
                    known_on: start.checked_sub_days(Days::new(u64::from(known))),
                },
                demand: demand.clone(),
            });
        };
        for event in &truth.events {
            let yearly = event.yearly.as_deref().and_then(month_and_day);
            let years = (from.year() - 1)..=(until.year() + 1);
            let each_year = yearly.into_iter().flat_map(|(month, day)| {
                years.clone().filter_map(move |year| NaiveDate::from_ymd_opt(year, month, day))
            });
            for start in each_year.chain(event.starts.iter().copied()) {
                add(&event.name, &event.kind, start, event.days, event.known_days, &event.demand);
            }
        }
        let Fairs { per_year, days, known_days, demand } = &truth.fairs;
        for start in from.iter_days().take_while(|day| *day <= until) {
            if random.random::<f64>() < per_year / 365.25 {
                add(&format!("Trade fair {start}"), "fair", start, *days, *known_days, demand);
            }
        }
        self.events.sort_by(|a, b| (a.event.from, &a.event.name).cmp(&(b.event.from, &b.event.name)));
    }

    fn set_prices(&mut self, seed: u64, truth: &Truth) {
        let policy = &truth.price;
        self.price = (0..self.nights)
            .map(|night| self.season(truth, night) * self.market[night].powf(policy.follow_market))
            .collect();
        let mut random = stream(seed, Stream::Tests);
        self.tests = (0..self.nights * self.kinds)
            .map(|_| {
                let (tested, level) = (random.random::<f64>(), random.random::<f64>());
                if tested >= policy.test_share {
                    return 0.0;
                }
                let at = (level * policy.test_levels.len() as f64) as usize;
                policy.test_levels.get(at).copied().unwrap_or(0.0)
            })
            .collect();
    }

    fn set_closures(&mut self, closures: &[Closure], truth: &Truth) -> Result<(), SimulatorError> {
        self.closed = vec![false; self.horizon * self.kinds];
        for closure in closures {
            let wrong = |reason| SimulatorError::Closure { from: closure.from, until: closure.until, reason };
            if closure.until < closure.from {
                return Err(wrong("ends before it begins"));
            }
            let kinds = match &closure.room_type {
                None => 0..self.kinds,
                Some(name) => truth
                    .room_types
                    .iter()
                    .position(|t| &t.name == name)
                    .map(|kind| kind..kind + 1)
                    .ok_or_else(|| wrong("is of a room type that is not there"))?,
            };
            if closure.until < self.origin {
                continue;
            }
            for night in self.offset(closure.from)..=self.offset(closure.until) {
                for kind in kinds.clone() {
                    if let Some(closed) = self.closed.get_mut(night * self.kinds + kind) {
                        *closed = true;
                    }
                }
            }
        }
        Ok(())
    }

    fn set_requests(&mut self, truth: &Truth, layout: &Layout, segment: &Segment, shock: &[f64]) {
        let by_type = base_requests(truth, layout, segment);
        let base: f64 = by_type.iter().sum();
        let weekdays: f64 = segment.weekdays.iter().sum();
        let months: f64 = segment.months.iter().sum();
        let mut requests: Vec<f64> = (0..self.nights)
            .map(|night| {
                if night < self.first_night {
                    return 0.0;
                }
                let day = self.date(night);
                let years = (night as f64 - self.last_day as f64) / 365.25;
                base * by_weekday(&segment.weekdays, day) * 7.0 / weekdays
                    * by_month(&segment.months, day)
                    * 12.0
                    / months
                    * (truth.demand.trend * years).exp()
                    * shock[night]
                    * self.market[night].powf(segment.market_elasticity)
            })
            .collect();
        for dated in &self.events {
            let effect = dated.demand.get(&segment.name).copied().unwrap_or(1.0);
            let from = self.offset(dated.event.from).max(self.first_night);
            let until = self.offset(dated.event.until).min(self.nights - 1);
            for value in requests.iter_mut().take(until + 1).skip(from) {
                *value *= effect;
            }
        }
        self.requests.push(requests);
        self.types.push(Weights::new(by_type));
    }
}

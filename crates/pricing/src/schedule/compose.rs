//! From a question to a schedule.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use super::answer::{
    Binding, Cell, CurvePoint, DemandReport, Elasticity, Reason, Revenue, Schedule, ScheduleNote,
};
use super::hotel::{HELD_OUT_DAYS, Hotel};
use super::problem::{Place, Without};
use super::question::{MOST_NIGHTS, Question, ScheduleError};
use super::{reasons, windows, words};
use crate::network::{CalendarAnswer, CalendarSettings, CellAnswer, expect_calendar, price_calendar};
use crate::night::Bookings;
use crate::rules::{CellChoices, Effect, Ladder, RuleSet, Settled};

/// Most nights before and after those asked for that are looked at, for the stays that join them.
const AROUND: u64 = 27;
/// Share of the stays that are no longer than the nights that are looked at.
const JOINED: f64 = 0.98;

/// What is computed of the cells that are looked at.
pub(super) struct Worked<'a> {
    pub hotel: &'a Hotel,
    pub places: Vec<Place>,
    /// Candidates and prices that rules allow, ascending.
    pub prices: Vec<Vec<f64>>,
    /// Prices that rules allow, orders of room types apart.
    ladders: Vec<Ladder>,
    /// What the optimiser says without rules.
    pub free: CalendarAnswer,
    /// What each price is worth, less what is not known of the answer to it.
    pub values: Vec<Vec<f64>>,
    /// The best candidate without rules, by cell.
    pub best: Vec<Option<Decimal>>,
    /// Requests still to come, by cell.
    pub demand: Vec<f64>,
    /// Mean length of a stay, as it is told apart when prices are looked for.
    nights: f64,
}

impl Hotel {
    /// A price for each night and room type that is asked for. It keeps every rule; where no price does, there is none, and
    /// the answer says why.
    ///
    /// # Errors
    /// [`ScheduleError`]: what of the question cannot be answered.
    pub fn schedule(&self, question: &Question, rules: &RuleSet) -> Result<Schedule, ScheduleError> {
        let wanted = self.check(question)?;
        let nights = windows::around(self.as_of, question.from, question.until, self.around());
        let asked = |night: NaiveDate, kind: usize| {
            (question.from..=question.until).contains(&night) && wanted.contains(&kind)
        };
        if let Some(kind) = wanted.first()
            && wanted.iter().all(|kind| self.tables.usual.get(*kind).is_none_or(Option::is_none))
        {
            return Err(ScheduleError::NoPrices(self.types[*kind].name.clone()));
        }
        let places = self.places(&nights, rules, &asked);
        let ladders = self.ladders(&places, rules)?;
        let prices: Vec<Vec<f64>> =
            places.iter().zip(&ladders).map(|(place, ladder)| self.prices(place, ladder)).collect();
        let settings = CalendarSettings::default();
        let problem = self.problem(&places, &prices, Without::Nothing, &self.stay_lengths);
        let free = price_calendar(&problem, &settings)?;
        let demand = reasons::requests(&problem);
        let (values, best) = (Vec::new(), Vec::new());
        let lengths = self.stay_lengths.iter().enumerate();
        let nights = lengths.map(|(place, share)| (place + 1) as f64 * share).sum();
        let mut worked = Worked { hotel: self, places, prices, ladders, free, values, best, demand, nights };
        worked.values = worked.cautious_all(&worked.free);
        worked.best = (0..worked.places.len()).map(|at| worked.best_of(at, &worked.values[at])).collect();
        let settled = worked.settle(rules, &worked.values, &worked.best)?;
        let chosen: Vec<Vec<f64>> = worked
            .places
            .iter()
            .zip(&settled)
            .map(|(place, settled)| {
                // A cell without an answer stays as it is on sale.
                let price = settled.price.or(place.rule.on_sale.map(|sale| sale.price));
                let price = price.and_then(|price| price.to_f64());
                vec![price.unwrap_or(self.types[place.kind].reference).max(1e-3)]
            })
            .collect();
        let problem = self.problem(&worked.places, &chosen, Without::Nothing, &self.all_lengths);
        let expected = expect_calendar(&problem, &settings)?;
        let reasons = reasons::of(&worked, &settled, rules)?;
        let mut cells = Vec::new();
        for (at, settled) in settled.iter().enumerate() {
            if worked.places[at].asked {
                cells.push(worked.cell(at, settled, (&expected.cells[at], &reasons[at]), question.level));
            }
        }
        cells.sort_by_key(|cell| {
            (cell.date, wanted.iter().position(|kind| self.types[*kind].name == cell.room_type))
        });
        Ok(Schedule {
            as_of: self.as_of,
            currency: self.currency,
            cells,
            demand: self.demand_report(),
            notes: self.notes(),
        })
    }

    /// Nights around those asked for within which nearly all stays that join them begin and end.
    fn around(&self) -> u64 {
        let mut shorter = 0.0;
        let longest = self.all_lengths.iter().position(|share| {
            shorter += share;
            shorter >= JOINED
        });
        longest.map_or(AROUND, |longest| (longest as u64).clamp(2, AROUND))
    }

    /// Candidates and allowed prices together; the price that stays on sale where none is looked for.
    fn prices(&self, place: &Place, ladder: &Ladder) -> Vec<f64> {
        let mut all: Vec<Decimal> = place.grid.iter().chain(ladder.prices()).copied().collect();
        all.sort_unstable();
        all.dedup();
        let prices: Vec<f64> = all.into_iter().filter_map(|price| price.to_f64()).collect();
        if prices.is_empty() {
            let sale = place.rule.on_sale.and_then(|sale| sale.price.to_f64());
            return vec![sale.unwrap_or(self.types[place.kind].reference).max(1e-3)];
        }
        prices
    }

    /// Places of the room types that are asked for.
    fn check(&self, question: &Question) -> Result<Vec<usize>, ScheduleError> {
        let Question { from, until, room_types, level } = question;
        let (from, until) = (*from, *until);
        if until < from {
            return Err(ScheduleError::Backwards { from, until });
        }
        let nights = (until - from).num_days() + 1;
        if nights > MOST_NIGHTS {
            return Err(ScheduleError::TooManyNights(nights));
        }
        if from <= self.as_of {
            return Err(ScheduleError::Past { from, as_of: self.as_of });
        }
        let last = self.last_night();
        if until > last {
            return Err(ScheduleError::TooFar { until, as_of: self.as_of, last });
        }
        if !(0.5..=0.99).contains(level) {
            return Err(ScheduleError::Level(*level));
        }
        if room_types.is_empty() {
            return Ok((0..self.types.len()).collect());
        }
        let mut wanted = Vec::new();
        for name in room_types {
            let place = self.types.iter().position(|kind| kind.name == *name);
            let place = place.ok_or_else(|| ScheduleError::UnknownRoomType(name.clone()))?;
            if wanted.contains(&place) {
                return Err(ScheduleError::Twice(name.clone()));
            }
            wanted.push(place);
        }
        Ok(wanted)
    }

    fn ladders(&self, places: &[Place], rules: &RuleSet) -> Result<Vec<Ladder>, ScheduleError> {
        let mut ladders = Vec::with_capacity(places.len());
        for night in places.chunks(self.types.len().max(1)) {
            let cells: Vec<_> = night.iter().map(|place| (place.rule.clone(), place.grid.clone())).collect();
            ladders.extend(rules.ladders(&cells)?);
        }
        Ok(ladders)
    }

    fn demand_report(&self) -> DemandReport {
        let test = self.demand.endogeneity();
        DemandReport {
            identified: test.identified,
            words: test.verdict.clone(),
            elasticities: self
                .demand
                .room_types()
                .iter()
                .map(|kind| Elasticity {
                    room_type: kind.room_type.clone(),
                    mean: kind.elasticity.mean,
                    sd: kind.elasticity.sd,
                })
                .collect(),
            family: self.demand.family().by_data.then_some(self.demand.family().family),
            calibration: self.calibration.as_ref().ok().cloned(),
            naive_elasticity: test.naive.map(|naive| naive.mean),
            bookings: self.demand.room_types().iter().map(|kind| kind.bookings).sum::<f64>().round() as u64,
        }
    }

    /// Share of held-out nights whose bookings were within their interval; only as far ahead as it was measured.
    fn confidence(&self, night: NaiveDate) -> Result<f64, String> {
        let calibration = self.calibration.as_ref().map_err(Clone::clone)?;
        if (night - self.as_of).num_days() > i64::from(HELD_OUT_DAYS) {
            return Err(format!("it was measured for nights up to {HELD_OUT_DAYS} days ahead"));
        }
        Ok(calibration.reached)
    }

    fn notes(&self) -> Vec<ScheduleNote> {
        let mut notes: Vec<ScheduleNote> = self.demand.notes().iter().map(words::of_note).collect();
        if !self.demand.endogeneity().identified {
            notes.push(ScheduleNote {
                note: "unproven_change".to_owned(),
                words: format!(
                    "rules apart, prices stay within {:.0} % of those on sale: the history does not tell what a price does",
                    100.0 * self.settings.unproven_change
                ),
            });
        }
        if self.tables.unpriced > 0 {
            notes.push(ScheduleNote {
                note: "unpriced_bookings".to_owned(),
                words: format!(
                    "{} bookings to come have no rate in {}: the usual price of their type stands for it in what is expected",
                    self.tables.unpriced, self.currency
                ),
            });
        }
        notes
    }
}

/// What a price is worth; minus infinity where nobody knows.
fn value(prices: &[f64], values: &[f64], price: Decimal) -> f64 {
    let place = price.to_f64().and_then(|price| prices.binary_search_by(|of| of.total_cmp(&price)).ok());
    place.and_then(|place| values.get(place)).copied().unwrap_or(f64::NEG_INFINITY)
}

impl Worked<'_> {
    /// The best prices that keep the rules, for what each price is worth and the best one without rules.
    pub fn settle(
        &self,
        rules: &RuleSet,
        values: &[Vec<f64>],
        best: &[Option<Decimal>],
    ) -> Result<Vec<Settled>, ScheduleError> {
        let mut settled = Vec::with_capacity(self.places.len());
        let types = self.hotel.types.len().max(1);
        for (night, ladders) in self.ladders.chunks(types).enumerate() {
            let choices: Vec<CellChoices> = ladders
                .iter()
                .enumerate()
                .map(|(kind, ladder)| {
                    let at = night * types + kind;
                    let (prices, values) = (&self.prices[at], &values[at]);
                    // Where nobody is expected to ask, no price is better than the one on sale.
                    let keep = self.places[at].rule.on_sale.map(|sale| sale.price);
                    let nearest = |price: &Decimal| {
                        let from = keep.or(self.middle(at)).unwrap_or(*price);
                        -(*price - from).abs().to_f64().unwrap_or(0.0)
                    };
                    let worth = ladder.prices().iter().map(|price| {
                        if values.is_empty() { nearest(price) } else { value(prices, values, *price) }
                    });
                    CellChoices { values: worth.collect(), ladder: ladder.clone(), free: best[at] }
                })
                .collect();
            settled.extend(rules.settle(&choices)?);
        }
        Ok(settled)
    }

    /// [`Self::cautious`] of all cells.
    pub fn cautious_all(&self, answer: &CalendarAnswer) -> Vec<Vec<f64>> {
        answer.cells.iter().enumerate().map(|(at, answer)| self.cautious(at, answer)).collect()
    }

    /// What each price is worth, less what is not known of the guests' answer to it: how far off the elasticity may be, and
    /// by how much a constant elasticity and a constant loss for each unit of price differ there, both growing with the
    /// distance from the price on sale. A price near which nearly every other brings the same stays where it is.
    fn cautious(&self, at: usize, answer: &CellAnswer) -> Vec<f64> {
        let (place, prices) = (&self.places[at], &self.prices[at]);
        let name = &self.hotel.types[place.kind].name;
        let known = self.hotel.demand.room_types().iter().find(|kind| kind.room_type == *name);
        let chosen = answer.price.and_then(|place| prices.get(place)).copied();
        let (Some(kind), Some(chosen)) = (known, chosen) else { return answer.values.clone() };
        let sale = place.rule.on_sale.and_then(|sale| sale.price.to_f64()).unwrap_or(kind.reference_price);
        let each = prices.iter().zip(&answer.values).map(|(price, value)| {
            let moved = (price / sale).ln();
            let other_family = kind.elasticity.mean * (moved.exp() - 1.0 - moved);
            let unknown = (kind.elasticity.sd * moved).hypot(other_family);
            let revenue = self.wanted(at, (chosen, answer.sold), *price) * price;
            value - self.hotel.settings.caution * unknown * revenue
        });
        each.collect()
    }

    /// The candidate that is worth most, rules apart; of equals the lowest.
    pub fn best_of(&self, at: usize, values: &[f64]) -> Option<Decimal> {
        let of = |price: &Decimal| value(&self.prices[at], values, *price);
        let worth = self.places[at].grid.iter().filter(|price| of(price).is_finite()).rev();
        worth.max_by(|a, b| of(a).total_cmp(&of(b))).copied()
    }

    /// Rooms that would be asked for at a price, where `sold` are at another, the prices of the other nights held: a night's
    /// price moves the average of its stays by as much less as they are longer.
    fn wanted(&self, at: usize, (standing, sold): (f64, f64), price: f64) -> f64 {
        let (place, hotel) = (&self.places[at], self.hotel);
        let Some(response) = hotel.demand.response(place.night, &hotel.types[place.kind].name) else {
            return 0.0;
        };
        let average = (standing + (price - standing) / self.nights.max(1.0)).max(1e-9);
        sold * response.share(average) / response.share(standing).max(1e-12)
    }

    /// The usual price.
    fn middle(&self, at: usize) -> Option<Decimal> {
        Decimal::from_f64(self.hotel.types[self.places[at].kind].reference)
    }

    fn cell(
        &self,
        at: usize,
        settled: &Settled,
        (expected, reasons): (&CellAnswer, &[Reason]),
        level: f64,
    ) -> Cell {
        let (place, hotel) = (&self.places[at], self.hotel);
        let of = &hotel.types[place.kind];
        let sold = place.shut.is_none() && (settled.price.is_some() || place.rule.on_sale.is_some());
        let no_price_reason = match (place.shut, &settled.price, &settled.unmet) {
            (Some(shut), ..) => Some(shut.to_owned()),
            (None, Some(_), _) => None,
            (None, None, Some(unmet)) => Some(unmet.why.clone()),
            (None, None, None) => Some("no price keeps every rule".to_owned()),
        };
        let confidence = hotel.confidence(place.night);
        Cell {
            date: place.night,
            room_type: of.name.clone(),
            suggested_price: settled.price.filter(|_| place.shut.is_none()),
            no_price_reason,
            current_price: place.rule.on_sale.map(|sale| sale.price),
            rooms: of.rooms,
            on_the_books: place.books.rooms,
            rooms_left: place.rooms_left.max(0.0),
            expected_occupancy: expected.occupancy.filter(|_| sold),
            expected_bookings: sold.then_some(expected.sold),
            expected_revenue: sold.then(|| self.revenue(place, expected, level)),
            competitor_avg: place.competitor.map(|price| hotel.currency.round(price)),
            competitor_reason: place
                .competitor
                .is_none()
                .then(|| words::no_competitor(hotel.tables.has_feed)),
            confidence: confidence.as_ref().ok().copied(),
            confidence_reason: confidence.err(),
            bid_price: sold.then_some(self.free.cells[at].bid_price),
            minimum_stay: place.minimum_stay.and_then(|nights| u16::try_from(nights).ok()),
            binding_rules: self.bindings(at, settled),
            reasons: reasons.to_vec(),
            curve: if place.shut.is_some() { Vec::new() } else { self.curve(at, settled.price, expected) },
        }
    }

    /// Rules that decided, and the limit on the change where the best price lies at it.
    fn bindings(&self, at: usize, settled: &Settled) -> Vec<Binding> {
        let named = |effect: &Effect| Binding { rule: effect.rule.to_string(), words: effect.words.clone() };
        let mut bindings: Vec<Binding> = settled.binding.iter().map(named).collect();
        let place = &self.places[at];
        let ends = [place.grid.first().copied(), place.grid.last().copied()];
        let at_an_end =
            settled.price.is_some() && self.best[at] == settled.price && ends.contains(&settled.price);
        if place.rule.on_sale.is_some() && at_an_end {
            let (setting, change) = self.hotel.change_limit();
            let words =
                format!("rules apart, a price moves at most {:.0} % from the one on sale", 100.0 * change);
            bindings.push(Binding { rule: setting.to_owned(), words });
        }
        bindings
    }

    /// What is on the books and what is still to come, with an interval of a normal distribution. Counts still to come vary
    /// more than Poisson counts by what the history showed, and by what belongs to the night alone.
    fn revenue(&self, place: &Place, expected: &CellAnswer, level: f64) -> Revenue {
        let hotel = self.hotel;
        let name = &hotel.types[place.kind].name;
        // A night that sells all it has varies less: what does not fit brings nothing.
        let cut = if expected.wanted > 0.0 { expected.sold / expected.wanted } else { 1.0 };
        let of_the_night =
            hotel.demand.unwritten_variance(place.night, name) * (expected.revenue * cut).powi(2);
        let variance = expected.revenue_variance * hotel.demand.dispersion()
            + of_the_night
            + place.books.revenue_variance;
        let mean = place.books.revenue + expected.revenue;
        let half = distrs::Normal::ppf(f64::midpoint(1.0, level), 0.0, 1.0) * variance.max(0.0).sqrt();
        let money = |amount: f64| {
            hotel.currency.round(Decimal::from_f64(amount.clamp(0.0, 1e15)).unwrap_or_default())
        };
        Revenue { mean: money(mean), lower: money(mean - half), upper: money(mean + half), level }
    }

    /// What the allowed prices would bring, the prices of the other nights held.
    fn curve(&self, at: usize, chosen: Option<Decimal>, expected: &CellAnswer) -> Vec<CurvePoint> {
        let place = &self.places[at];
        let standing = chosen.or(place.rule.on_sale.map(|sale| sale.price)).and_then(|price| price.to_f64());
        let Some(standing) = standing else { return Vec::new() };
        let cost = self.hotel.settings.night_cost + self.free.cells[at].bid_price;
        // What is cut at the rooms there are, at the chosen price; stays that other nights cut are not won back here.
        let most = place.rooms_left.max(expected.sold).max(0.0);
        let kept =
            |wanted: f64| Bookings::poisson(wanted, 5000).mean(most.floor() as usize, |booked| booked as f64);
        let full = kept(expected.wanted);
        let cut = if full > 0.0 { (expected.sold / full).min(1.0) } else { 1.0 };
        let points = self.ladders[at].prices().iter().filter_map(|price| {
            let asked = price.to_f64()?;
            let bookings = cut * kept(self.wanted(at, (standing, expected.wanted), asked));
            Some(CurvePoint {
                price: *price,
                bookings,
                revenue: bookings * asked,
                profit: bookings * (asked - cost),
            })
        });
        points.collect()
    }
}

//! From a question to a schedule.

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};

use super::answer::{
    Binding, Cell, CurvePoint, DemandReport, Elasticity, Reason, Revenue, Schedule, ScheduleNote,
};
use super::hotel::Hotel;
use super::problem::{Place, Without};
use super::question::{MOST_NIGHTS, Question, ScheduleError};
use super::{reasons, windows, words};
use crate::network::{CalendarAnswer, CalendarSettings, CellAnswer, price_calendar};
use crate::night::Bookings;
use crate::rules::{CellChoices, Effect, Ladder, RuleSet, Settled};

/// Nights before and after those asked for that are looked at, for the stays that join them.
const AROUND: u64 = 14;

/// What is computed of the cells that are looked at.
pub(super) struct Worked<'a> {
    pub hotel: &'a Hotel,
    pub places: Vec<Place>,
    /// Candidates and prices that rules allow, ascending.
    pub prices: Vec<Vec<f64>>,
    /// What the optimiser says without rules.
    pub free: CalendarAnswer,
    /// What each price is worth, less what is not known of the answer to it.
    pub values: Vec<Vec<f64>>,
    /// The best candidate without rules, by cell.
    pub best: Vec<Option<Decimal>>,
}

impl Hotel {
    /// A price for each night and room type that is asked for. It keeps every rule; where no price does, there is none, and
    /// the answer says why.
    ///
    /// # Errors
    /// [`ScheduleError`]: what of the question cannot be answered.
    pub fn schedule(&self, question: &Question, rules: &RuleSet) -> Result<Schedule, ScheduleError> {
        let wanted = self.check(question)?;
        let nights = windows::around(self.as_of, question.from, question.until, AROUND);
        let places = self.places(&nights)?;
        let ladders = self.ladders(&places, rules)?;
        let prices: Vec<Vec<f64>> =
            places.iter().zip(&ladders).map(|(place, ladder)| union(place, ladder)).collect();
        let settings = CalendarSettings::default();
        let free = price_calendar(&self.problem(&places, &prices, Without::Nothing), &settings)?;
        let mut worked = Worked { hotel: self, places, prices, free, values: Vec::new(), best: Vec::new() };
        worked.values =
            (0..worked.places.len()).map(|at| worked.cautious(at, &worked.free.cells[at])).collect();
        worked.best = (0..worked.places.len()).map(|at| worked.best_of(at, &worked.values[at])).collect();
        let settled = worked.settle(rules, &ladders)?;
        let chosen: Vec<Vec<f64>> = worked
            .places
            .iter()
            .zip(&settled)
            .map(|(place, settled)| {
                // A cell without an answer stays as it is on sale.
                let price = settled.price.or(place.rule.on_sale.map(|sale| sale.price));
                price.and_then(|price| price.to_f64()).into_iter().collect()
            })
            .collect();
        let expected = price_calendar(&self.problem(&worked.places, &chosen, Without::Nothing), &settings)?;
        let reasons = reasons::of(&worked, &settled, (question.from, question.until))?;
        let mut cells = Vec::new();
        for (at, settled) in settled.iter().enumerate() {
            let place = &worked.places[at];
            if !(question.from..=question.until).contains(&place.night) || !wanted.contains(&place.kind) {
                continue;
            }
            cells.push(worked.cell(
                at,
                settled,
                &ladders[at],
                (&expected.cells[at], &reasons[at]),
                question.level,
            ));
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
            family: self.demand.family().family,
            naive_elasticity: test.naive.map(|naive| naive.mean),
            bookings: self.demand.room_types().iter().map(|kind| kind.bookings).sum::<f64>().round() as u64,
        }
    }

    fn notes(&self) -> Vec<ScheduleNote> {
        let mut notes: Vec<ScheduleNote> = self.demand.notes().iter().map(words::of_note).collect();
        if !self.demand.endogeneity().identified {
            notes.push(ScheduleNote {
                note: "unproven_change".to_owned(),
                words: format!(
                    "prices stay within {:.0} % of those on sale: the history does not tell what a price does",
                    100.0 * self.settings.unproven_change
                ),
            });
        }
        notes
    }
}

/// Candidates and allowed prices together.
fn union(place: &Place, ladder: &Ladder) -> Vec<f64> {
    let mut all: Vec<Decimal> = place.grid.iter().chain(ladder.prices()).copied().collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter().filter_map(|price| price.to_f64()).collect()
}

/// What a price is worth; minus infinity where nobody knows.
fn value(prices: &[f64], values: &[f64], price: Decimal) -> f64 {
    let place = price.to_f64().and_then(|price| prices.binary_search_by(|of| of.total_cmp(&price)).ok());
    place.and_then(|place| values.get(place)).copied().unwrap_or(f64::NEG_INFINITY)
}

impl Worked<'_> {
    fn settle(&self, rules: &RuleSet, ladders: &[Ladder]) -> Result<Vec<Settled>, ScheduleError> {
        let mut settled = Vec::with_capacity(self.places.len());
        let types = self.hotel.types.len().max(1);
        for (night, ladders) in ladders.chunks(types).enumerate() {
            let choices: Vec<CellChoices> = ladders
                .iter()
                .enumerate()
                .map(|(kind, ladder)| {
                    let at = night * types + kind;
                    let (prices, values) = (&self.prices[at], &self.values[at]);
                    let asked_for = !values.is_empty();
                    // Where nobody is expected to ask, no price is better than the one on sale.
                    let keep = self.places[at].rule.on_sale.map(|sale| sale.price);
                    let nearest = |price: &Decimal| {
                        let from = keep.or(self.middle(at)).unwrap_or(*price);
                        -(*price - from).abs().to_f64().unwrap_or(0.0)
                    };
                    let values = ladder
                        .prices()
                        .iter()
                        .map(|price| if asked_for { value(prices, values, *price) } else { nearest(price) });
                    CellChoices { values: values.collect(), ladder: ladder.clone(), free: self.best[at] }
                })
                .collect();
            settled.extend(rules.settle(&choices)?);
        }
        Ok(settled)
    }

    /// What each price is worth, less what is not known of the guests' answer to it: how far off the elasticity may be, and
    /// by how much a constant elasticity and a constant loss for each unit of price differ there, both growing with the
    /// distance from the price on sale. A price near which nearly every other brings the same stays where it is.
    pub fn cautious(&self, at: usize, answer: &CellAnswer) -> Vec<f64> {
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
        let nights: f64 =
            hotel.stay_lengths.iter().enumerate().map(|(place, share)| (place + 1) as f64 * share).sum();
        let average = (standing + (price - standing) / nights.max(1.0)).max(1e-9);
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
        ladder: &Ladder,
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
        let calibrated = hotel.calibration.as_ref();
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
            confidence: calibrated.ok().map(|calibration| calibration.reached),
            confidence_reason: calibrated.err().cloned(),
            bid_price: sold.then_some(self.free.cells[at].bid_price),
            minimum_stay: settled.minimum_stay.as_ref().and_then(|least| u16::try_from(least.nights).ok()),
            binding_rules: self.bindings(at, settled),
            reasons: reasons.to_vec(),
            curve: if place.shut.is_some() {
                Vec::new()
            } else {
                self.curve(at, ladder, settled.price, expected)
            },
        }
    }

    /// Rules that decided, and the limit on the change where the best price lies at it.
    fn bindings(&self, at: usize, settled: &Settled) -> Vec<Binding> {
        let named = |effect: &Effect| Binding { rule: effect.rule.to_string(), words: effect.words.clone() };
        let mut bindings: Vec<Binding> = settled.binding.iter().map(named).collect();
        let place = &self.places[at];
        let ends = [place.grid.first(), place.grid.last()];
        let at_an_end = self.best[at].is_some() && ends.contains(&self.best[at].as_ref());
        if place.rule.on_sale.is_some() && at_an_end {
            let hotel = self.hotel;
            let (setting, change) = if hotel.demand.endogeneity().identified {
                ("pricing.largest_change", hotel.settings.largest_change)
            } else {
                ("pricing.unproven_change", hotel.settings.unproven_change)
            };
            let words = format!("a price moves at most {:.0} % from the one on sale", 100.0 * change);
            bindings.push(Binding { rule: setting.to_owned(), words });
        }
        bindings
    }

    /// What is on the books and what is still to come, with an interval of normal distributions: counts vary more than Poisson
    /// counts by what the history showed.
    fn revenue(&self, place: &Place, expected: &CellAnswer, level: f64) -> Revenue {
        let hotel = self.hotel;
        let comes = place.books.kept.max(1e-9);
        let lost =
            (f64::from(place.books.rooms) - place.books.kept).max(0.0) / f64::from(place.books.rooms.max(1));
        let books = place.books.revenue * place.books.revenue / comes * lost;
        let variance = expected.revenue_variance * hotel.demand.dispersion() + books;
        let mean = place.books.revenue + expected.revenue;
        let half = distrs::Normal::ppf(f64::midpoint(1.0, level), 0.0, 1.0) * variance.max(0.0).sqrt();
        let money = |amount: f64| {
            hotel.currency.round(Decimal::from_f64(amount.clamp(0.0, 1e15)).unwrap_or_default())
        };
        Revenue { mean: money(mean), lower: money(mean - half), upper: money(mean + half), level }
    }

    /// What the allowed prices would bring, the prices of the other nights held.
    fn curve(
        &self,
        at: usize,
        ladder: &Ladder,
        chosen: Option<Decimal>,
        expected: &CellAnswer,
    ) -> Vec<CurvePoint> {
        let place = &self.places[at];
        let standing = chosen.or(place.rule.on_sale.map(|sale| sale.price)).and_then(|price| price.to_f64());
        let Some(standing) = standing else { return Vec::new() };
        // What is sold at the chosen price was already cut at the rooms there are.
        let most = place.rooms_left.max(expected.sold).floor().max(0.0) as usize;
        let points = ladder.prices().iter().filter_map(|price| {
            let asked = price.to_f64()?;
            let wanted = self.wanted(at, (standing, expected.sold), asked);
            let bookings = if wanted <= expected.sold {
                wanted
            } else {
                Bookings::poisson(wanted, 5000).mean(most, |booked| booked as f64).max(expected.sold)
            };
            let profit = value(&self.prices[at], &self.free.cells[at].values, *price);
            Some(CurvePoint {
                price: *price,
                bookings,
                revenue: bookings * asked,
                profit: if profit.is_finite() { profit } else { 0.0 },
            })
        });
        points.collect()
    }
}

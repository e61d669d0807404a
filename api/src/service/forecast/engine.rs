//! From what a hotel's tables know to the days of an answer.

use chrono::{Days as CalendarDays, NaiveDate};
use innkeeper_core::ErrorCode;
use innkeeper_forecast::{
    Bounds, DayForecast, Forecast, ForecastError, HorizonError, Note, Request, Target as Count, forecast,
};
use innkeeper_frames::curves::{BookingCurves, Measure};
use innkeeper_hotel::{Currency, RoomTypeName};
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde_json::json;

use super::answers::{
    AccuracyReport, Days, DriverReport, Made, MemberReport, MethodReport, OccupancyDay, RevenueDay,
};
use super::housekeeping;
use super::known::Known;
use super::question::{Question, Target, word_of};
use crate::problem::Problem;

/// Why an interval has no measured coverage.
const UNTRIED: &str = "too few forecasts this far ahead could be compared with what came, or this one was moved far to agree with \
                       the hotel";
/// The same of a day on which nothing is sold.
const CLOSED: &str = "nothing is sold on this day";

/// What will be, as known at the end of `as_of`.
pub(super) fn make(known: &Known, question: &Question, as_of: NaiveDate) -> Result<Made, Problem> {
    if let Some(wanted) = &question.room_type {
        has(known, wanted)?;
    }
    let view = View::new(known, question, as_of);
    match question.target {
        Target::Occupancy => occupancy(&view),
        Target::Revenue => revenue(&view),
        Target::HousekeepingDemand => housekeeping::make(&view),
    }
}

/// Whether rooms or bookings name this kind of room.
fn has(known: &Known, wanted: &RoomTypeName) -> Result<(), Problem> {
    let names = known.room_types();
    if names.contains(wanted) {
        return Ok(());
    }
    // A hotel of a thousand kinds is not told all of them.
    let listed: Vec<&str> = names.iter().take(50).map(RoomTypeName::as_str).collect();
    let detail = format!("this hotel has no room type of that name; it has {}", listed.join(", "));
    Err(Problem::new(ErrorCode::UnknownRoomType, detail).with("room_types", json!(listed)))
}

/// A question, and the tables as they stood on the day it is asked of.
pub(super) struct View<'a> {
    pub known: &'a Known,
    pub question: &'a Question,
    pub as_of: NaiveDate,
    /// Nothing in here was learnt later.
    pub booked: BookingCurves,
}

impl<'a> View<'a> {
    fn new(known: &'a Known, question: &'a Question, as_of: NaiveDate) -> Self {
        Self { known, question, as_of, booked: known.bookings.as_of(as_of) }
    }

    pub fn request(&self, target: Count) -> Request {
        Request {
            room_type: self.question.room_type.clone(),
            levels: vec![self.question.level],
            ..Request::new(self.as_of, self.question.days, target)
        }
    }

    fn first(&self) -> NaiveDate {
        self.as_of.checked_add_days(CalendarDays::new(1)).unwrap_or(self.as_of)
    }

    /// What is booked for each day of the answer.
    pub fn on_the_books(&self, measure: Measure) -> Vec<f64> {
        let days = usize::from(self.question.days);
        match &self.question.room_type {
            None => self.booked.totals(measure, None, self.first(), days),
            Some(name) => {
                match self.booked.room_types().iter().zip(0_u32..).find(|(other, _)| *other == name) {
                    Some((_, place)) => self.booked.totals(measure, Some(place), self.first(), days),
                    None => vec![0.0; days],
                }
            }
        }
    }

    /// Whether the hotel, or the kind of room that is asked of, is closed.
    pub fn is_closed(&self, day: NaiveDate) -> bool {
        self.known.closures.iter().any(|closure| {
            (closure.from..=closure.until).contains(&day)
                && (closure.room_type.is_none() || closure.room_type == self.question.room_type)
        })
    }

    /// What every answer says of itself.
    pub fn made(&self, accuracy: Vec<AccuracyReport>, mut notes: Vec<String>, forecasts: Days) -> Made {
        notes.dedup();
        Made {
            as_of: self.as_of,
            room_type: word_of(self.question.room_type.as_ref()).to_owned(),
            currency: self.known.currency.map(|currency| currency.code().to_owned()),
            level: self.question.level,
            model: super::model(),
            method: method(&accuracy),
            accuracy,
            notes,
            forecasts,
        }
    }
}

/// The problem of a forecast that cannot be made.
pub(super) fn refusal(error: &ForecastError) -> Problem {
    match error {
        ForecastError::HistoryTooShort { have_days, need_days, .. } => {
            let detail = format!("{error}; `innkeeper import bookings FILE` brings earlier ones");
            Problem::new(ErrorCode::HistoryTooShort, detail)
                .with("have_days", json!(have_days))
                .with("need_days", json!(need_days))
        }
        ForecastError::NothingToCompare | ForecastError::NoRates => {
            Problem::new(ErrorCode::HistoryTooShort, error.to_string())
        }
        ForecastError::UnknownRoomType(_) => Problem::new(ErrorCode::UnknownRoomType, error.to_string()),
        ForecastError::Calendar(_) | ForecastError::Days(_) | ForecastError::Level(_) => {
            Problem::new(ErrorCode::BadRequest, error.to_string())
        }
        other @ ForecastError::NoLevel => Problem::internal(other),
    }
}

/// A number with so many decimals: more of them say nothing, and differ between machines.
pub(crate) fn rounded(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    let round = (value * scale).round() / scale;
    // No zero is negative.
    if round == 0.0 { 0.0 } else { round }
}

/// An amount that the currency can pay.
fn money(value: f64, currency: Option<Currency>) -> f64 {
    let exact = rust_decimal::Decimal::from_f64(value).zip(currency);
    exact.and_then(|(value, currency)| currency.round(value).to_f64()).unwrap_or_else(|| rounded(value, 2))
}

pub(super) fn drivers(day: &DayForecast, round: impl Fn(f64) -> f64) -> Vec<DriverReport> {
    let name = |driver: &innkeeper_forecast::Driver| {
        serde_json::to_value(driver.name).ok().and_then(|name| Some(name.as_str()?.to_owned()))
    };
    day.drivers
        .iter()
        .map(|driver| DriverReport {
            name: name(driver).unwrap_or_else(|| "other".to_owned()),
            effect: round(driver.effect),
            words: driver.words.clone(),
        })
        .collect()
}

/// The interval that was asked for.
pub(super) fn bounds(day: &DayForecast) -> Bounds {
    day.bounds.first().copied().unwrap_or(Bounds {
        level: 0.0,
        lower: day.value,
        upper: day.value,
        coverage: None,
    })
}

/// The coverage that such intervals reached, or why there is none.
pub(super) fn confidence(coverage: Option<f64>, closed: bool) -> (Option<f64>, Option<&'static str>) {
    match coverage {
        Some(reached) => (Some(rounded(reached, 3)), None),
        None => (None, Some(if closed { CLOSED } else { UNTRIED })),
    }
}

fn occupancy(view: &View<'_>) -> Result<Made, Problem> {
    let made = forecast(&view.known.history(), &view.request(Count::Occupancy)).map_err(|e| refusal(&e))?;
    let mut notes = notes(&made.notes);
    let rooms = match view.known.history().rooms(view.question.room_type.as_ref()) {
        Some(rooms) => rooms,
        None => most_taken(view, &mut notes)?,
    };
    let share = |value: f64| rounded((value / f64::from(rooms)).clamp(0.0, 1.0), 4);
    let booked = view.on_the_books(Measure::Rooms);
    let day = |(day, on_the_books): (&DayForecast, f64)| {
        let bounds = bounds(day);
        let closed = view.is_closed(day.date);
        let (confidence, confidence_reason) = confidence(bounds.coverage.map(|c| c.reached), closed);
        let in_rooms = |value: f64| rounded(value.clamp(0.0, f64::from(rooms)), 2);
        OccupancyDay {
            date: day.date,
            predicted_occupancy: share(day.value),
            lower_bound: share(bounds.lower),
            upper_bound: share(bounds.upper),
            confidence,
            confidence_reason,
            predicted_rooms: in_rooms(day.value),
            lower_rooms: in_rooms(bounds.lower),
            upper_rooms: in_rooms(bounds.upper),
            rooms,
            on_the_books,
            closed,
            drivers: drivers(day, |effect| rounded(effect, 2)),
        }
    };
    let days = made.days.iter().zip(booked).map(day).collect();
    Ok(view.made(accuracy(None, &made, |mae| rounded(mae, 2)), notes, Days::Occupancy(days)))
}

/// The most rooms that were ever taken in one night, where nobody told how many there are; said in the notes.
fn most_taken(view: &View<'_>, notes: &mut Vec<String>) -> Result<u32, Problem> {
    let unknown = || {
        let detail = "nobody told how many rooms there are, and none was ever taken; `innkeeper import rooms FILE` tells";
        Problem::new(ErrorCode::RoomsUnknown, detail)
    };
    let first = view.booked.first_arrival().ok_or_else(unknown)?;
    let known = usize::try_from((view.as_of - first).num_days()).unwrap_or(0).saturating_add(1);
    let place = match &view.question.room_type {
        None => None,
        Some(name) => {
            let place = view.booked.room_types().iter().zip(0_u32..).find(|(other, _)| *other == name);
            Some(place.ok_or_else(unknown)?.1)
        }
    };
    let most = view.booked.totals(Measure::Rooms, place, first, known).into_iter().fold(0.0, f64::max);
    if most < 1.0 {
        return Err(unknown());
    }
    notes.push(format!(
        "nobody told how many rooms there are: {most:.0}, the most that were taken in one night, stand in for them; \
         `innkeeper import rooms FILE` tells"
    ));
    Ok(most as u32)
}

fn revenue(view: &View<'_>) -> Result<Made, Problem> {
    let made = forecast(&view.known.history(), &view.request(Count::Revenue)).map_err(|e| refusal(&e))?;
    let currency = view.known.currency;
    let amount = |value: f64| money(value, currency);
    let booked = view.on_the_books(Measure::Revenue);
    let day = |(day, on_the_books): (&DayForecast, f64)| {
        let bounds = bounds(day);
        let closed = view.is_closed(day.date);
        let (confidence, confidence_reason) = confidence(bounds.coverage.map(|c| c.reached), closed);
        RevenueDay {
            date: day.date,
            predicted_revenue: amount(day.value),
            lower_bound: amount(bounds.lower),
            upper_bound: amount(bounds.upper),
            confidence,
            confidence_reason,
            on_the_books: amount(on_the_books),
            predicted_rooms: day.rooms.map(|rooms| rounded(rooms, 2)),
            predicted_rate: day.rate.map(amount),
            closed,
            drivers: drivers(day, amount),
        }
    };
    let mut notes = notes(&made.notes);
    if currency.is_none() {
        notes.push("no booking names a currency".to_owned());
    }
    if view.known.foreign > 0 {
        let foreign = view.known.foreign;
        notes
            .push(format!("{foreign} bookings are in another currency and count as bookings without a rate"));
    }
    let days = made.days.iter().zip(booked).map(day).collect();
    Ok(view.made(accuracy(None, &made, amount), notes, Days::Revenue(days)))
}

/// How good a forecast was, by distance.
pub(super) fn accuracy(
    of: Option<&'static str>,
    made: &Forecast,
    round: impl Fn(f64) -> f64,
) -> Vec<AccuracyReport> {
    let coverage = |error: &HorizonError| {
        let mut band = made.days.iter().filter(|day| (error.from..=error.until).contains(&day.horizon));
        // A closed day has none.
        Some(rounded(band.find_map(|day| bounds(day).coverage)?.reached, 3))
    };
    made.accuracy
        .iter()
        .map(|error| {
            let coverage = coverage(error);
            AccuracyReport {
                of,
                days_ahead: [error.from, error.until],
                mae: error.mae.map(&round),
                coverage,
                compared: error.count,
                reason: (error.mae.is_none() || coverage.is_none()).then_some(UNTRIED),
                members: members(error),
            }
        })
        .collect()
}

fn members(error: &HorizonError) -> Vec<MemberReport> {
    let shares = [
        ("recent_pickup", error.shares.recent_pickup),
        ("last_year_pickup", error.shares.last_year_pickup),
        ("linear", error.shares.linear),
        ("boosted", error.shares.boosted),
    ];
    let member =
        |(name, share): (&str, f64)| MemberReport { name: name.to_owned(), weight: rounded(share, 3) };
    shares.into_iter().filter(|(_, share)| *share > 0.0).map(member).collect()
}

/// The methods with their mean share over the distances of the answer.
fn method(accuracy: &[AccuracyReport]) -> MethodReport {
    let mut sums: Vec<MemberReport> = Vec::new();
    for member in accuracy.iter().flat_map(|band| &band.members) {
        match sums.iter_mut().find(|known| known.name == member.name) {
            Some(known) => known.weight += member.weight,
            None => sums.push(member.clone()),
        }
    }
    let whole: f64 = sums.iter().map(|member| member.weight).sum();
    for member in &mut sums {
        member.weight = rounded(member.weight / whole.max(f64::MIN_POSITIVE), 3);
    }
    MethodReport {
        name: "booking curves: what is booked and will stay, and what comes still; members weighed by recent error"
            .to_owned(),
        members: sums,
    }
}

/// What a reader should know, in words.
pub(super) fn notes(notes: &[Note]) -> Vec<String> {
    notes.iter().map(words).collect()
}

fn words(note: &Note) -> String {
    match note {
        Note::ColdStart { known_days } => format!(
            "only {known_days} days are known: the forecast rests on what is booked and on how bookings came in lately, and from \
             seven weeks on, for the nearest days, on a regression"
        ),
        Note::NoYearBefore { known_days } => {
            format!("only {known_days} days are known: nothing is compared with last year")
        }
        Note::MissingNights { nights } => {
            format!(
                "{nights} nights without a single guest were taken as holes in the data, not as an empty hotel"
            )
        }
        Note::EmptySince { nights } => format!("the last {nights} known nights have no guest"),
        Note::ClosedNights { nights } => format!("{nights} closed nights were not learnt from"),
        Note::Unmeasured { from_horizon } => format!(
            "from {from_horizon} days ahead on no earlier forecast could be compared with what came: intervals there rest on \
             nearer days"
        ),
        Note::Unpriced { bookings } => {
            format!("{bookings} bookings have no rate and count as nothing")
        }
        Note::MovedToHotel => {
            "coverage was measured before the room types were made to agree with the hotel".to_owned()
        }
        Note::UnknownEvent { kind } => {
            format!(
                "no event of the kind {kind} lies in the past: its days are forecast as if there were none"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_one_that_can_be_paid() {
        let vnd = "VND".parse().ok();
        assert!((money(1_234_567.89, vnd) - 1_234_568.0).abs() < 1e-9);
        assert!((money(12.345, "KWD".parse().ok()) - 12.345).abs() < 1e-9);
        assert!((money(12.345_6, None) - 12.35).abs() < 1e-9);
        assert!(money(-0.001, None).is_sign_positive());
    }

    #[test]
    fn a_missing_coverage_has_a_reason() {
        assert_eq!(confidence(Some(0.812_34), false), (Some(0.812), None));
        assert_eq!(confidence(None, true), (None, Some(CLOSED)));
        assert_eq!(confidence(None, false), (None, Some(UNTRIED)));
    }

    #[test]
    fn a_short_history_says_how_short() {
        let error =
            ForecastError::HistoryTooShort { have_days: 5, need_days: 21, missing: "more".to_owned() };
        let problem = refusal(&error);
        assert_eq!(problem.code, ErrorCode::HistoryTooShort);
        assert_eq!((&problem.more["have_days"], &problem.more["need_days"]), (&json!(5), &json!(21)));
        assert!(problem.detail.contains("innkeeper import bookings"), "{}", problem.detail);
    }
}

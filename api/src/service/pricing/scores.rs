//! Prices that somebody set, against what happened.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Datelike, Days, NaiveDate, Utc};
use chrono_tz::Tz;
use innkeeper_core::HotelId;
use innkeeper_frames::curves::{NEVER, Record};
use innkeeper_hotel::Currency;
use innkeeper_store::{PriceOverride, PriceSchedule};
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::amount;
use super::answers::Made;
use super::desk::{PricingDesk, content_of};
use super::known::PricingKnown;
use super::simulate::{Outcome, outcome, why_none};
use crate::problem::Problem;
use crate::service::forecast::rounded;

/// Nights that are looked back on where nobody says since when.
const LOOK_BACK: u64 = 366;

/// What guests did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = PriceHappened)]
pub(crate) struct Happened {
    /// Rooms that were booked after the day of which the schedule knew.
    pub bookings: u64,
    /// Those of them that were neither cancelled nor no-shows.
    pub kept: u64,
    /// What the kept rooms bring for the night; null where one of them has no rate, or rates are in another currency.
    pub revenue: Option<f64>,
}

/// One price that somebody set, and its night.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OverrideScore)]
pub(crate) struct ScoreReport {
    pub override_id: Uuid,
    pub schedule_id: Uuid,
    pub date: NaiveDate,
    pub room_type: String,
    pub by: String,
    pub note: String,
    pub set_at: DateTime<Utc>,
    #[serde(with = "amount::optional")]
    #[schema(value_type = Option<f64>)]
    pub suggested_price: Option<Decimal>,
    #[serde(with = "amount")]
    #[schema(value_type = f64)]
    pub price: Decimal,
    pub currency: String,
    /// What the model expected of its own price.
    pub expected_at_suggested: Option<Outcome>,
    /// What it expected of the price that was set.
    pub expected_at_override: Option<Outcome>,
    pub happened: Option<Happened>,
    /// Revenue of the kept rooms less what the model expected of its own price, cancellations left out of both; above zero: the
    /// person knew better. Null, and in no sum, where prices and bookings are in different currencies.
    pub gain: Option<f64>,
    /// Why a field is null.
    pub reason: Option<String>,
}

/// All that one person set.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
#[schema(as = PersonScore)]
pub(crate) struct PersonReport {
    pub by: String,
    /// Prices that went on sale and whose nights have passed.
    pub overrides: u64,
    /// Those with a `gain`.
    pub scored: u64,
    /// Those of them whose gain is above zero.
    pub better: u64,
    /// Mean gain; null where none is scored.
    pub mean_gain: Option<f64>,
    /// What the model thought of the same prices: mean of its expectation of them less that of its own.
    pub mean_expected_gain: Option<f64>,
}

/// Prices that somebody set, against what happened.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = OverrideScores)]
pub(crate) struct ScoresAnswer {
    /// The last night that is known whole.
    pub known_until: Option<NaiveDate>,
    /// By person, by name.
    pub people: Vec<PersonReport>,
    /// The latest nights first.
    pub scores: Vec<ScoreReport>,
}

/// The currency of the bookings, where it is not that of the price.
fn foreign(known: &PricingKnown, set: &PriceOverride) -> Option<Currency> {
    known.base.currency.filter(|currency| *currency != set.price.currency)
}

/// What guests did about a night after a day.
fn happened(known: &PricingKnown, near: &[Record], set: &PriceOverride, as_of: NaiveDate) -> Happened {
    let curves = &known.base.bookings;
    let (night, known_day) = (set.night.num_days_from_ce(), as_of.num_days_from_ce());
    let room_type = curves.room_types().iter().position(|name| *name == set.room_type);
    let (mut bookings, mut kept) = (0, 0);
    let mut revenue = foreign(known, set).is_none().then_some(0.0);
    for record in near {
        let here = record.arrival <= night && night < record.departure;
        if here && record.booked > known_day && room_type == Some(record.room_type as usize) {
            bookings += 1;
            // A booking that was taken back brings nothing, whatever its rate was.
            if record.gone == NEVER {
                kept += 1;
                revenue = revenue.zip(record.rate).map(|(sum, rate): (f64, f32)| sum + f64::from(rate));
            }
        }
    }
    Happened { bookings, kept, revenue: revenue.map(|sum| rounded(sum, 2)) }
}

/// Whether another price was on sale later; the day on which it was set.
fn replaced(known: &PricingKnown, set: &PriceOverride, schedule: &PriceSchedule) -> Option<NaiveDate> {
    let published = schedule.published_at?.date_naive();
    let rates = known.prices.of(set.night, &set.room_type);
    // A day later by any zone's clock.
    let later = published.checked_add_days(Days::new(1))?;
    rates.iter().find(|rate| rate.set_on > later && rate.price != set.price).map(|rate| rate.set_on)
}

/// Whether the night was still to come when its price was published. Publishing once more moves the day on; the prices on
/// sale tell of the first time.
fn went_on_sale(known: &PricingKnown, set: &PriceOverride, schedule: &PriceSchedule, zone: Tz) -> bool {
    let day = |time: DateTime<Utc>| time.with_timezone(&zone).date_naive();
    let days = day(set.created_at)..=set.night;
    schedule.published_at.is_some_and(|at| day(at) <= set.night)
        || known
            .prices
            .of(set.night, &set.room_type)
            .iter()
            .any(|rate| days.contains(&rate.set_on) && rate.price == set.price)
}

/// The bookings of any of these nights.
fn near(known: &PricingKnown, set: &[(PriceOverride, PriceSchedule)]) -> Vec<Record> {
    let nights = set.iter().map(|(set, _)| set.night.num_days_from_ce());
    let (Some(first), Some(last)) = (nights.clone().min(), nights.max()) else { return Vec::new() };
    let records = known.base.bookings.records().iter();
    records.filter(|record| record.arrival <= last && first < record.departure).copied().collect()
}

fn score(
    known: &PricingKnown,
    near: &[Record],
    (set, schedule): &(PriceOverride, PriceSchedule),
    made: Option<&Made>,
) -> ScoreReport {
    let cell = made.and_then(|made| {
        let cells = &made.pricing_schedule;
        cells.iter().find(|cell| cell.date == set.night && cell.room_type == set.room_type.as_str())
    });
    let expected = |price: Option<Decimal>| outcome(cell?, price?);
    let at_suggested = expected(set.suggested);
    let at_override = expected(Some(set.price.amount));
    let seen = happened(known, near, set, schedule.as_of);
    let replaced = replaced(known, set, schedule);
    let gain = match (replaced, seen.revenue, at_suggested) {
        (None, Some(revenue), Some(usual)) => Some(rounded(revenue - usual.revenue, 2)),
        _ => None,
    };
    let reason = match (replaced, cell, foreign(known, set)) {
        (Some(day), _, _) => Some(format!("another price was set on {day}")),
        (None, None, _) => Some("the schedule is not kept any more".to_owned()),
        (None, Some(_), Some(other)) => {
            Some(format!("the bookings are in {other}, the price in {}", set.price.currency))
        }
        (None, Some(_), None) if set.suggested.is_none() => Some("no price was suggested".to_owned()),
        (None, Some(cell), None) if at_suggested.is_none() || at_override.is_none() => Some(why_none(cell)),
        (None, Some(_), None) if seen.revenue.is_none() => Some("a booking has no rate".to_owned()),
        _ => None,
    };
    ScoreReport {
        override_id: set.id,
        schedule_id: set.schedule,
        date: set.night,
        room_type: set.room_type.to_string(),
        by: set.created_by.clone(),
        note: set.note.clone(),
        set_at: set.created_at,
        suggested_price: set.suggested,
        price: set.price.amount,
        currency: set.price.currency.code().to_owned(),
        expected_at_suggested: at_suggested,
        expected_at_override: at_override,
        happened: Some(seen),
        gain,
        reason,
    }
}

fn people(scores: &[ScoreReport]) -> Vec<PersonReport> {
    let mut by_name: BTreeMap<&str, Vec<&ScoreReport>> = BTreeMap::new();
    for score in scores {
        by_name.entry(&score.by).or_default().push(score);
    }
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| rounded(values.iter().sum::<f64>() / values.len() as f64, 2))
    };
    by_name
        .into_iter()
        .map(|(by, theirs)| {
            let gains: Vec<f64> = theirs.iter().filter_map(|score| score.gain).collect();
            let thought: Vec<f64> = theirs
                .iter()
                .filter(|score| score.gain.is_some())
                .filter_map(|score| {
                    Some(score.expected_at_override?.revenue - score.expected_at_suggested?.revenue)
                })
                .collect();
            PersonReport {
                by: by.to_owned(),
                overrides: theirs.len() as u64,
                scored: gains.len() as u64,
                better: gains.iter().filter(|gain| **gain > 0.0).count() as u64,
                mean_gain: mean(&gains),
                mean_expected_gain: mean(&thought),
            }
        })
        .collect()
}

impl PricingDesk {
    /// Prices that somebody set and that went on sale, for nights that have passed.
    pub async fn scores(
        &self,
        hotel: &HotelId,
        since: Option<NaiveDate>,
        limit: usize,
    ) -> Result<ScoresAnswer, Problem> {
        let known = self.known(hotel).await?;
        // Without bookings nothing is known of any night.
        let Ok(until) = known.base.until() else {
            return Ok(ScoresAnswer { known_until: None, people: Vec::new(), scores: Vec::new() });
        };
        let since = since.or_else(|| until.checked_sub_days(Days::new(LOOK_BACK))).unwrap_or(until);
        let rows = self.store.hotel(hotel);
        // The night that begins on the last known day is not over.
        let mut set = rows.published_overrides(since..until, usize::MAX).await?;
        set.retain(|(set, schedule)| went_on_sale(&known, set, schedule, self.zone));
        set.truncate(limit);
        let mut contents: HashMap<Uuid, Arc<Made>> = HashMap::new();
        for (set, _) in &set {
            if !contents.contains_key(&set.schedule)
                && let Some((_, content)) = rows.price_schedule(set.schedule).await?
            {
                contents.insert(set.schedule, Arc::new(content_of(content).await?));
            }
        }
        let work = move || {
            let near = near(&known, &set);
            let made = |schedule: Uuid| contents.get(&schedule).map(Arc::as_ref);
            let scores: Vec<ScoreReport> =
                set.iter().map(|one| score(&known, &near, one, made(one.0.schedule))).collect();
            ScoresAnswer { known_until: Some(until), people: people(&scores), scores }
        };
        Ok(tokio::task::spawn_blocking(work).await?)
    }
}

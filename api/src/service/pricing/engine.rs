//! From what a hotel's tables know to suggested prices: the only place that knows the library which computes them.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use innkeeper_core::ErrorCode;
use innkeeper_hotel::{Booking, RoomTypeName};
use innkeeper_pricing::history::{Calibration, DemandError, History};
use innkeeper_pricing::rules::{CellError, RuleSet};
use innkeeper_pricing::schedule::{Cell, Hotel, Question, Schedule, ScheduleError, Settings};
use innkeeper_store::{BookingFilter, HotelStore, StoreError};
use rust_decimal::Decimal;
use serde::Serialize;

use super::answers::{
    BindingReport, CalibrationReport, CellReport, DemandReport, ElasticityReport, Made, NoteReport,
    PointReport, ReasonReport, RevenueReport,
};
use super::known::PricingKnown;
use super::question::PricingQuestion;
use super::rules;
use crate::config::Pricing;
use crate::problem::Problem;

/// What a learnt hotel weighs in memory besides its prices, in bytes, and for each booking.
const LEARNT_BYTES: usize = 8 << 20;
const BOOKING_BYTES: usize = 64;

/// What a hotel's history tells of its guests and prices.
pub(super) struct Learnt {
    hotel: Hotel,
    bytes: usize,
}

/// Every booking of a hotel, less what no price looks at.
pub(super) async fn bookings(rows: &HotelStore) -> Result<Vec<Booking>, Problem> {
    let mut bookings = Vec::new();
    let take = |booking: Booking| {
        bookings.push(Booking {
            guest: None,
            room_number: None,
            country: None,
            meal: None,
            payment_method: None,
            assigned_room_type: None,
            ..booking
        });
        Ok::<(), StoreError>(())
    };
    rows.for_each_booking(&BookingFilter::default(), take).await?;
    Ok(bookings)
}

impl Learnt {
    /// Learns. Takes seconds for some hundred thousand bookings.
    pub fn new(
        known: &PricingKnown,
        bookings: &[Booking],
        as_of: NaiveDate,
        settings: &Pricing,
    ) -> Result<Self, Problem> {
        let rooms: BTreeMap<RoomTypeName, u32> = known.base.capacity.iter().cloned().collect();
        let history = History {
            as_of,
            currency: rules::currency(known)?,
            rooms: &rooms,
            bookings,
            rates: &known.prices.rates,
            competitors: &known.prices.competitors,
            events: &known.base.events,
            closures: &known.base.closures,
            tests: &[],
        };
        let settings = Settings {
            night_cost: settings.marginal_cost,
            walk_cost: settings.walk_cost,
            order: settings.room_type_order.clone(),
            largest_change: settings.largest_change,
            unproven_change: settings.unproven_change,
            caution: settings.caution,
        };
        let hotel = Hotel::learn(&history, settings).map_err(|e| refusal(&e))?;
        let bytes = LEARNT_BYTES + known.prices.bytes() + bookings.len().saturating_mul(BOOKING_BYTES);
        Ok(Self { hotel, bytes })
    }

    /// What it weighs in memory, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Suggests prices.
    pub fn suggest(
        &self,
        question: &PricingQuestion,
        room_types: Vec<RoomTypeName>,
        rules: &RuleSet,
        tax_inclusive: Option<bool>,
    ) -> Result<Made, Problem> {
        let level = question.level;
        let asked = Question { from: question.first, until: question.last, room_types, level };
        let schedule = self.hotel.schedule(&asked, rules).map_err(|e| refusal(&e))?;
        Ok(report(schedule, level, tax_inclusive))
    }
}

/// The problem of prices that cannot be suggested.
fn refusal(error: &ScheduleError) -> Problem {
    let told = |code| Problem::new(code, error.to_string());
    match error {
        ScheduleError::Demand(DemandError::NoBookings(_) | DemandError::NotFitted) => {
            let detail = format!("{error}; `innkeeper import bookings FILE` brings more of them");
            Problem::new(ErrorCode::HistoryTooShort, detail)
        }
        ScheduleError::NoRooms => {
            let detail = format!("{error}; `innkeeper import rooms FILE` brings them");
            Problem::new(ErrorCode::RoomsUnknown, detail)
        }
        ScheduleError::NoPrices(_) => {
            let detail = format!("{error}; `innkeeper import rates FILE` brings prices");
            Problem::new(ErrorCode::PricesUnknown, detail)
        }
        ScheduleError::UnknownRoomType(_) | ScheduleError::Cell(CellError::UnknownRoomType(_)) => {
            told(ErrorCode::UnknownRoomType)
        }
        ScheduleError::Cell(CellError::Price { .. }) => told(ErrorCode::InvalidPrice),
        ScheduleError::Demand(DemandError::TooManyRoomTypes(_) | DemandError::OutsideCalendar(_))
        | ScheduleError::Backwards { .. }
        | ScheduleError::TooManyNights(_)
        | ScheduleError::Past { .. }
        | ScheduleError::TooFar { .. }
        | ScheduleError::Twice(_)
        | ScheduleError::Level(_) => told(ErrorCode::BadRequest),
        other @ (ScheduleError::Setting { .. } | ScheduleError::Cell(_) | ScheduleError::Network(_)) => {
            Problem::internal(other)
        }
    }
}

/// A word as answers spell it.
fn word(name: &impl Serialize) -> String {
    serde_json::to_value(name).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default()
}

/// A number with so many decimals: more of them say nothing.
fn rounded(value: f64, decimals: i32) -> f64 {
    crate::service::forecast::rounded(value, decimals)
}

fn share(value: Option<f64>) -> Option<f64> {
    value.map(|value| rounded(value, 4))
}

/// What was expected beside what came.
fn calibration(of: &Calibration) -> CalibrationReport {
    CalibrationReport {
        known_until: of.until,
        nights: of.nights,
        expected: rounded(of.expected, 1),
        came: rounded(of.came, 1),
        level: of.level,
        reached: rounded(of.reached, 3),
        intended: rounded(of.intended, 3),
    }
}

/// What is told of a schedule.
fn report(schedule: Schedule, level: f64, tax_inclusive: Option<bool>) -> Made {
    let currency = schedule.currency;
    let pay = |amount: Decimal| currency.round(amount);
    let cell = |cell: Cell| CellReport {
        date: cell.date,
        room_type: cell.room_type.to_string(),
        suggested_price: cell.suggested_price,
        no_price_reason: cell.no_price_reason,
        current_price: cell.current_price,
        expected_occupancy: share(cell.expected_occupancy),
        competitor_avg: cell.competitor_avg.map(pay),
        competitor_reason: cell.competitor_reason,
        confidence: cell.confidence.map(|value| rounded(value, 3)),
        confidence_reason: cell.confidence_reason,
        rooms: cell.rooms,
        on_the_books: cell.on_the_books,
        rooms_left: rounded(cell.rooms_left, 2),
        expected_bookings: cell.expected_bookings.map(|value| rounded(value, 3)),
        expected_revenue: cell.expected_revenue.map(|revenue| RevenueReport {
            mean: pay(revenue.mean),
            lower: pay(revenue.lower),
            upper: pay(revenue.upper),
            level: revenue.level,
        }),
        bid_price: cell.bid_price.map(|value| rounded(value, 2)),
        minimum_stay: cell.minimum_stay,
        binding_rules: cell
            .binding_rules
            .into_iter()
            .map(|binding| BindingReport { rule: binding.rule, words: binding.words })
            .collect(),
        reasons: cell
            .reasons
            .into_iter()
            .map(|reason| ReasonReport {
                name: word(&reason.name),
                effect: pay(reason.effect),
                words: reason.words,
            })
            .collect(),
        curve: cell
            .curve
            .iter()
            .map(|point| PointReport {
                price: point.price,
                bookings: rounded(point.bookings, 4),
                revenue: rounded(point.revenue, 2),
                profit: rounded(point.profit, 2),
            })
            .collect(),
        set: None,
    };
    Made {
        as_of: schedule.as_of,
        currency: currency.code().to_owned(),
        tax_inclusive,
        level,
        model: super::model(),
        demand: DemandReport {
            identified: schedule.demand.identified,
            words: schedule.demand.words,
            elasticities: schedule
                .demand
                .elasticities
                .into_iter()
                .map(|known| ElasticityReport {
                    room_type: known.room_type.to_string(),
                    mean: rounded(known.mean, 3),
                    sd: rounded(known.sd, 3),
                })
                .collect(),
            family: schedule.demand.family.as_ref().map(word),
            calibration: schedule.demand.calibration.as_ref().map(calibration),
            naive_elasticity: schedule.demand.naive_elasticity.map(|value| rounded(value, 3)),
            bookings: schedule.demand.bookings,
        },
        notes: schedule
            .notes
            .into_iter()
            .map(|note| NoteReport { note: note.note, words: note.words })
            .collect(),
        pricing_schedule: schedule.cells.into_iter().map(cell).collect(),
    }
}

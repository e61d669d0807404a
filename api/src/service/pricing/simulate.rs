//! What other prices would bring, without writing anything down.

use chrono::NaiveDate;
use innkeeper_core::ErrorCode;
use innkeeper_hotel::RoomTypeName;
use innkeeper_identity::Principal;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::amount;
use super::answers::{CellReport, Made, PointReport};
use super::decisions::checked_price;
use super::desk::PricingDesk;
use super::question::{PricingAsked, PricingQuestion};
use crate::problem::Problem;
use crate::service::forecast::rounded;

/// Most prices of one question.
const MOST: usize = 5000;

/// A price to try.
#[derive(Debug, Clone)]
pub(crate) struct WhatIf {
    pub night: NaiveDate,
    pub room_type: RoomTypeName,
    pub price: Decimal,
}

/// What a price is expected to bring.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
#[schema(as = PriceOutcome)]
pub(crate) struct Outcome {
    /// Rooms expected to be booked from now on.
    pub bookings: f64,
    /// Revenue expected from them.
    pub revenue: f64,
    /// Share of the rooms expected to be taken, 0 to 1; null where it is not known at the suggested price either.
    pub occupancy: Option<f64>,
}

/// One price that was tried.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SimulatedPrice {
    pub date: NaiveDate,
    pub room_type: String,
    #[serde(with = "amount")]
    #[schema(value_type = f64)]
    pub price: Decimal,
    /// Null where the price lies outside of those that were weighed, or the night is not sold.
    pub expected: Option<Outcome>,
    /// Why `expected` is null.
    pub reason: Option<String>,
    #[serde(with = "amount::optional")]
    #[schema(value_type = Option<f64>)]
    pub suggested_price: Option<Decimal>,
    /// The same at the suggested price.
    pub expected_at_suggested: Option<Outcome>,
    #[serde(with = "amount::optional")]
    #[schema(value_type = Option<f64>)]
    pub current_price: Option<Decimal>,
    /// The same at the price on sale.
    pub expected_at_current: Option<Outcome>,
}

/// The sum over the prices whose outcome is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, ToSchema)]
#[schema(as = SimulatedSum)]
pub(crate) struct Sum {
    /// Nights and room types that are summed up.
    pub prices: u64,
    pub bookings: f64,
    pub revenue: f64,
}

/// What the prices would bring together, and what the suggested ones would.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SimulatedPrices)]
pub(crate) struct SimulatedAnswer {
    pub as_of: NaiveDate,
    pub currency: String,
    pub tax_inclusive: Option<bool>,
    pub prices: Vec<SimulatedPrice>,
    /// Of the nights and room types where both the given and the suggested price have an outcome.
    pub given: Sum,
    pub suggested: Sum,
}

/// The curve at a price: on the line between the two prices nearest to it. `None` outside of the curve.
pub(super) fn at(curve: &[PointReport], price: Decimal) -> Option<(f64, f64)> {
    let above = curve.iter().position(|point| point.price >= price)?;
    let high = curve.get(above)?;
    if high.price == price {
        return Some((high.bookings, high.revenue));
    }
    let low = curve.get(above.checked_sub(1)?)?;
    let share = ((price - low.price) / (high.price - low.price)).to_f64()?;
    let between = |a: f64, b: f64| a + (b - a) * share;
    Some((between(low.bookings, high.bookings), between(low.revenue, high.revenue)))
}

/// What a price of a cell is expected to bring.
pub(super) fn outcome(cell: &CellReport, price: Decimal) -> Option<Outcome> {
    let (bookings, revenue) = at(&cell.curve, price)?;
    let occupancy = cell.suggested_price.zip(cell.expected_occupancy).and_then(|(suggested, share)| {
        let (usual, _) = at(&cell.curve, suggested)?;
        let rooms = f64::from(cell.rooms);
        (rooms > 0.0).then(|| rounded((share + (bookings - usual) / rooms).clamp(0.0, 1.0), 4))
    });
    Some(Outcome { bookings: rounded(bookings, 3), revenue: rounded(revenue, 2), occupancy })
}

/// Why a price has no outcome.
pub(super) fn why_none(cell: &CellReport) -> String {
    match (cell.curve.first(), cell.curve.last()) {
        (Some(first), Some(last)) => {
            format!("only prices from {} to {} were weighed", first.price.normalize(), last.price.normalize())
        }
        _ => cell.no_price_reason.clone().unwrap_or_else(|| "no price was weighed for this night".to_owned()),
    }
}

fn simulate(made: &Made, tried: &[WhatIf]) -> Result<SimulatedAnswer, Problem> {
    let currency = made.currency.parse().map_err(|e: innkeeper_hotel::MoneyError| Problem::internal(&e))?;
    let (mut prices, mut given, mut suggested) =
        (Vec::with_capacity(tried.len()), Sum::default(), Sum::default());
    for what_if in tried {
        let price = checked_price(what_if.price, currency)?.amount;
        let cells = &made.pricing_schedule;
        let cell = cells
            .iter()
            .find(|cell| cell.date == what_if.night && cell.room_type == what_if.room_type.as_str())
            .ok_or_else(|| {
                let detail = format!("there is no {} on {} here", what_if.room_type, what_if.night);
                Problem::new(ErrorCode::CellNotFound, detail)
            })?;
        let expected = outcome(cell, price);
        let usual = cell.suggested_price.and_then(|price| outcome(cell, price));
        if let (Some(here), Some(there)) = (expected, usual) {
            for (sum, outcome) in [(&mut given, here), (&mut suggested, there)] {
                sum.prices += 1;
                sum.bookings += outcome.bookings;
                sum.revenue += outcome.revenue;
            }
        }
        prices.push(SimulatedPrice {
            date: cell.date,
            room_type: cell.room_type.clone(),
            price,
            expected,
            reason: expected.is_none().then(|| why_none(cell)),
            suggested_price: cell.suggested_price,
            expected_at_suggested: usual,
            current_price: cell.current_price,
            expected_at_current: cell.current_price.and_then(|price| outcome(cell, price)),
        });
    }
    for sum in [&mut given, &mut suggested] {
        (sum.bookings, sum.revenue) = (rounded(sum.bookings, 3), rounded(sum.revenue, 2));
    }
    Ok(SimulatedAnswer {
        as_of: made.as_of,
        currency: made.currency.clone(),
        tax_inclusive: made.tax_inclusive,
        prices,
        given,
        suggested,
    })
}

impl PricingDesk {
    /// What these prices would bring: by the curves of a schedule, or else by what is known now.
    pub async fn simulate(
        &self,
        caller: &Principal,
        schedule: Option<Uuid>,
        tried: Vec<WhatIf>,
    ) -> Result<SimulatedAnswer, Problem> {
        let bad = |detail: String| Problem::new(ErrorCode::BadRequest, detail);
        if tried.len() > MOST {
            return Err(bad(format!("prices holds at most {MOST}")));
        }
        let nights = tried.iter().map(|what_if| what_if.night);
        let (Some(first), Some(last)) = (nights.clone().min(), nights.max()) else {
            return Err(bad("prices holds 1 or more".to_owned()));
        };
        let mut cells: Vec<(NaiveDate, &RoomTypeName)> =
            tried.iter().map(|what_if| (what_if.night, &what_if.room_type)).collect();
        cells.sort_unstable();
        if cells.windows(2).any(|two| two.first() == two.last()) {
            return Err(bad("prices holds one price a night and room type".to_owned()));
        }
        let made = if let Some(id) = schedule {
            std::sync::Arc::new(self.read(&caller.hotel, id).await?.made)
        } else {
            let mut room_types: Vec<String> = Vec::new();
            for what_if in &tried {
                if room_types.iter().all(|name| name != what_if.room_type.as_str()) {
                    room_types.push(what_if.room_type.to_string());
                }
            }
            let (start, end) = (first.to_string(), last.to_string());
            let asked = PricingAsked { start, end, room_types, ..PricingAsked::default() };
            let question = PricingQuestion::new(&asked, &self.settings, self.zone)?;
            self.made_in_time(&caller.hotel, &question).await?
        };
        tokio::task::spawn_blocking(move || simulate(&made, &tried)).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve() -> Vec<PointReport> {
        let point = |price: i64, bookings: f64| PointReport {
            price: price.into(),
            bookings,
            revenue: bookings * price as f64,
            profit: 0.0,
        };
        vec![point(80, 10.0), point(100, 8.0), point(150, 2.0)]
    }

    #[test]
    fn between_two_prices_the_curve_is_a_line_and_beyond_them_nothing_is_said() {
        let at = |price: i64| at(&curve(), price.into());
        assert_eq!(at(80), Some((10.0, 800.0)));
        assert_eq!(at(150), Some((2.0, 300.0)));
        assert_eq!(at(90), Some((9.0, 800.0)));
        assert_eq!(at(125), Some((5.0, 550.0)));
        assert_eq!((at(79), at(151)), (None, None));
        assert_eq!(super::at(&[], 100.into()), None);
    }
}

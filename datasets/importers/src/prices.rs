//! Rows as prices and events.

use innkeeper_hotel::{CompetitorPrice, Event, Money, MoneyError, Rate};
use rust_decimal::Decimal;

use crate::cells::{Cells, Flaw};
use crate::fields::{Field, Table};
use crate::outcome::RejectCode;
use crate::rows::sealed::Read;

/// Highest price of a night that is believed, in any currency.
const MAX_PRICE: i64 = 1_000_000_000;
/// Longest event that is believed, in days.
const MAX_EVENT_DAYS: i64 = 366;

impl Read for Rate {
    const TABLE: Table = Table::Rates;
    const KEY: Option<Field> = None;

    fn read(cells: &mut Cells<'_>) -> Result<Self, Flaw> {
        let night = cells.day(Field::Night)?;
        let set_on = cells.day(Field::SetOn)?;
        let room_type = cells.room_type(Field::RoomType)?;
        Ok(Self {
            night: cells.needed(Field::Night, night)?,
            room_type: cells.needed(Field::RoomType, room_type)?,
            set_on: cells.needed(Field::SetOn, set_on)?,
            price: price(cells)?,
        })
    }
}

impl Read for CompetitorPrice {
    const TABLE: Table = Table::Competitors;
    const KEY: Option<Field> = None;

    fn read(cells: &mut Cells<'_>) -> Result<Self, Flaw> {
        let night = cells.day(Field::Night)?;
        let seen_on = cells.day(Field::SeenOn)?;
        Ok(Self {
            competitor: cells.needed(Field::Competitor, cells.kept(Field::Competitor)?)?,
            night: cells.needed(Field::Night, night)?,
            room_type: cells.room_type(Field::RoomType)?,
            seen_on: cells.needed(Field::SeenOn, seen_on)?,
            price: price(cells)?,
        })
    }
}

impl Read for Event {
    const TABLE: Table = Table::Events;
    const KEY: Option<Field> = None;

    fn read(cells: &mut Cells<'_>) -> Result<Self, Flaw> {
        let from = cells.day(Field::From)?;
        let from = cells.needed(Field::From, from)?;
        let until = cells.day(Field::Until)?;
        if until.is_none() {
            cells.memory.assumed.one_day_events += 1;
        }
        let until = until.unwrap_or(from);
        let days = (until - from).num_days();
        if days < 0 {
            let reason = format!("the last day {until} is before the first, {from}");
            return Err(Flaw::new(RejectCode::EndsBeforeItBegins, &[Field::From, Field::Until], reason));
        }
        if days >= MAX_EVENT_DAYS {
            let reason = format!("an event of {} days is longer than {MAX_EVENT_DAYS}", days + 1);
            return Err(Flaw::new(RejectCode::OutOfRange, &[Field::From, Field::Until], reason));
        }
        Ok(Self {
            name: cells.needed(Field::Name, cells.kept(Field::Name)?)?,
            from,
            until,
            kind: cells.kept(Field::Kind)?.unwrap_or_else(|| "event".to_owned()),
            known_on: cells.day(Field::KnownOn)?,
        })
    }
}

fn price(cells: &Cells<'_>) -> Result<Money, Flaw> {
    let currency = cells.needed(Field::Currency, cells.currency()?)?;
    let amount = cells.needed(Field::Price, cells.amount(Field::Price)?)?;
    if amount < Decimal::ZERO || amount > Decimal::from(MAX_PRICE) {
        return Err(Flaw::new(RejectCode::BadRate, &[Field::Price], format!("a price of {amount}")));
    }
    Money::new(amount, currency).map_err(|error| {
        let code = match error {
            MoneyError::TooFine { .. } => RejectCode::TooFine,
            MoneyError::UnknownCurrency(_) => RejectCode::UnknownCurrency,
        };
        Flaw::new(code, &[Field::Price, Field::Currency], error.to_string())
    })
}

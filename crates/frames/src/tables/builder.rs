use innkeeper_hotel::{Booking, Closure, CompetitorPrice, Deposit, Event, Rate, Room, ServiceUse};
use polars::prelude::DataFrame;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::{
    BOOKINGS, CLOSURES, COMPETITOR_PRICES, EVENTS, RATES, ROOMS, SERVICE_USES, TableDescription, Tables,
};
use crate::FramesError;
use crate::columns::{Filler, Value};

/// Rows of a block: a table grows by whole blocks, so that no column is ever copied to make room.
const BLOCK: usize = 1 << 17;

/// Capacity with which a block begins.
const START: usize = 1 << 8;

struct TableBuilder {
    table: &'static TableDescription,
    done: DataFrame,
    fillers: Vec<Filler>,
    rows: usize,
}

impl TableBuilder {
    fn new(table: &'static TableDescription) -> Self {
        Self { table, done: DataFrame::empty(), fillers: table.fillers(START), rows: 0 }
    }

    fn push<const N: usize>(&mut self, row: [Value<'_>; N]) -> Result<(), FramesError> {
        debug_assert_eq!(N, self.fillers.len(), "{}", self.table.name);
        for (filler, value) in self.fillers.iter_mut().zip(row) {
            filler.push(value);
        }
        self.rows += 1;
        if self.rows >= BLOCK {
            self.close_block(BLOCK)?;
        }
        Ok(())
    }

    fn close_block(&mut self, next: usize) -> Result<(), FramesError> {
        let fillers = std::mem::replace(&mut self.fillers, self.table.fillers(next));
        let block = DataFrame::new(self.rows, fillers.into_iter().map(Filler::finish).collect())?;
        self.rows = 0;
        if self.done.width() == 0 {
            self.done = block;
        } else {
            self.done.vstack_mut_owned(block)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<DataFrame, FramesError> {
        if self.rows > 0 || self.done.width() == 0 {
            self.close_block(0)?;
        }
        Ok(self.done)
    }
}

/// Takes rows one by one, from a database, a file or a simulator, and makes tables of them.
pub struct TablesBuilder {
    bookings: TableBuilder,
    rooms: TableBuilder,
    rates: TableBuilder,
    competitor_prices: TableBuilder,
    events: TableBuilder,
    closures: TableBuilder,
    service_uses: TableBuilder,
}

impl Default for TablesBuilder {
    fn default() -> Self {
        Self::new()
    }
}

fn text(text: Option<&str>) -> Value<'_> {
    text.map_or(Value::Null, Value::Text)
}

fn count<'a>(count: Option<u32>) -> Value<'a> {
    count.map_or(Value::Null, Value::Count)
}

fn real<'a>(amount: Decimal) -> Value<'a> {
    amount.to_f64().map_or(Value::Null, Value::Real)
}

/// The word of a deposit in the tables.
fn deposit_word(deposit: Deposit) -> &'static str {
    match deposit {
        Deposit::None => "none",
        Deposit::Refundable => "refundable",
        Deposit::NonRefundable => "non_refundable",
    }
}

impl TablesBuilder {
    /// No rows yet.
    pub fn new() -> Self {
        Self {
            bookings: TableBuilder::new(&BOOKINGS),
            rooms: TableBuilder::new(&ROOMS),
            rates: TableBuilder::new(&RATES),
            competitor_prices: TableBuilder::new(&COMPETITOR_PRICES),
            events: TableBuilder::new(&EVENTS),
            closures: TableBuilder::new(&CLOSURES),
            service_uses: TableBuilder::new(&SERVICE_USES),
        }
    }

    /// Adds a booking. It is not checked: that is [`Booking::check`], and the importer's decision.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when a block of rows cannot be closed; the same holds for the other `push` functions.
    pub fn push_booking(&mut self, booking: &Booking) -> Result<(), FramesError> {
        let room_number = booking.room_number.as_ref().map(ToString::to_string);
        self.bookings.push([
            Value::Text(booking.id.as_str()),
            Value::Day(booking.booked_on),
            Value::Day(booking.stay.arrival),
            Value::Count(u32::from(booking.stay.nights)),
            Value::Text(booking.room_type.as_str()),
            Value::Text(booking.status.word()),
            booking.status_on.map_or(Value::Null, Value::Day),
            Value::Count(u32::from(booking.party.adults)),
            Value::Count(u32::from(booking.party.children)),
            Value::Count(u32::from(booking.party.babies)),
            booking.rate.map_or(Value::Null, real),
            text(booking.currency.map(innkeeper_hotel::Currency::code)),
            text(booking.guest.as_ref().map(innkeeper_hotel::GuestId::as_str)),
            text(room_number.as_deref()),
            text(booking.assigned_room_type.as_ref().map(innkeeper_hotel::RoomTypeName::as_str)),
            text(booking.segment.as_deref()),
            text(booking.channel.as_deref()),
            text(booking.customer_type.as_deref()),
            text(booking.agent.as_deref()),
            text(booking.company.as_deref()),
            text(booking.country.as_deref()),
            text(booking.meal.as_deref()),
            text(booking.payment_method.as_deref()),
            text(booking.deposit.map(deposit_word)),
            booking.repeated_guest.map_or(Value::Null, Value::Flag),
            count(booking.previous_cancellations),
            count(booking.previous_stays),
            count(booking.changes),
            count(booking.waiting_days),
            count(booking.parking_spaces),
            count(booking.special_requests),
        ])
    }

    /// Adds a room.
    ///
    /// # Errors
    /// As [`Self::push_booking`].
    pub fn push_room(&mut self, room: &Room) -> Result<(), FramesError> {
        let number = room.number.to_string();
        self.rooms.push([
            Value::Text(&number),
            Value::Text(room.room_type.as_str()),
            room.floor.map_or(Value::Null, Value::Integer),
        ])
    }

    /// Adds a price that was on sale.
    ///
    /// # Errors
    /// As [`Self::push_booking`].
    pub fn push_rate(&mut self, rate: &Rate) -> Result<(), FramesError> {
        self.rates.push([
            Value::Day(rate.night),
            Value::Text(rate.room_type.as_str()),
            Value::Day(rate.set_on),
            real(rate.price.amount),
            Value::Text(rate.price.currency.code()),
        ])
    }

    /// Adds a price of a competitor.
    ///
    /// # Errors
    /// As [`Self::push_booking`].
    pub fn push_competitor_price(&mut self, price: &CompetitorPrice) -> Result<(), FramesError> {
        self.competitor_prices.push([
            Value::Text(&price.competitor),
            Value::Day(price.night),
            text(price.room_type.as_ref().map(innkeeper_hotel::RoomTypeName::as_str)),
            Value::Day(price.seen_on),
            real(price.price.amount),
            Value::Text(price.price.currency.code()),
        ])
    }

    /// Adds an event.
    ///
    /// # Errors
    /// As [`Self::push_booking`].
    pub fn push_event(&mut self, event: &Event) -> Result<(), FramesError> {
        self.events.push([
            Value::Text(&event.name),
            Value::Day(event.from),
            Value::Day(event.until),
            Value::Text(&event.kind),
            event.known_on.map_or(Value::Null, Value::Day),
        ])
    }

    /// Adds nights that are not sold.
    ///
    /// # Errors
    /// As [`Self::push_booking`].
    pub fn push_closure(&mut self, closure: &Closure) -> Result<(), FramesError> {
        self.closures.push([
            Value::Day(closure.from),
            Value::Day(closure.until),
            text(closure.room_type.as_ref().map(innkeeper_hotel::RoomTypeName::as_str)),
        ])
    }

    /// Adds a service used.
    ///
    /// # Errors
    /// As [`Self::push_booking`].
    pub fn push_service_use(&mut self, used: &ServiceUse) -> Result<(), FramesError> {
        self.service_uses.push([
            Value::Text(used.booking.as_str()),
            text(used.guest.as_ref().map(innkeeper_hotel::GuestId::as_str)),
            Value::Text(&used.service),
            Value::Day(used.used_on),
            Value::Count(used.quantity),
            used.amount.map_or(Value::Null, |amount| real(amount.amount)),
            text(used.amount.map(|amount| amount.currency.code())),
        ])
    }

    /// The tables.
    ///
    /// # Errors
    /// [`FramesError::Engine`] when the last block cannot be closed.
    pub fn finish(self) -> Result<Tables, FramesError> {
        Ok(Tables::of([
            self.bookings.finish()?,
            self.rooms.finish()?,
            self.rates.finish()?,
            self.competitor_prices.finish()?,
            self.events.finish()?,
            self.closures.finish()?,
            self.service_uses.finish()?,
        ]))
    }
}

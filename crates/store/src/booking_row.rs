//! A booking as a row, and back.

use std::str::FromStr;

use innkeeper_hotel::{Booking, BookingStatus, Deposit, Party, Stay};
use sea_query::IdenStatic;

use crate::StoreError;
use crate::bulk::{BulkTable, Cell};
use crate::engine::{Row, Value, get_at, text_at};
use crate::money::{amount, millionths};
use crate::schema::{Col, Kind, Table};
use crate::time::{date, day};

use Kind::{Bool, Int, Text};

/// What may change of a booking, in the order of [`cells`] and [`booking`], which begin with the id.
pub(crate) const VALUES: &[(Col, Kind)] = &[
    (Col::BookedOn, Int),
    (Col::Arrival, Int),
    (Col::Nights, Int),
    (Col::RoomType, Text),
    (Col::Status, Text),
    (Col::StatusOn, Int),
    (Col::Adults, Int),
    (Col::Children, Int),
    (Col::Babies, Int),
    (Col::Rate, Int),
    (Col::Currency, Text),
    (Col::GuestId, Text),
    (Col::RoomNumber, Text),
    (Col::AssignedRoomType, Text),
    (Col::Segment, Text),
    (Col::Channel, Text),
    (Col::CustomerType, Text),
    (Col::Agent, Text),
    (Col::Company, Text),
    (Col::Country, Text),
    (Col::Meal, Text),
    (Col::PaymentMethod, Text),
    (Col::Deposit, Text),
    (Col::RepeatedGuest, Bool),
    (Col::PreviousCancellations, Int),
    (Col::PreviousStays, Int),
    (Col::Changes, Int),
    (Col::WaitingDays, Int),
    (Col::ParkingSpaces, Int),
    (Col::SpecialRequests, Int),
];

pub(crate) const BOOKINGS: BulkTable =
    BulkTable { table: Table::Bookings, key: &[(Col::Id, Text)], values: VALUES, stamped: true };

/// The columns that [`booking`] reads, in its order.
pub(crate) fn columns() -> Vec<Col> {
    BOOKINGS.key.iter().chain(VALUES).map(|(column, _)| *column).collect()
}

const STATUSES: [BookingStatus; 4] =
    [BookingStatus::Confirmed, BookingStatus::Cancelled, BookingStatus::Completed, BookingStatus::NoShow];
const DEPOSITS: [(Deposit, &str); 3] = [
    (Deposit::None, "none"),
    (Deposit::Refundable, "refundable"),
    (Deposit::NonRefundable, "non_refundable"),
];

fn deposit_word(deposit: Deposit) -> &'static str {
    DEPOSITS.iter().find(|(known, _)| *known == deposit).map_or("none", |(_, word)| word)
}

/// Adds the cells of one row.
pub(crate) fn cells<'a>(booking: &'a Booking, into: &mut Vec<Cell<'a>>) -> Result<(), StoreError> {
    booking.check().map_err(|source| StoreError::Booking { id: booking.id.as_str().to_owned(), source })?;
    let text = Cell::optional_text;
    let Party { adults, children, babies } = booking.party;
    into.extend([
        Cell::Text(booking.id.as_str()),
        Cell::Int(day(booking.booked_on)),
        Cell::Int(day(booking.stay.arrival)),
        Cell::Int(booking.stay.nights.into()),
        Cell::Text(booking.room_type.as_str()),
        Cell::Text(booking.status.word()),
        Cell::int(booking.status_on.map(day)),
        Cell::Int(adults.into()),
        Cell::Int(children.into()),
        Cell::Int(babies.into()),
        booking.rate.map_or(Ok(Cell::Null), |rate| millionths("rate", rate).map(Cell::Int))?,
        booking.currency.map_or(Cell::Null, |currency| Cell::Text(currency.code())),
        booking.guest.as_ref().map_or(Cell::Null, |guest| Cell::Text(guest.as_str())),
        booking.room_number.as_ref().map_or(Cell::Null, |room| Cell::Text(room.as_str())),
        booking.assigned_room_type.as_ref().map_or(Cell::Null, |given| Cell::Text(given.as_str())),
        text(Col::Segment, booking.segment.as_deref())?,
        text(Col::Channel, booking.channel.as_deref())?,
        text(Col::CustomerType, booking.customer_type.as_deref())?,
        text(Col::Agent, booking.agent.as_deref())?,
        text(Col::Company, booking.company.as_deref())?,
        text(Col::Country, booking.country.as_deref())?,
        text(Col::Meal, booking.meal.as_deref())?,
        text(Col::PaymentMethod, booking.payment_method.as_deref())?,
        booking.deposit.map_or(Cell::Null, |deposit| Cell::Text(deposit_word(deposit))),
        booking.repeated_guest.map_or(Cell::Null, Cell::Bool),
        Cell::int(booking.previous_cancellations),
        Cell::int(booking.previous_stays),
        Cell::int(booking.changes),
        Cell::int(booking.waiting_days),
        Cell::int(booking.parking_spaces),
        Cell::int(booking.special_requests),
    ]);
    Ok(())
}

/// Reads the columns one after the other: by their place, because looking up thirty names a row is what a long read would
/// spend its time on.
struct Columns<'a> {
    row: &'a Row,
    next: usize,
}

impl Columns<'_> {
    fn name(at: usize) -> &'static str {
        at.checked_sub(1).and_then(|n| VALUES.get(n)).map_or("id", |(column, _)| column.as_str())
    }

    fn take<T: Value>(&mut self) -> Result<T, StoreError> {
        let at = self.next;
        self.next += 1;
        get_at(self.row, at, Self::name(at))
    }

    fn text(&mut self) -> Result<Option<&str>, StoreError> {
        let at = self.next;
        self.next += 1;
        text_at(self.row, at, Self::name(at))
    }

    fn corrupt(&self) -> StoreError {
        StoreError::Corrupt { column: Self::name(self.next.saturating_sub(1)) }
    }

    fn number<T: TryFrom<i64>>(&mut self) -> Result<T, StoreError> {
        self.take::<i64>()?.try_into().map_err(|_| self.corrupt())
    }

    fn optional_number<T: TryFrom<i64>>(&mut self) -> Result<Option<T>, StoreError> {
        let number = self.take::<Option<i64>>()?.map(T::try_from);
        number.transpose().map_err(|_| self.corrupt())
    }

    fn parse<T: FromStr>(&mut self) -> Result<T, StoreError> {
        self.optional_parse()?.ok_or_else(|| self.corrupt())
    }

    fn optional_parse<T: FromStr>(&mut self) -> Result<Option<T>, StoreError> {
        let value = self.text()?.map(str::parse).transpose();
        value.map_err(|_| self.corrupt())
    }
}

/// A row of [`columns`].
pub(crate) fn booking(row: &Row) -> Result<Booking, StoreError> {
    let mut columns = Columns { row, next: 0 };
    let id = columns.parse()?;
    let booked_on = date(columns.take()?, "booked_on")?;
    let stay = Stay { arrival: date(columns.take()?, "arrival")?, nights: columns.number()? };
    let room_type = columns.parse()?;
    let word = columns.text()?;
    let status = STATUSES.into_iter().find(|status| Some(status.word()) == word);
    let status = status.ok_or(StoreError::Corrupt { column: "status" })?;
    let status_on = columns.take::<Option<i64>>()?.map(|days| date(days, "status_on")).transpose()?;
    let party = Party { adults: columns.number()?, children: columns.number()?, babies: columns.number()? };
    let rate = columns.take::<Option<i64>>()?.map(amount);
    Ok(Booking {
        id,
        booked_on,
        stay,
        room_type,
        status,
        status_on,
        party,
        rate,
        currency: columns.optional_parse()?,
        guest: columns.optional_parse()?,
        room_number: columns.optional_parse()?,
        assigned_room_type: columns.optional_parse()?,
        segment: columns.take()?,
        channel: columns.take()?,
        customer_type: columns.take()?,
        agent: columns.take()?,
        company: columns.take()?,
        country: columns.take()?,
        meal: columns.take()?,
        payment_method: columns.take()?,
        deposit: match columns.text()? {
            None => None,
            Some(word) => {
                let known = DEPOSITS.iter().find(|(_, name)| *name == word).map(|(deposit, _)| *deposit);
                Some(known.ok_or(StoreError::Corrupt { column: "deposit" })?)
            }
        },
        repeated_guest: columns.take()?,
        previous_cancellations: columns.optional_number()?,
        previous_stays: columns.optional_number()?,
        changes: columns.optional_number()?,
        waiting_days: columns.optional_number()?,
        parking_spaces: columns.optional_number()?,
        special_requests: columns.optional_number()?,
    })
}

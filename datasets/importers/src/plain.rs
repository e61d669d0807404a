use std::io::Write;

use innkeeper_hotel::{Booking, Deposit};

/// The columns of our own booking file, in their order; `bookings` reads them back as they were.
pub const BOOKING_COLUMNS: [&str; 33] = [
    "id",
    "hotel",
    "booked_on",
    "arrival",
    "departure",
    "nights",
    "room_type",
    "status",
    "status_on",
    "adults",
    "children",
    "babies",
    "rate",
    "currency",
    "guest_id",
    "room_number",
    "assigned_room_type",
    "segment",
    "channel",
    "customer_type",
    "agent",
    "company",
    "country",
    "meal",
    "payment_method",
    "deposit",
    "repeated_guest",
    "previous_cancellations",
    "previous_stays",
    "changes",
    "waiting_days",
    "parking_spaces",
    "special_requests",
];

/// Writes bookings as CSV in our own plain columns.
pub struct BookingWriter<W: Write> {
    writer: csv::Writer<W>,
}

impl<W: Write> BookingWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(writer: W) -> std::io::Result<Self> {
        let mut writer = csv::Writer::from_writer(writer);
        writer.write_record(BOOKING_COLUMNS)?;
        Ok(Self { writer })
    }

    /// Writes one booking; `hotel` is left empty where there is none.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(&mut self, hotel: Option<&str>, booking: &Booking) -> std::io::Result<()> {
        fn text<T: ToString>(value: Option<T>) -> String {
            value.map_or_else(String::new, |value| value.to_string())
        }
        let words = |word: &Option<String>| word.clone().unwrap_or_default();
        self.writer.write_record([
            booking.id.to_string(),
            hotel.unwrap_or_default().to_owned(),
            booking.booked_on.to_string(),
            booking.stay.arrival.to_string(),
            booking.stay.departure().to_string(),
            booking.stay.nights.to_string(),
            booking.room_type.to_string(),
            booking.status.word().to_owned(),
            text(booking.status_on),
            booking.party.adults.to_string(),
            booking.party.children.to_string(),
            booking.party.babies.to_string(),
            text(booking.rate),
            text(booking.currency),
            text(booking.guest.as_ref()),
            text(booking.room_number.as_ref()),
            text(booking.assigned_room_type.as_ref()),
            words(&booking.segment),
            words(&booking.channel),
            words(&booking.customer_type),
            words(&booking.agent),
            words(&booking.company),
            words(&booking.country),
            words(&booking.meal),
            words(&booking.payment_method),
            booking.deposit.map_or("", deposit).to_owned(),
            text(booking.repeated_guest),
            text(booking.previous_cancellations),
            text(booking.previous_stays),
            text(booking.changes),
            text(booking.waiting_days),
            text(booking.parking_spaces),
            text(booking.special_requests),
        ])?;
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

fn deposit(deposit: Deposit) -> &'static str {
    match deposit {
        Deposit::None => "none",
        Deposit::Refundable => "refundable",
        Deposit::NonRefundable => "non_refundable",
    }
}

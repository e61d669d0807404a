//! Reads the public hotel-booking-demand columns, and trusts them: the importer is what reads files that are not trusted.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{Days, NaiveDate};
use innkeeper_frames::curves::BookingCurves;
use innkeeper_hotel::{Booking, BookingStatus, Deposit, Stay};

/// The hotels of a file with the columns of the public hotel-booking-demand data, by name.
pub fn read(path: &Path) -> BTreeMap<String, BookingCurves> {
    let file = std::fs::File::open(path).expect("the file");
    let mut reader = csv::Reader::from_reader(flate2::read::MultiGzDecoder::new(file));
    let mut hotels: BTreeMap<String, Vec<Booking>> = BTreeMap::new();
    for (number, row) in reader.deserialize::<BTreeMap<String, String>>().enumerate() {
        let row = row.expect("a row");
        let text = |name: &str| row.get(name).filter(|text| *text != "NULL").cloned();
        let count = |name: &str| text(name).and_then(|text| text.parse::<u64>().ok()).expect(name);
        let date = format!(
            "{}-{}-{}",
            count("arrival_date_year"),
            text("arrival_date_month").expect("month"),
            count("arrival_date_day_of_month")
        );
        let arrival = NaiveDate::parse_from_str(&date, "%Y-%B-%d").expect("a day");
        let nights = (count("stays_in_weekend_nights") + count("stays_in_week_nights")) as u16;
        let mut booking = Booking::confirmed(
            format!("B{number}").parse().expect("id"),
            arrival - Days::new(count("lead_time")),
            Stay { arrival, nights },
            text("reserved_room_type").expect("type").parse().expect("type"),
        );
        booking.status = match text("reservation_status").as_deref() {
            Some("Canceled") => BookingStatus::Cancelled,
            Some("No-Show") => BookingStatus::NoShow,
            _ => BookingStatus::Completed,
        };
        booking.status_on = text("reservation_status_date").and_then(|text| text.parse().ok());
        booking.rate = text("adr").and_then(|text| text.parse().ok());
        booking.segment = text("market_segment");
        booking.customer_type = text("customer_type");
        booking.agent = text("agent");
        booking.company = text("company");
        booking.deposit = text("deposit_type").map(|text| match text.as_str() {
            "Non Refund" => Deposit::NonRefundable,
            "Refundable" => Deposit::Refundable,
            _ => Deposit::None,
        });
        hotels.entry(text("hotel").expect("hotel")).or_default().push(booking);
    }
    hotels.into_iter().map(|(name, bookings)| (name, BookingCurves::new(&bookings))).collect()
}

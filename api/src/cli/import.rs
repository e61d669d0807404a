//! `import`: what the hotel wrote down elsewhere. Each kind of file has a help of its own.

use clap::Subcommand;
use innkeeper_importers::Table;

use super::{Outcome, import_cleanings, import_tables};
use crate::config::Settings;

const BOOKINGS: &str = "\
A file is CSV (also .csv.gz) or Parquet. The columns of the public hotel booking demand data are known, and so are the field \
names themselves: booking_id, booked_on, arrival, nights or departure, room_type, status, status_on, rate, currency, … A \
column `hotel` sends each line to the hotel of that name (`Resort Hotel` is `resort-hotel`).\n\n\
A line without a number of its own gets one from its content, so that a file that is imported twice changes nothing.\n\n\
Examples:\n\
  innkeeper import bookings hotel_bookings.csv.gz --currency EUR\n\
  innkeeper import bookings pms.csv --hotel seaside --mapping pms.toml --rejects refused.csv\n\
  innkeeper import bookings pms.parquet --dry-run --json      # checked, nothing written\n\n\
A mapping names the column of the file for each field of ours:\n\
  [columns]\n\
  arrival = \"CheckIn\"\n\
  booked_on = \"Created At\"";

const RATES: &str = "\
Columns: night, room_type, set_on, price, currency.\n\n\
Example:\n  innkeeper import rates rates.csv --hotel seaside";

const COMPETITORS: &str = "\
Columns: competitor, night, seen_on, price, currency, and where known room_type. A JSON feed is a list of objects; a member of a \
member is a column with a point.\n\n\
Examples:\n  innkeeper import competitors shopped.csv --hotel seaside\n  \
innkeeper import competitors https://shop.example/v1/prices?hotel=7 --mapping shop.toml\n\n\
A mapping for such a feed:\n  [columns]\n  competitor = \"hotel.name\"\n  price = \"rate.amount\"";

const EVENTS: &str = "\
Columns: name, from, until, kind, and where known known_on: the day on which the hotel learnt of it; forecasts as of an earlier \
day do not use it.\n\n\
Example:\n  innkeeper import events calendar.csv --hotel seaside";

const GUESTS: &str = "\
Columns: guest_id, and where known name, email, phone, segment, country. Name, e-mail and telephone are sealed in the tables.\n\n\
Example:\n  innkeeper import guests guests.csv --hotel seaside";

const ROOMS: &str = "\
Columns: room_number, room_type, and where known floor. Occupancy is a share of these rooms.\n\n\
Example:\n  innkeeper import rooms rooms.csv --hotel seaside";

const CLEANINGS: &str = "Example:\n  innkeeper import cleanings cleanings-2025.csv";

#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// Bookings, past and coming: what forecasts, prices and guest figures are made from.
    #[command(after_help = BOOKINGS)]
    Bookings(import_tables::Args),
    /// Prices that were on sale, by night and room type.
    #[command(after_help = RATES)]
    Rates(import_tables::Args),
    /// Prices of competitors, as they were seen.
    #[command(after_help = COMPETITORS)]
    Competitors(import_tables::Args),
    /// The calendar of events: fairs, holidays, concerts.
    #[command(after_help = EVENTS)]
    Events(import_tables::Args),
    /// Guests, with what the hotel knows of them.
    #[command(after_help = GUESTS)]
    Guests(import_tables::Args),
    /// Rooms that can be sold.
    #[command(after_help = ROOMS)]
    Rooms(import_tables::Args),
    /// How long cleanings took: columns `room_number`, `started_at`, `finished_at` (RFC 3339), and where known
    /// `room_type` and `tags` with semicolons between them; without tags nobody knows what there was to clean.
    #[command(after_help = CLEANINGS)]
    Cleanings(import_cleanings::Args),
}

pub(super) fn run(command: &Import, settings: Settings) -> Outcome {
    let (table, args) = match command {
        Import::Cleanings(args) => return import_cleanings::run(args, settings),
        Import::Bookings(args) => (Table::Bookings, args),
        Import::Rates(args) => (Table::Rates, args),
        Import::Competitors(args) => (Table::Competitors, args),
        Import::Events(args) => (Table::Events, args),
        Import::Guests(args) => (Table::Guests, args),
        Import::Rooms(args) => (Table::Rooms, args),
    };
    import_tables::run(table, args, settings)
}

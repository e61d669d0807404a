//! The tables of what a hotel's systems know, as a copy sees them.

use crate::booking_row::VALUES;
use crate::copy::{Copied, HOTEL_AND_ID, ID};
use crate::schema::{Col, Kind, Table};
use crate::seal::{GUEST, PREDICTION};

use Kind::{Bytes, Int, Real, Text};

/// What a booking row begins and ends with, around [`VALUES`].
const AROUND: [(Col, Kind); 5] = [
    (Col::HotelId, Text),
    (Col::Id, Text),
    (Col::ChurnProbability, Real),
    (Col::CreatedAt, Int),
    (Col::ChangeNumber, Int),
];

const BOOKING_COLUMNS: [(Col, Kind); VALUES.len() + AROUND.len()] = {
    let [hotel, id, churn, created, change] = AROUND;
    let mut all = [hotel; VALUES.len() + AROUND.len()];
    all[1] = id;
    let mut place = 0;
    while place < VALUES.len() {
        all[2 + place] = VALUES[place];
        place += 1;
    }
    all[2 + place] = churn;
    all[3 + place] = created;
    all[4 + place] = change;
    all
};

/// Rooms, guests, bookings and what stands beside them; rules for prices and suggested ones.
pub(crate) static HOTEL_TABLES: [Copied; 14] = [
    Copied {
        table: Table::Rooms,
        key: &[(Col::HotelId, Text), (Col::RoomNumber, Text)],
        columns: &[(Col::HotelId, Text), (Col::RoomNumber, Text), (Col::RoomType, Text), (Col::Floor, Int)],
        sealed: None,
    },
    Copied {
        table: Table::Guests,
        key: HOTEL_AND_ID,
        columns: &[
            (Col::HotelId, Text),
            (Col::Id, Text),
            (Col::Segment, Text),
            (Col::Country, Text),
            (Col::ClvPredicted, Real),
            (Col::TotalBookings, Int),
            (Col::CreatedAt, Int),
            (Col::ChangeNumber, Int),
        ],
        sealed: Some(GUEST),
    },
    Copied { table: Table::Bookings, key: HOTEL_AND_ID, columns: &BOOKING_COLUMNS, sealed: None },
    Copied {
        table: Table::Rates,
        key: &[(Col::HotelId, Text), (Col::Night, Int), (Col::RoomType, Text), (Col::SetOn, Int)],
        columns: &[
            (Col::HotelId, Text),
            (Col::Night, Int),
            (Col::RoomType, Text),
            (Col::SetOn, Int),
            (Col::Price, Int),
            (Col::Currency, Text),
        ],
        sealed: None,
    },
    Copied {
        table: Table::CompetitorPrices,
        key: &[
            (Col::HotelId, Text),
            (Col::Night, Int),
            (Col::Competitor, Text),
            (Col::RoomType, Text),
            (Col::SeenOn, Int),
        ],
        columns: &[
            (Col::HotelId, Text),
            (Col::Competitor, Text),
            (Col::Night, Int),
            (Col::RoomType, Text),
            (Col::SeenOn, Int),
            (Col::Price, Int),
            (Col::Currency, Text),
        ],
        sealed: None,
    },
    Copied {
        table: Table::EventsCalendar,
        key: &[(Col::HotelId, Text), (Col::FirstDay, Int), (Col::Name, Text)],
        columns: &[
            (Col::HotelId, Text),
            (Col::Name, Text),
            (Col::FirstDay, Int),
            (Col::LastDay, Int),
            (Col::Kind, Text),
            (Col::KnownOn, Int),
        ],
        sealed: None,
    },
    Copied {
        table: Table::Closures,
        key: &[(Col::HotelId, Text), (Col::FirstDay, Int), (Col::LastDay, Int), (Col::RoomType, Text)],
        columns: &[(Col::HotelId, Text), (Col::FirstDay, Int), (Col::LastDay, Int), (Col::RoomType, Text)],
        sealed: None,
    },
    Copied {
        table: Table::ServiceUses,
        key: &[(Col::HotelId, Text), (Col::BookingId, Text), (Col::Service, Text), (Col::UsedOn, Int)],
        columns: &[
            (Col::HotelId, Text),
            (Col::BookingId, Text),
            (Col::Service, Text),
            (Col::UsedOn, Int),
            (Col::GuestId, Text),
            (Col::Quantity, Int),
            (Col::Amount, Int),
            (Col::Currency, Text),
        ],
        sealed: None,
    },
    Copied {
        table: Table::MlPredictions,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::ModelName, Text),
            (Col::ModelVersion, Text),
            (Col::PredictionType, Text),
            (Col::GuestId, Text),
            (Col::Confidence, Real),
            (Col::AsOf, Int),
            (Col::CreatedAt, Int),
        ],
        sealed: Some(PREDICTION),
    },
    Copied {
        table: Table::Imports,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::Kind, Text),
            (Col::FileName, Text),
            (Col::FileSha256, Text),
            (Col::StartedAt, Int),
            (Col::StartedBy, Text),
            (Col::FinishedAt, Int),
            (Col::Accepted, Int),
            (Col::Rejected, Int),
            (Col::Inserted, Int),
            (Col::Changed, Int),
            (Col::Unchanged, Int),
        ],
        sealed: None,
    },
    Copied {
        table: Table::ChangeCounts,
        key: &[(Col::HotelId, Text), (Col::Name, Text)],
        columns: &[
            (Col::HotelId, Text),
            (Col::Name, Text),
            (Col::RowCount, Int),
            (Col::ChangeCount, Int),
            (Col::Mark, Text),
        ],
        sealed: None,
    },
    Copied {
        table: Table::PricingRules,
        key: HOTEL_AND_ID,
        columns: &[
            (Col::HotelId, Text),
            (Col::Id, Text),
            (Col::Position, Int),
            (Col::Content, Text),
            (Col::CreatedAt, Int),
            (Col::CreatedBy, Text),
        ],
        sealed: None,
    },
    Copied {
        table: Table::PriceSchedules,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::AsOf, Int),
            (Col::FirstNight, Int),
            (Col::LastNight, Int),
            (Col::RoomTypes, Text),
            (Col::Status, Text),
            (Col::Content, Bytes),
            (Col::CreatedAt, Int),
            (Col::CreatedBy, Text),
            (Col::DecidedAt, Int),
            (Col::DecidedBy, Text),
            (Col::Note, Text),
            (Col::PublishedAt, Int),
            (Col::PublishedBy, Text),
            (Col::PublishTarget, Text),
        ],
        sealed: None,
    },
    Copied {
        table: Table::PriceOverrides,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::ScheduleId, Text),
            (Col::Night, Int),
            (Col::RoomType, Text),
            (Col::Suggested, Int),
            (Col::Price, Int),
            (Col::Currency, Text),
            (Col::Note, Text),
            (Col::CreatedAt, Int),
            (Col::CreatedBy, Text),
        ],
        sealed: None,
    },
];

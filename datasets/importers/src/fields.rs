//! What a column can feed, and under which names each table knows it.

use serde::{Deserialize, Serialize};

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What a column can feed. The names are the keys of a mapping file.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Field {
            $($(#[$doc])* $variant,)*
        }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The key of a mapping file.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

fields! {
    /// Number of the booking.
    Id = "id",
    /// Name of the hotel.
    Hotel = "hotel",
    /// Day on which the booking was made.
    BookedOn = "booked_on",
    /// Days between booking and arrival, where the day of booking is not written.
    LeadDays = "lead_days",
    /// First night.
    Arrival = "arrival",
    /// Year of the first night, where it stands in three columns.
    ArrivalYear = "arrival_year",
    /// Month of the first night, a number or its English name.
    ArrivalMonth = "arrival_month",
    /// Day of the month of the first night.
    ArrivalDay = "arrival_day",
    /// Day of departure.
    Departure = "departure",
    /// Nights.
    Nights = "nights",
    /// Nights on a weekend, added to those in the week.
    WeekendNights = "weekend_nights",
    /// Nights in the week, added to those on a weekend.
    WeekNights = "week_nights",
    /// Room type that was booked or is meant.
    RoomType = "room_type",
    /// Room type that was given.
    AssignedRoomType = "assigned_room_type",
    /// Number of the room.
    RoomNumber = "room_number",
    /// Where the booking stands.
    Status = "status",
    /// Day on which it came to stand so.
    StatusOn = "status_on",
    /// Whether it was cancelled or never came, yes or no.
    Cancelled = "cancelled",
    /// Grown-ups.
    Adults = "adults",
    /// Children.
    Children = "children",
    /// Infants.
    Babies = "babies",
    /// Price a night.
    Rate = "rate",
    /// Price of the whole stay; divided by the nights where there is no price a night.
    TotalAmount = "total_amount",
    /// Currency of the amounts.
    Currency = "currency",
    /// Number of the guest.
    GuestId = "guest_id",
    /// Market segment.
    Segment = "segment",
    /// Channel.
    Channel = "channel",
    /// Kind of customer.
    CustomerType = "customer_type",
    /// Travel agency.
    Agent = "agent",
    /// Company that pays.
    Company = "company",
    /// Country of the guest.
    Country = "country",
    /// Board.
    Meal = "meal",
    /// How it is paid.
    PaymentMethod = "payment_method",
    /// What was paid ahead.
    Deposit = "deposit",
    /// Whether the guest had stayed before.
    RepeatedGuest = "repeated_guest",
    /// Bookings of this guest that were cancelled before.
    PreviousCancellations = "previous_cancellations",
    /// Bookings of this guest that were kept before.
    PreviousStays = "previous_stays",
    /// Changes made to the booking.
    Changes = "changes",
    /// Days on the waiting list.
    WaitingDays = "waiting_days",
    /// Parking spaces asked for.
    ParkingSpaces = "parking_spaces",
    /// Special requests.
    SpecialRequests = "special_requests",
    /// The night a price is for.
    Night = "night",
    /// Day from whose end on a price was on sale.
    SetOn = "set_on",
    /// The price.
    Price = "price",
    /// Name of the competitor.
    Competitor = "competitor",
    /// Day on which a competitor's price was seen.
    SeenOn = "seen_on",
    /// Name of an event or a guest.
    Name = "name",
    /// First day.
    From = "from",
    /// Last day, itself included.
    Until = "until",
    /// Kind of event.
    Kind = "kind",
    /// Day on which the hotel learnt of it.
    KnownOn = "known_on",
    /// E-mail address of a guest.
    Email = "email",
    /// Telephone number of a guest.
    Phone = "phone",
    /// Floor of a room.
    Floor = "floor",
}

impl Field {
    /// The field of this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// Whether what stands in it says who a guest is, and is never repeated in a report.
    pub(crate) fn is_personal(self) -> bool {
        matches!(self, Self::Name | Self::Email | Self::Phone | Self::GuestId)
    }
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Table {
    /// Bookings.
    Bookings,
    /// Our own prices, night by night.
    Rates,
    /// Competitors' prices.
    Competitors,
    /// Events of the calendar.
    Events,
    /// Guests.
    Guests,
    /// Rooms.
    Rooms,
}

/// A field of a table and the headings under which it is looked for, best first, in small letters with underscores.
pub(crate) type Known = (Field, &'static [&'static str]);

impl Table {
    /// The word of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bookings => "bookings",
            Self::Rates => "rates",
            Self::Competitors => "competitors",
            Self::Events => "events",
            Self::Guests => "guests",
            Self::Rooms => "rooms",
        }
    }

    /// The fields of the table in plain headings.
    pub(crate) fn known(self) -> &'static [Known] {
        match self {
            Self::Bookings => BOOKINGS,
            Self::Rates => RATES,
            Self::Competitors => COMPETITORS,
            Self::Events => EVENTS,
            Self::Guests => GUESTS,
            Self::Rooms => ROOMS,
        }
    }

    /// Whether the table has the field.
    pub(crate) fn has(self, field: Field) -> bool {
        self.known().iter().any(|(known, _)| *known == field)
    }
}

const BOOKINGS: &[Known] = &[
    (Field::Id, &["id", "booking_id", "reservation_id", "booking_number", "confirmation_number"]),
    (Field::Hotel, &["hotel", "hotel_name", "hotel_id", "property"]),
    (Field::BookedOn, &["booked_on", "booking_date", "created_at", "created_on", "reservation_date"]),
    (Field::LeadDays, &["lead_days", "lead_time"]),
    (Field::Arrival, &["arrival", "check_in_date", "arrival_date", "check_in", "checkin"]),
    (Field::ArrivalYear, &["arrival_year", "arrival_date_year"]),
    (Field::ArrivalMonth, &["arrival_month", "arrival_date_month"]),
    (Field::ArrivalDay, &["arrival_day", "arrival_date_day_of_month"]),
    (Field::Departure, &["departure", "check_out_date", "departure_date", "check_out", "checkout"]),
    (Field::Nights, &["nights", "stay_nights", "length_of_stay", "los"]),
    (Field::WeekendNights, &["weekend_nights", "stays_in_weekend_nights", "no_of_weekend_nights"]),
    (Field::WeekNights, &["week_nights", "stays_in_week_nights", "no_of_week_nights"]),
    (Field::RoomType, &["room_type", "reserved_room_type", "room_type_reserved", "room_category"]),
    (Field::AssignedRoomType, &["assigned_room_type"]),
    (Field::RoomNumber, &["room_number", "room"]),
    (Field::Status, &["status", "reservation_status", "booking_status"]),
    (Field::StatusOn, &["status_on", "reservation_status_date", "status_date"]),
    (Field::Cancelled, &["cancelled", "is_canceled", "is_cancelled"]),
    (Field::Adults, &["adults", "no_of_adults"]),
    (Field::Children, &["children", "no_of_children"]),
    (Field::Babies, &["babies", "infants"]),
    (Field::Rate, &["rate", "adr", "avg_price_per_room", "price_per_night"]),
    (Field::TotalAmount, &["total_amount", "total_price"]),
    (Field::Currency, &["currency"]),
    (Field::GuestId, &["guest_id"]),
    (Field::Segment, &["segment", "market_segment", "market_segment_type"]),
    (Field::Channel, &["channel", "distribution_channel", "source"]),
    (Field::CustomerType, &["customer_type"]),
    (Field::Agent, &["agent"]),
    (Field::Company, &["company"]),
    (Field::Country, &["country"]),
    (Field::Meal, &["meal", "meal_plan", "board", "type_of_meal_plan"]),
    (Field::PaymentMethod, &["payment_method"]),
    (Field::Deposit, &["deposit", "deposit_type"]),
    (Field::RepeatedGuest, &["repeated_guest", "is_repeated_guest"]),
    (Field::PreviousCancellations, &["previous_cancellations", "no_of_previous_cancellations"]),
    (
        Field::PreviousStays,
        &["previous_stays", "previous_bookings_not_canceled", "no_of_previous_bookings_not_canceled"],
    ),
    (Field::Changes, &["changes", "booking_changes"]),
    (Field::WaitingDays, &["waiting_days", "days_in_waiting_list"]),
    (Field::ParkingSpaces, &["parking_spaces", "required_car_parking_spaces", "required_car_parking_space"]),
    (Field::SpecialRequests, &["special_requests", "total_of_special_requests", "no_of_special_requests"]),
];

const RATES: &[Known] = &[
    (Field::Hotel, &["hotel", "hotel_name", "hotel_id", "property"]),
    (Field::Night, &["night", "stay_date", "date"]),
    (Field::RoomType, &["room_type"]),
    (Field::SetOn, &["set_on", "valid_from", "as_of"]),
    (Field::Price, &["price", "rate", "amount"]),
    (Field::Currency, &["currency"]),
];

const COMPETITORS: &[Known] = &[
    (Field::Hotel, &["hotel", "our_hotel"]),
    (Field::Competitor, &["competitor", "competitor_name"]),
    (Field::Night, &["night", "stay_date", "date"]),
    (Field::RoomType, &["room_type"]),
    (Field::SeenOn, &["seen_on", "observed_on", "scraped_at"]),
    (Field::Price, &["price", "rate", "amount"]),
    (Field::Currency, &["currency"]),
];

const EVENTS: &[Known] = &[
    (Field::Hotel, &["hotel", "hotel_name", "hotel_id", "property"]),
    (Field::Name, &["name", "event", "event_name", "title"]),
    (Field::From, &["from", "start", "start_date", "date"]),
    (Field::Until, &["until", "end", "end_date"]),
    (Field::Kind, &["kind", "type", "category"]),
    (Field::KnownOn, &["known_on", "announced_on"]),
];

const GUESTS: &[Known] = &[
    (Field::Id, &["id", "guest_id"]),
    (Field::Hotel, &["hotel", "hotel_name", "hotel_id", "property"]),
    (Field::Name, &["name", "full_name", "guest_name"]),
    (Field::Email, &["email", "e_mail"]),
    (Field::Phone, &["phone", "telephone", "phone_number"]),
    (Field::Segment, &["segment"]),
    (Field::Country, &["country"]),
];

const ROOMS: &[Known] = &[
    (Field::RoomNumber, &["room_number", "number", "room"]),
    (Field::Hotel, &["hotel", "hotel_name", "hotel_id", "property"]),
    (Field::RoomType, &["room_type", "type"]),
    (Field::Floor, &["floor"]),
];

/// The public hotel-booking-demand columns (Antonio, de Almeida and Nunes, Data in Brief 22, 2019, 41-49).
pub(crate) const HOTEL_BOOKING_DEMAND: &[Known] = &[
    (Field::Hotel, &["hotel"]),
    (Field::Cancelled, &["is_canceled"]),
    (Field::LeadDays, &["lead_time"]),
    (Field::ArrivalYear, &["arrival_date_year"]),
    (Field::ArrivalMonth, &["arrival_date_month"]),
    (Field::ArrivalDay, &["arrival_date_day_of_month"]),
    (Field::WeekendNights, &["stays_in_weekend_nights"]),
    (Field::WeekNights, &["stays_in_week_nights"]),
    (Field::Adults, &["adults"]),
    (Field::Children, &["children"]),
    (Field::Babies, &["babies"]),
    (Field::Meal, &["meal"]),
    (Field::Country, &["country"]),
    (Field::Segment, &["market_segment"]),
    (Field::Channel, &["distribution_channel"]),
    (Field::RepeatedGuest, &["is_repeated_guest"]),
    (Field::PreviousCancellations, &["previous_cancellations"]),
    (Field::PreviousStays, &["previous_bookings_not_canceled"]),
    (Field::RoomType, &["reserved_room_type"]),
    (Field::AssignedRoomType, &["assigned_room_type"]),
    (Field::Changes, &["booking_changes"]),
    (Field::Deposit, &["deposit_type"]),
    (Field::Agent, &["agent"]),
    (Field::Company, &["company"]),
    (Field::WaitingDays, &["days_in_waiting_list"]),
    (Field::CustomerType, &["customer_type"]),
    (Field::Rate, &["adr"]),
    (Field::ParkingSpaces, &["required_car_parking_spaces"]),
    (Field::SpecialRequests, &["total_of_special_requests"]),
    (Field::Status, &["reservation_status"]),
    (Field::StatusOn, &["reservation_status_date"]),
];

/// The columns of the public INN Hotels reservations; `arrival_date` is the day of the month there.
pub(crate) const INN_HOTELS: &[Known] = &[
    (Field::Id, &["booking_id"]),
    (Field::Adults, &["no_of_adults"]),
    (Field::Children, &["no_of_children"]),
    (Field::WeekendNights, &["no_of_weekend_nights"]),
    (Field::WeekNights, &["no_of_week_nights"]),
    (Field::Meal, &["type_of_meal_plan"]),
    (Field::ParkingSpaces, &["required_car_parking_space"]),
    (Field::RoomType, &["room_type_reserved"]),
    (Field::LeadDays, &["lead_time"]),
    (Field::ArrivalYear, &["arrival_year"]),
    (Field::ArrivalMonth, &["arrival_month"]),
    (Field::ArrivalDay, &["arrival_date"]),
    (Field::Segment, &["market_segment_type"]),
    (Field::RepeatedGuest, &["repeated_guest"]),
    (Field::PreviousCancellations, &["no_of_previous_cancellations"]),
    (Field::PreviousStays, &["no_of_previous_bookings_not_canceled"]),
    (Field::Rate, &["avg_price_per_room"]),
    (Field::SpecialRequests, &["no_of_special_requests"]),
    (Field::Status, &["booking_status"]),
];

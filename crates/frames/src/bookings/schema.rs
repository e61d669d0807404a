use crate::frame::{ColumnDescription, ColumnType, FrameDescription, full, open};

const AT_BOOKING: &str = "at booking";
const AT_BOOKING_SOURCE: &str = "at booking, where the source records it";

const KEYS_AND_FEATURES: [ColumnDescription; 39] = [
    full("id", ColumnType::Text, "", "number of the booking; a key, no feature", AT_BOOKING),
    full("booked_on", ColumnType::Date, "", "day on which it was made", AT_BOOKING),
    full("arrival", ColumnType::Date, "", "first night", AT_BOOKING),
    full("departure", ColumnType::Date, "", "day of departure", AT_BOOKING),
    full("lead_days", ColumnType::Integer, "days", "from booking to arrival", AT_BOOKING),
    full("nights", ColumnType::Count, "nights", "length of the stay; 0 is a room used by day", AT_BOOKING),
    full("weekend_nights", ColumnType::Count, "nights", "nights of Saturday and Sunday", AT_BOOKING),
    full("week_nights", ColumnType::Count, "nights", "the other nights", AT_BOOKING),
    full("adults", ColumnType::Count, "people", "grown-ups", AT_BOOKING),
    full("children", ColumnType::Count, "people", "children", AT_BOOKING),
    full("babies", ColumnType::Count, "people", "infants", AT_BOOKING),
    full("party", ColumnType::Count, "people", "everybody who comes", AT_BOOKING),
    full("room_type", ColumnType::Text, "", "the room type that was booked", AT_BOOKING),
    open("segment", ColumnType::Text, "", "market segment", AT_BOOKING_SOURCE),
    open("channel", ColumnType::Text, "", "channel or source", AT_BOOKING_SOURCE),
    open("customer_type", ColumnType::Text, "", "kind of customer", AT_BOOKING_SOURCE),
    open("meal", ColumnType::Text, "", "board", AT_BOOKING_SOURCE),
    open("deposit", ColumnType::Text, "", "none, refundable or non_refundable", AT_BOOKING_SOURCE),
    open("payment_method", ColumnType::Text, "", "how it is paid", AT_BOOKING_SOURCE),
    open("agent", ColumnType::Text, "", "travel agency", AT_BOOKING_SOURCE),
    open("company", ColumnType::Text, "", "company that pays", AT_BOOKING_SOURCE),
    open("rate", ColumnType::Real, "money a night", "price of the room a night", AT_BOOKING_SOURCE),
    open("stay_price", ColumnType::Real, "money", "rate times nights", AT_BOOKING_SOURCE),
    open(
        "rate_mean_before",
        ColumnType::Real,
        "money a night",
        "mean rate of bookings of the same room type and month of arrival made before the day of booking",
        "at booking, from the table",
    ),
    full(
        "rate_bookings_before",
        ColumnType::Count,
        "bookings",
        "bookings that the mean is made of",
        "at booking, from the table",
    ),
    open("rate_ratio", ColumnType::Real, "", "rate over that mean", "at booking, from the table"),
    open(
        "repeated_guest",
        ColumnType::Flag,
        "",
        "the guest had stayed before, as recorded",
        AT_BOOKING_SOURCE,
    ),
    open(
        "previous_stays_recorded",
        ColumnType::Count,
        "bookings",
        "earlier bookings kept, as recorded",
        AT_BOOKING_SOURCE,
    ),
    open(
        "previous_cancellations_recorded",
        ColumnType::Count,
        "bookings",
        "earlier bookings cancelled, as recorded",
        AT_BOOKING_SOURCE,
    ),
    open(
        "guest_bookings_before",
        ColumnType::Count,
        "bookings",
        "bookings of the guest made before the day of booking, counted from the table; empty without a guest",
        "at booking, from the table",
    ),
    open(
        "guest_stays_before",
        ColumnType::Count,
        "bookings",
        "stays of the guest that had ended before the day of booking, counted from the table",
        "at booking, from the table",
    ),
    open(
        "guest_cancellations_before",
        ColumnType::Count,
        "bookings",
        "bookings of the guest cancelled before the day of booking, counted from the table",
        "at booking, from the table",
    ),
    open(
        "agent_bookings_before",
        ColumnType::Count,
        "bookings",
        "bookings of the agent made before the day of booking; empty without an agent",
        "at booking, from the table",
    ),
    open(
        "agent_cancellations_before",
        ColumnType::Count,
        "bookings",
        "bookings of the agent cancelled before the day of booking",
        "at booking, from the table",
    ),
    full("arrival_weekday", ColumnType::Count, "1 to 7", "weekday of arrival, Monday is 1", AT_BOOKING),
    full("arrival_month", ColumnType::Count, "1 to 12", "month of arrival", AT_BOOKING),
    full("arrival_day_of_year", ColumnType::Count, "1 to 366", "day of arrival in its year", AT_BOOKING),
    full("booked_weekday", ColumnType::Count, "1 to 7", "weekday of booking, Monday is 1", AT_BOOKING),
    full("booked_month", ColumnType::Count, "1 to 12", "month of booking", AT_BOOKING),
];

const FINAL: &str = "NOT point-in-time: the last value in the source, whatever the day";

const FINAL_FEATURES: [ColumnDescription; 5] = [
    open("country", ColumnType::Text, "", "country of the guest, often filled in at check-in", FINAL),
    open("changes", ColumnType::Count, "changes", "changes made to the booking", FINAL),
    open("waiting_days", ColumnType::Count, "days", "days on the waiting list", FINAL),
    open("parking_spaces", ColumnType::Count, "spaces", "parking spaces asked for", FINAL),
    open("special_requests", ColumnType::Count, "requests", "special requests", FINAL),
];

const OUTCOME: [ColumnDescription; 3] = [
    full(
        "status",
        ColumnType::Text,
        "",
        "confirmed, cancelled, completed or no_show: the outcome, no feature",
        "as of the day",
    ),
    open(
        "status_on",
        ColumnType::Date,
        "",
        "day on which the outcome became known; no feature",
        "as of the day",
    ),
    open(
        "lost",
        ColumnType::Flag,
        "",
        "cancelled or a no-show (true), completed (false), not yet known (empty): what is predicted",
        "as of the day",
    ),
];

/// One list of columns after the other.
const fn chain<const A: usize, const B: usize, const N: usize>(
    first: &[ColumnDescription; A],
    second: &[ColumnDescription; B],
) -> [ColumnDescription; N] {
    let mut all = [first[0]; N];
    let mut place = 0;
    while place < A {
        all[place] = first[place];
        place += 1;
    }
    while place < A + B {
        all[place] = second[place - A];
        place += 1;
    }
    all
}

const BOOKING_TIME_COLUMNS: [ColumnDescription; 42] = chain(&KEYS_AND_FEATURES, &OUTCOME);
const WITH_FINAL: [ColumnDescription; 44] = chain(&KEYS_AND_FEATURES, &FINAL_FEATURES);
const FINAL_VALUES_COLUMNS: [ColumnDescription; 47] = chain(&WITH_FINAL, &OUTCOME);

pub(crate) const BOOKING_TIME: FrameDescription = FrameDescription {
    name: "bookings",
    version: 1,
    row: "a booking known on the day, with what was known when it was made and its outcome as known on the day",
    sorted_by: &["booked_on", "id"],
    point_in_time: true,
    columns: &BOOKING_TIME_COLUMNS,
};

pub(crate) const FINAL_VALUES: FrameDescription = FrameDescription {
    name: "bookings_final_values",
    version: 1,
    row: "a booking known on the day, with fields as they stand in the source at the end; not point-in-time, for \
          comparison with published work only",
    sorted_by: &["booked_on", "id"],
    point_in_time: false,
    columns: &FINAL_VALUES_COLUMNS,
};

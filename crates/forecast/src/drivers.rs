//! What a forecast is made of, in parts that add up and in words.

use crate::answer::DriverName;
use crate::outlook::{Ahead, Outlook};
use crate::panel::{FEATURES, Topic};
use crate::request::Target;

/// The parts of a forecast before limits: books, cancellations, pickup, and what the members add, each member by its share.
pub(crate) fn parts(outlook: &Outlook, ahead: &Ahead) -> Vec<(DriverName, f64)> {
    let row = &ahead.row;
    let booked = outlook.panel.matrices.booked(row.night(), row.horizon);
    let [_, last_year, linear, boosted] = ahead.weights;
    let mut parts = vec![
        (DriverName::OnTheBooks, booked),
        (DriverName::ExpectedCancellations, row.expected - booked),
        (DriverName::RecentPickup, row.pickup),
    ];
    if let Some(pickup) = row.last_year
        && last_year > 0.0
    {
        parts.push((DriverName::LastYear, last_year * (pickup - row.pickup)));
    }
    let mut by_topic = |share: f64, effects: &[f64], rest: f64| {
        for (topic, effect) in FEATURES.iter().zip(effects) {
            parts.push((name(*topic), share * effect));
        }
        parts.push((DriverName::Other, share * rest));
    };
    if linear > 0.0
        && let Some((effects, rest)) = outlook.members.linear_parts(row)
    {
        by_topic(linear, &effects, rest);
    }
    if boosted > 0.0
        && let Some((effects, rest)) = outlook.members.boosted_parts(row)
    {
        by_topic(boosted, &effects, rest);
    }
    parts
}

fn name(topic: Topic) -> DriverName {
    match topic {
        Topic::Books | Topic::Pickup | Topic::Neighbours => DriverName::Pace,
        Topic::Weekday => DriverName::Weekday,
        Topic::Season => DriverName::Season,
        Topic::LastYear => DriverName::LastYear,
        Topic::Capacity => DriverName::Capacity,
        Topic::Level | Topic::Horizon => DriverName::Other,
    }
}

/// What moves a room type to its share of the hotel, in words.
pub(crate) fn agreement(effect: f64, target: Target) -> String {
    let (more, unit) = units(effect, target);
    let size = size(effect.abs(), target);
    format!("{size} {unit} {more}: agreement with the hotel and its limits")
}

/// Whether it is more or less, and of what.
fn units(effect: f64, target: Target) -> (&'static str, &'static str) {
    let more = if effect < 0.0 { "fewer" } else { "more" };
    match target {
        Target::Occupancy | Target::StayOvers => (more, "rooms"),
        Target::Revenue => (if effect < 0.0 { "less" } else { "more" }, "of revenue"),
        Target::CheckOuts => (more, "departures"),
        Target::Arrivals => (more, "arrivals"),
    }
}

/// One driver in words.
pub(crate) fn words(name: DriverName, effect: f64, target: Target, event: Option<&str>) -> String {
    let size = size(effect.abs(), target);
    let (more, unit) = units(effect, target);
    match name {
        DriverName::OnTheBooks => format!("{size} {unit} on the books"),
        DriverName::ExpectedCancellations => format!("{size} {unit} of them expected to be cancelled"),
        DriverName::RecentPickup if effect < 0.0 => {
            format!("{size} {unit} lost at this horizon in the last four weeks, on the mean")
        }
        DriverName::RecentPickup => {
            format!("{size} {unit} picked up at this horizon in the last four weeks, on the mean")
        }
        DriverName::Pace => format!("{size} {unit} {more}: pace of the bookings and of the days around"),
        DriverName::Weekday => format!("{size} {unit} {more}: the weekday"),
        DriverName::Season => format!("{size} {unit} {more}: the time of the year"),
        DriverName::LastYear => format!("{size} {unit} {more}: the same week last year"),
        DriverName::Capacity => format!("{size} {unit} {more}: how full the house already is"),
        DriverName::Event => {
            format!("{size} {unit} {more}: {}", event.unwrap_or("an event"))
        }
        DriverName::Closure => "closed".to_owned(),
        DriverName::Limits => format!("{size} {unit} {more}: held within what is possible"),
        DriverName::Other => format!("{size} {unit} {more}: what else the models learnt"),
    }
}

fn size(effect: f64, target: Target) -> String {
    if target == Target::Revenue { format!("{effect:.0}") } else { format!("{effect:.1}") }
}

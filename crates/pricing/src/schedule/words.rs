//! Notes and reasons in plain words.

use rust_decimal::Decimal;

use super::answer::{ReasonName, ScheduleNote};
use super::compose::Worked;
use crate::history::Note;

/// Why there is no competitors' price.
pub(super) fn no_competitor(has_feed: bool) -> String {
    if has_feed {
        "no competitor's price for this night was seen in the last 30 days".to_owned()
    } else {
        "no competitors' prices are known; `innkeeper import competitors FILE` brings them".to_owned()
    }
}

/// A reason in words: by how much demand differs for it, and what that does to the price.
pub(super) fn of_reason(
    name: ReasonName,
    effect: Decimal,
    demand: f64,
    worked: &Worked<'_>,
    at: usize,
) -> String {
    let place = &worked.places[at];
    let currency = worked.hotel.currency;
    let (size, way) = (effect.abs().normalize(), if effect > Decimal::ZERO { "higher" } else { "lower" });
    let moved = format!("{size} {currency} {way}");
    let percent = 100.0 * (demand - 1.0).abs();
    let side = if demand > 1.0 { "more" } else { "fewer" };
    match name {
        ReasonName::Pace => {
            format!("what is booked so far points to {percent:.0} % {side} guests than is usual: {moved}")
        }
        ReasonName::RemainingRooms => format!(
            "{} of {} rooms are booked, and about {:.0} more guests would come at today's price: {moved} than if rooms never ran out",
            place.books.rooms,
            worked.hotel.types[place.kind].rooms,
            worked.wanted_today(at)
        ),
        ReasonName::Competitor => match place.competitor {
            Some(price) => format!(
                "competitors ask {} {currency} in the mean, which brings {percent:.0} % {side} guests than usual: {moved}",
                currency.round(price)
            ),
            None => format!("competitors: {moved}"),
        },
        ReasonName::Event => {
            let names: Vec<&str> = worked.hotel.tables.events(place.night).map(|(_, name)| name).collect();
            format!("{}: {percent:.0} % {side} guests, {moved}", names.join(", "))
        }
        ReasonName::Weekday => {
            format!(
                "on a {} {percent:.0} % {side} guests ask than in the mean: {moved}",
                place.night.format("%A")
            )
        }
        ReasonName::Season => {
            format!(
                "in {} {percent:.0} % {side} guests ask than in the mean: {moved}",
                place.night.format("%B")
            )
        }
        ReasonName::Rule => format!("a rule: {moved}"),
    }
}

/// A note of the model in words.
pub(super) fn of_note(note: &Note) -> ScheduleNote {
    let word = serde_json::to_value(note).ok();
    let word = word.as_ref().and_then(|note| note["note"].as_str()).unwrap_or("note").to_owned();
    let words = match note {
        Note::PricesFromBookings { room_type } => format!(
            "no prices on sale are known for {room_type}: the rates of its bookings stand for them; `innkeeper import rates FILE` brings them"
        ),
        Note::NoPrices { room_type } => format!("nothing is known of the prices of {room_type}"),
        Note::UnpricedDays { share } => {
            format!("{:.0} % of the days on sale have no known price and were left out", 100.0 * share)
        }
        Note::OddPrices { rows } => {
            format!("{rows} prices are not above 0 or in another currency, and were left out")
        }
        Note::OddBookings { bookings } => {
            format!("{bookings} bookings whose parts do not agree were left out")
        }
        Note::DayUse { bookings } => format!("{bookings} bookings by day take no night and were left out"),
        Note::WhileFull { bookings } => {
            format!("{bookings} bookings were made while the type was full or closed, and were left out")
        }
        Note::TooEarly { bookings } => {
            format!("{bookings} bookings were made more than a year ahead and count as no request")
        }
        Note::NoArrivalsToCome => "nobody has booked for a night to come yet".to_owned(),
        Note::NoYear { nights } => {
            format!("{nights} nights are known, less than a year: the season is little more than a guess")
        }
        Note::UnknownRooms { room_type } => format!("how many rooms of {room_type} there are is not known"),
        Note::NoRooms { room_type } => format!("there is no room of {room_type}"),
        Note::NoCompetitors => "no competitors' prices are known: they have no effect here".to_owned(),
        Note::CompetitorsNotTold { estimate } => format!(
            "the history does not tell what competitors' prices do (dearer ones came with {:.2} % fewer requests for a percent): they have no effect here",
            estimate.abs()
        ),
        Note::PriorElasticity { reason } => format!(
            "the history cannot tell what a price does ({reason}); an elasticity of 1.5, give or take 1, is assumed"
        ),
        Note::Floored { room_type, elasticity } => format!(
            "{room_type} seems to answer hardly at all to its price; an elasticity of {elasticity} was taken"
        ),
        Note::Overdispersed { ratio } => {
            format!("bookings vary {ratio:.1} times as much as counts by chance alone would")
        }
        Note::MergedPrices { share } => {
            format!("price changes of less than {:.1} % were taken together", 100.0 * share)
        }
    };
    ScheduleNote { note: word, words }
}

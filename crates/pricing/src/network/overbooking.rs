use super::error::{MOST_MONEY, NetworkError, size, within};

/// Rooms to sell when not all guests come: the number that brings most, a filled room bringing `revenue` and a guest without a
/// room costing `walk_cost`. One more booking pays as long as the probability that it meets a full house stays below
/// `revenue / (revenue + walk_cost)`; shows are binomial and the sums exact (Talluri & van Ryzin 2004, section 4.2.1).
///
/// `rooms` in 0..=5000, `show_probability` in 0.05..=1, both amounts above 0. The answer is `rooms` or more.
///
/// # Errors
/// [`NetworkError`] for a number outside its range.
pub fn overbooking_limit(
    rooms: u32,
    show_probability: f64,
    revenue: f64,
    walk_cost: f64,
) -> Result<u32, NetworkError> {
    size("rooms", rooms as usize, 0, 5000)?;
    within("show probability", show_probability, 0.05, 1.0)?;
    within("revenue", revenue, f64::MIN_POSITIVE, MOST_MONEY)?;
    within("walk cost", walk_cost, f64::MIN_POSITIVE, MOST_MONEY)?;
    if rooms == 0 || show_probability >= 1.0 {
        return Ok(rooms);
    }
    let accepted = revenue / (revenue + walk_cost);
    // P(shows of n bookings >= rooms) grows by show * P(shows of n bookings = rooms - 1) with each booking; that mass in logs,
    // for it underflows in a large hotel with few shows.
    let least = f64::from(rooms) - 1.0;
    let mut full = 0.0;
    let mut log_mass = least * show_probability.ln();
    let mut sold = rooms - 1;
    // With a twentieth of the guests coming, 5000 rooms are full long before this; it only bounds the loop.
    let most = rooms.saturating_mul(60).saturating_add(2000);
    while full < accepted && sold < most {
        full += show_probability * log_mass.exp();
        sold += 1;
        let bookings = f64::from(sold);
        log_mass += (bookings / (bookings - least)).ln() + (1.0 - show_probability).ln();
    }
    Ok(sold)
}

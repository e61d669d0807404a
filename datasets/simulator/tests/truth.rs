//! What comes out has the truth that went in. Every tolerance is four standard errors of what is compared, computed from
//! the truth and the number of rows.
#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use chrono::{Datelike, NaiveDate};
use innkeeper_hotel::{Booking, BookingStatus, Deposit, RoomTypeName};
use innkeeper_simulator::{CleaningKind, Segment, Settings, Simulation, Truth};

/// Standard errors that an estimate may be off.
const ERRORS: f64 = 4.0;

/// A hotel that is never full, without shocks, events, seasons of the price or answers of the price to demand.
fn calm() -> Truth {
    let mut truth = Truth::shipped().expect("truth");
    truth.demand.shock_sd = 0.0;
    truth.market.sd = 0.0;
    truth.events.clear();
    truth.fairs.per_year = 0.0;
    truth.price.months = [1.0; 12];
    truth.price.weekdays = [1.0; 7];
    truth.price.sensitivity = 0.0;
    truth.price.test_share = 0.0;
    truth.cleaning.room_spread = 0.0;
    truth.cleaning.housekeeper_spread = 0.0;
    for kind in &mut truth.room_types {
        kind.demand = 0.25;
    }
    truth
}

fn simulation(truth: Truth, rooms: u32, days: u32) -> Simulation {
    let end = "2025-02-28".parse().expect("day");
    let settings = Settings::new(2024, rooms, days, end, "default".parse().expect("hotel"));
    Simulation::new(settings, truth).expect("simulation")
}

/// Two years of a calm hotel, with its bookings.
static CALM: LazyLock<(Simulation, Vec<Booking>)> = LazyLock::new(|| {
    let simulation = simulation(calm(), 1_500, 731);
    let bookings = simulation.bookings().collect();
    (simulation, bookings)
});

fn of<'a>(bookings: &'a [Booking], segment: &'a Segment) -> impl Iterator<Item = &'a Booking> {
    bookings.iter().filter(move |booking| booking.segment.as_deref() == Some(&segment.name))
}

/// Asserts that an estimate is within [`ERRORS`] standard errors of the truth.
fn agree(what: &str, seen: f64, expected: f64, standard_error: f64) {
    let off = (seen - expected) / standard_error;
    assert!(off.abs() <= ERRORS, "{what}: {seen} instead of {expected}, {off:.1} standard errors off");
}

/// Asserts that events happened as often as the sum of their chances says.
fn agree_with_chances(what: &str, rows: impl Iterator<Item = (bool, f64)>) {
    let (mut seen, mut expected, mut variance, mut n) = (0.0, 0.0, 0.0, 0);
    for (happened, chance) in rows {
        seen += f64::from(u8::from(happened));
        expected += chance;
        variance += chance * (1.0 - chance);
        n += 1;
    }
    assert!(n > 1_000 && variance > 0.0, "{what}: {n} rows say nothing");
    agree(what, seen, expected, variance.sqrt());
}

#[test]
fn arrivals_by_weekday_have_the_ratios_of_the_truth() {
    let (simulation, bookings) = &*CALM;
    let report = simulation.truth_report();
    assert_eq!(report.denied, 0, "the calm hotel was full");
    for segment in &simulation.truth().segments {
        let mut expected = [0.0; 7];
        for cell in report.cells.iter().filter(|cell| cell.segment == segment.name) {
            if cell.night <= simulation.settings().end {
                expected[cell.night.weekday().num_days_from_monday() as usize] += cell.expected_at_base_price;
            }
        }
        let mut seen = [0.0; 7];
        for booking in of(bookings, segment).filter(|b| b.stay.arrival <= simulation.settings().end) {
            seen[booking.stay.arrival.weekday().num_days_from_monday() as usize] += 1.0;
        }
        // Requests are Poisson; one for k rooms counts k times, so that the variance is the mean times E[k^2] / E[k].
        let moment = |power: i32| -> f64 {
            segment.rooms.iter().zip(1..).map(|(weight, k)| weight * f64::from(k).powi(power)).sum()
        };
        let spread = moment(2) / moment(1);
        for (weekday, (seen, expected)) in seen.iter().zip(expected).enumerate() {
            let what = format!("{} arrivals on weekday {weekday}", segment.name);
            agree(&what, *seen, expected, (expected * spread).sqrt());
        }
    }
}

#[test]
fn lead_times_have_the_quantiles_of_the_truth() {
    let (simulation, bookings) = &*CALM;
    for segment in simulation.truth().segments.iter().filter(|segment| segment.rooms.len() == 1) {
        let chances = simulation.truth().lead_times(segment);
        let leads: Vec<i64> = of(bookings, segment)
            .filter(|booking| booking.stay.arrival <= simulation.settings().end)
            .map(Booking::lead_days)
            .collect();
        for upto in [0, 2, 7, 28, 90, 200] {
            let chance: f64 = chances.iter().take(upto + 1).sum();
            let what = format!("{} bookings at most {upto} days ahead", segment.name);
            agree_with_chances(&what, leads.iter().map(|lead| (*lead <= upto as i64, chance)));
        }
        // The median of the lead time before it is cut to whole days and to the longest one.
        let late = 1.0
            + (f64::from(simulation.truth().max_lead + 1) / segment.lead_median).powf(-segment.lead_shape);
        let half: f64 = chances.iter().take(segment.lead_median as usize).sum();
        assert!((half - 0.5 * late).abs() < 1e-9, "the truth's own median is off");
    }
}

#[test]
fn cancellations_and_no_shows_are_as_frequent_as_the_truth_says() {
    let (simulation, bookings) = &*CALM;
    let truth = simulation.truth();
    let over = |booking: &&Booking| booking.stay.arrival <= simulation.settings().end;
    for segment in &truth.segments {
        for deposit in [Deposit::None, Deposit::Refundable, Deposit::NonRefundable] {
            let chances: Vec<f64> = (0..=truth.max_lead)
                .map(|lead| truth.cancellation_probability(segment, deposit, lead))
                .collect();
            let rows = of(bookings, segment).filter(over).filter(|b| b.deposit == Some(deposit));
            agree_with_chances(
                &format!("{} cancellations with {deposit:?}", segment.name),
                rows.map(|b| (b.status == BookingStatus::Cancelled, chances[b.lead_days() as usize])),
            );
        }
        let kept = of(bookings, segment).filter(over).filter(|b| b.status != BookingStatus::Cancelled);
        agree_with_chances(
            &format!("{} no-shows", segment.name),
            kept.map(|b| (b.status == BookingStatus::NoShow, segment.no_show)),
        );
    }
}

#[test]
fn a_cancellation_comes_on_the_day_that_its_hazard_says() {
    let (simulation, bookings) = &*CALM;
    let truth = simulation.truth();
    let segment = &truth.segments[1];
    // Of the bookings that still hold seven days before arrival, those that are cancelled on that very day.
    let hazard = Truth::cancellation_hazard(segment, 7);
    let rows = of(bookings, segment)
        .filter(|b| b.stay.arrival <= simulation.settings().end && b.lead_days() >= 7)
        .filter_map(|b| {
            let left = match (b.status, b.status_on) {
                (BookingStatus::Cancelled, Some(on)) => (b.stay.arrival - on).num_days(),
                _ => -1,
            };
            let chance = 1.0 - (-hazard * truth.deposit.of(b.deposit?)).exp();
            (left <= 7).then_some((left == 7, chance))
        });
    agree_with_chances("cancellations seven days before arrival", rows);
}

/// Intercept, slope and standard error of the slope of a Poisson regression of counts on one variable, with an offset:
/// Newton's method on the log-likelihood.
fn poisson_regression(rows: &[(f64, f64, f64)]) -> (f64, f64, f64) {
    let (mut intercept, mut slope) = (0.0, 0.0);
    for _ in 0..50 {
        let (mut g0, mut g1, mut h00, mut h01, mut h11) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (count, x, offset) in rows {
            let mean = offset * (intercept + slope * x).exp();
            g0 += count - mean;
            g1 += (count - mean) * x;
            h00 += mean;
            h01 += mean * x;
            h11 += mean * x * x;
        }
        let determinant = h00 * h11 - h01 * h01;
        intercept += (h11 * g0 - h01 * g1) / determinant;
        slope += (h00 * g1 - h01 * g0) / determinant;
        let error = (h00 / determinant).sqrt();
        if g0.abs() + g1.abs() < 1e-6 {
            return (intercept, slope, error);
        }
    }
    panic!("the regression did not settle");
}

#[test]
fn price_tests_give_the_elasticity_back() {
    // Everything that makes prices follow demand is on; only full houses are not, since they hide demand.
    let mut truth = Truth::shipped().expect("truth");
    truth.price.test_share = 0.5;
    for kind in &mut truth.room_types {
        kind.demand = 0.1;
    }
    for segment in &mut truth.segments {
        segment.rooms = vec![1.0];
    }
    let simulation = simulation(truth, 1_200, 1_096);
    let report = simulation.truth_report();
    assert!((report.denied as f64) < 1e-3 * report.requests as f64, "{} denied", report.denied);
    let mut prices = HashMap::<(NaiveDate, RoomTypeName), f64>::new();
    let tests: HashSet<_> = simulation.price_tests().map(|t| (t.night, t.room_type)).collect();
    for rate in simulation.rates() {
        prices.insert((rate.night, rate.room_type), rate.price.amount.try_into().expect("price"));
    }
    let bases: BTreeMap<_, _> =
        report.room_types.iter().map(|kind| (kind.room_type.clone(), kind.base_price)).collect();
    for segment in &report.segments {
        for kind in ["standard", "deluxe", "suite"] {
            let rows: Vec<_> = report
                .cells
                .iter()
                .filter(|cell| cell.segment == segment.segment && cell.room_type.as_str() == kind)
                .filter(|cell| cell.night <= simulation.settings().end)
                .filter(|cell| tests.contains(&(cell.night, cell.room_type.clone())))
                .map(|cell| {
                    let price = prices[&(cell.night, cell.room_type.clone())];
                    let ratio = (price / bases[&cell.room_type]).ln();
                    (f64::from(cell.requests), ratio, cell.expected_at_base_price)
                })
                .collect();
            let (_, slope, error) = poisson_regression(&rows);
            let truth = segment.elasticity[kind];
            assert!(error < 1.0, "{}, {kind}: {} tests are too few", segment.segment, rows.len());
            agree(&format!("elasticity of {} to {kind}", segment.segment), -slope, truth, error);
        }
    }
}

#[test]
fn guests_come_back_as_often_as_their_rates_say() {
    let (simulation, bookings) = &*CALM;
    let end = simulation.settings().end;
    let mut booked = HashMap::<_, Vec<NaiveDate>>::new();
    for booking in bookings {
        let days = booked.entry(booking.guest.clone().expect("guest")).or_default();
        if days.last() != Some(&booking.booked_on) {
            days.push(booking.booked_on);
        }
    }
    // A guest calls with the next request of the segment after his time has come, and two calls on one day count once:
    // the chance lies between those of the time until the end and of three days less.
    let (mut again, mut least, mut most, mut variance) = (0.0, 0.0, 0.0, 0.0);
    let (mut third, mut third_expected, mut third_variance) = (0.0, 0.0, 0.0);
    for guest in simulation.guest_truths() {
        let days = &booked[&guest.guest];
        assert_eq!(days[0], guest.first_booked_on);
        let chance = |from: NaiveDate, less: f64| {
            let left = (end - from).num_days() as f64 + 0.5 - less;
            1.0 - (-guest.bookings_per_day * left.max(0.0)).exp()
        };
        again += f64::from(u8::from(days.len() > 1));
        most += chance(days[0], 0.0);
        least += chance(days[0], 3.0);
        variance += chance(days[0], 0.0) * (1.0 - chance(days[0], 0.0));
        if let Some(second) = days.get(1) {
            let stays = (1.0 - guest.dropout) * chance(*second, 1.0);
            third += f64::from(u8::from(days.len() > 2));
            third_expected += stays;
            third_variance += stays * (1.0 - stays);
        }
    }
    let slack = ERRORS * f64::sqrt(variance);
    assert!(again > 1_000.0, "{again} guests came back");
    assert!(again > least - slack && again < most + slack, "{again} came back, not {least} to {most}");
    // What a day of waiting more or less does to the second figure is far below its standard error.
    agree("guests who came a third time", third, third_expected, f64::sqrt(third_variance));
}

#[test]
fn cleanings_take_as_long_as_the_truth_says() {
    let simulation = simulation(calm(), 300, 200);
    let spread = simulation.truth().cleaning.spread;
    let mut sums = HashMap::<_, (f64, f64)>::new();
    for cleaning in simulation.cleanings() {
        let sum = sums.entry((cleaning.room_type, cleaning.kind)).or_default();
        sum.0 += f64::from(cleaning.minutes);
        sum.1 += 1.0;
    }
    for kind in &simulation.truth().room_types {
        for (why, mean) in [
            (CleaningKind::Departure, kind.departure_minutes),
            (CleaningKind::StayOver, kind.stay_over_minutes),
        ] {
            let (sum, n) = sums[&(kind.name.clone(), why)];
            // Whole minutes add a twelfth to the variance.
            let error = ((spread * mean).powi(2) + 1.0 / 12.0).sqrt() / n.sqrt();
            agree(&format!("{why:?} of a {}", kind.name), sum / n, mean, error);
        }
    }
}

#[test]
fn prices_rise_with_demand_in_the_history() {
    let simulation = simulation(Truth::shipped().expect("truth"), 60, 365);
    let tests: HashSet<_> = simulation.price_tests().map(|t| (t.night, t.room_type)).collect();
    let mut ends = HashMap::<_, (f64, f64)>::new();
    for rate in simulation.rates().filter(|rate| rate.night <= simulation.settings().end) {
        let price: f64 = rate.price.amount.try_into().expect("price");
        let key = (rate.night, rate.room_type);
        if !tests.contains(&key) {
            ends.entry(key).or_insert((price, price)).1 = price;
        }
    }
    let mut sold = HashMap::<_, f64>::new();
    for booking in simulation.bookings().filter(|b| b.status.takes_a_room()) {
        for night in booking.stay.arrival.iter_days().take(usize::from(booking.stay.nights)) {
            *sold.entry((night, booking.room_type.clone())).or_default() += 1.0;
        }
    }
    // The rise of the price before a full night against that before an empty one, standard rooms.
    let mut rises: Vec<(f64, f64)> = ends
        .iter()
        .filter(|((_, kind), _)| kind.as_str() == "standard")
        .map(|(key, (first, last))| (sold.get(key).copied().unwrap_or(0.0), (last / first).ln()))
        .collect();
    rises.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mean = |rows: &[(f64, f64)]| rows.iter().map(|row| row.1).sum::<f64>() / rows.len() as f64;
    let quarter = rises.len() / 4;
    let (empty, full) = (mean(&rises[..quarter]), mean(&rises[rises.len() - quarter..]));
    assert!(
        full > empty + 0.05,
        "prices rose by {full:.3} before full nights and {empty:.3} before empty ones"
    );
}

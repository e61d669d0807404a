//! Prices a simulated hotel and says why: `schedule SEED ROOMS DAYS NIGHTS`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::time::Instant;

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{Event, RoomTypeName};
use innkeeper_pricing::history::History;
use innkeeper_pricing::rules::RuleSet;
use innkeeper_pricing::schedule::{Hotel, Question, Settings};
use innkeeper_simulator::{Record, Simulation, Truth, Wanted};

fn main() -> Result<(), Box<dyn Error>> {
    let mut given = std::env::args().skip(1);
    let mut next = |usual: &str| given.next().unwrap_or_else(|| usual.to_owned());
    let (seed, rooms, days, nights) = (next("1"), next("80"), next("730"), next("28"));
    let end: NaiveDate = "2025-02-28".parse()?;
    let truth = Truth::shipped()?;
    let currency = truth.currency;
    let settings = innkeeper_simulator::Settings::new(
        seed.parse()?,
        rooms.parse()?,
        days.parse()?,
        end,
        "default".parse()?,
    );
    let simulation = Simulation::new(settings, truth)?;
    let (mut bookings, mut rates) = (Vec::new(), Vec::new());
    for record in simulation.records(Wanted { bookings: true, rates: true, ..Wanted::NONE }) {
        match record {
            Record::Booking(booking) => bookings.push(*booking),
            Record::Rate(rate) => rates.push(rate),
            _ => {}
        }
    }
    let mut count: BTreeMap<RoomTypeName, u32> = BTreeMap::new();
    for room in simulation.rooms() {
        *count.entry(room.room_type).or_default() += 1;
    }
    let competitors: Vec<_> = simulation.competitor_prices().collect();
    let events: Vec<Event> = simulation.events().collect();
    let history = History {
        as_of: end,
        currency,
        rooms: &count,
        bookings: &bookings,
        rates: &rates,
        competitors: &competitors,
        events: &events,
        closures: &[],
        tests: &[],
    };
    let mut out = std::io::stdout().lock();
    let begin = Instant::now();
    let hotel = Hotel::learn(&history, Settings::default())?;
    writeln!(out, "{} bookings learnt in {:.2} s", bookings.len(), begin.elapsed().as_secs_f64())?;
    let names: Vec<RoomTypeName> = hotel.room_types().map(|(name, _)| name.clone()).collect();
    let rules = RuleSet::new(Vec::new(), currency, &names)?;
    let from = end.checked_add_days(Days::new(1)).ok_or("a day")?;
    let until = end.checked_add_days(Days::new(nights.parse()?)).ok_or("a day")?;
    let begin = Instant::now();
    let question = Question { from, until, room_types: Vec::new(), level: 0.8 };
    let schedule = hotel.schedule(&question, &rules)?;
    writeln!(out, "{} cells priced in {:.2} s", schedule.cells.len(), begin.elapsed().as_secs_f64())?;
    writeln!(out, "{:?}", schedule.demand)?;
    for note in &schedule.notes {
        writeln!(out, "{}: {}", note.note, note.words)?;
    }
    for cell in schedule.cells.iter().take(60) {
        let revenue = cell.expected_revenue.map(|of| format!("{} ({} to {})", of.mean, of.lower, of.upper));
        writeln!(
            out,
            "{} {} now {:?} -> {:?}; {} of {} booked, occupancy {:.2?}, sells {:.1?}, revenue {}, competitors {:?}, bid {:.0?}, confidence {:?}",
            cell.date,
            cell.room_type,
            cell.current_price,
            cell.suggested_price,
            cell.on_the_books,
            cell.rooms,
            cell.expected_occupancy,
            cell.expected_bookings,
            revenue.unwrap_or_default(),
            cell.competitor_avg,
            cell.bid_price,
            cell.confidence
        )?;
        for reason in &cell.reasons {
            writeln!(out, "    {}", reason.words)?;
        }
    }
    Ok(())
}

//! Learns the demand of a simulated hotel, or of bookings in the public CSV, and says what its history can tell.
//!
//! `history simulate SEED ROOMS DAYS [ELASTICITY]`, or `history bookings FILE.csv HOTEL AS_OF`.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::time::Instant;

use chrono::{Days, NaiveDate};
use innkeeper_hotel::{Booking, BookingStatus, Event, RoomTypeName, Stay};
use innkeeper_pricing::history::{DemandModel, History};
use innkeeper_simulator::{Record, Settings, Simulation, Truth, Wanted};

fn say(history: &History<'_>) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let begin = Instant::now();
    let model = DemandModel::fit(history)?;
    let seconds = begin.elapsed().as_secs_f64();
    writeln!(out, "{} bookings, {} cells, {seconds:.2} s", history.bookings.len(), model.cells())?;
    writeln!(out, "{:#?}", model.endogeneity())?;
    writeln!(out, "{:?}", model.family())?;
    writeln!(out, "competitors {:?}, dispersion {:.2}", model.competitor_effect(), model.dispersion())?;
    for of in model.room_types() {
        let seasons: Vec<String> = of.seasons.iter().map(|s| format!("{:.2}±{:.2}", s.mean, s.sd)).collect();
        writeln!(
            out,
            "{}: {} bookings, reference {:.0}, elasticity {:.2}±{:.2} {:?}, quarters {seasons:?}",
            of.room_type,
            of.bookings,
            of.reference_price,
            of.elasticity.mean,
            of.elasticity.sd,
            of.elasticity.source
        )?;
    }
    for note in model.notes() {
        writeln!(out, "{note:?}")?;
    }
    let begin = Instant::now();
    writeln!(out, "{:?}", DemandModel::calibration(history, 90))?;
    writeln!(out, "calibration {:.2} s", begin.elapsed().as_secs_f64())?;
    Ok(())
}

fn simulate(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [seed, rooms, days, rest @ ..] = arguments else { return Err("simulate SEED ROOMS DAYS".into()) };
    let end: NaiveDate = "2025-02-28".parse()?;
    let mut truth = Truth::shipped()?;
    if let Some(elasticity) = rest.first() {
        let elasticity: f64 = elasticity.parse()?;
        truth.segments.iter_mut().for_each(|segment| segment.elasticity = elasticity);
        truth.room_types.iter_mut().for_each(|kind| kind.elasticity = 1.0);
    }
    let currency = truth.currency;
    let settings = Settings::new(seed.parse()?, rooms.parse()?, days.parse()?, end, "default".parse()?);
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
    let tests: Vec<_> = simulation.price_tests().map(|test| (test.night, test.room_type)).collect();
    let history = History {
        as_of: end,
        currency,
        rooms: &count,
        bookings: &bookings,
        rates: &rates,
        competitors: &competitors,
        events: &events,
        closures: &[],
        tests: &tests,
    };
    say(&history)?;
    writeln!(std::io::stdout(), "without competitors and without knowing of tests:")?;
    say(&History { competitors: &[], tests: &[], ..history })
}

/// The public bookings of Antonio, de Almeida and Nunes (2019).
fn public(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [path, hotel, as_of] = arguments else { return Err("bookings FILE.csv HOTEL AS_OF".into()) };
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().ok_or("an empty file")?.split(',').collect();
    let column = |name: &str| names.iter().position(|of| *of == name).ok_or(format!("no column {name}"));
    let (of, lead, year, month, day) = (
        column("hotel")?,
        column("lead_time")?,
        column("arrival_date_year")?,
        column("arrival_date_month")?,
        column("arrival_date_day_of_month")?,
    );
    let (weekend, week, kind, adr, status, on, segment) = (
        column("stays_in_weekend_nights")?,
        column("stays_in_week_nights")?,
        column("reserved_room_type")?,
        column("adr")?,
        column("reservation_status")?,
        column("reservation_status_date")?,
        column("market_segment")?,
    );
    let mut bookings = Vec::new();
    for (number, line) in lines.enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        if cells[of] != hotel {
            continue;
        }
        let date = format!("{} {} {}", cells[year], cells[month], cells[day]);
        let arrival = NaiveDate::parse_from_str(&date, "%Y %B %d")?;
        let booked = arrival.checked_sub_days(Days::new(cells[lead].parse()?)).ok_or("a day")?;
        let nights = cells[weekend].parse::<u16>()? + cells[week].parse::<u16>()?;
        let stay = Stay { arrival, nights };
        let booking = Booking::confirmed(format!("B{number}").parse()?, booked, stay, cells[kind].parse()?);
        bookings.push(Booking {
            status: match cells[status] {
                "Canceled" => BookingStatus::Cancelled,
                "No-Show" => BookingStatus::NoShow,
                _ => BookingStatus::Completed,
            },
            status_on: Some(cells[on].parse()?),
            rate: Some(cells[adr].parse()?),
            segment: Some(cells[segment].to_owned()),
            ..booking
        });
    }
    say(&History {
        as_of: as_of.parse()?,
        currency: "EUR".parse()?,
        rooms: &BTreeMap::new(),
        bookings: &bookings,
        rates: &[],
        competitors: &[],
        events: &[],
        closures: &[],
        tests: &[],
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((what, rest)) if what == "simulate" => simulate(rest),
        Some((what, rest)) if what == "bookings" => public(rest),
        _ => {
            Err("history simulate SEED ROOMS DAYS [ELASTICITY] | history bookings FILE.csv HOTEL AS_OF"
                .into())
        }
    }
}

//! Plays pricing policies on the shipped hotel: `network_policies [replications] [nights] [days between prices]`, once with the
//! hotel's true demand known, once with demand estimated from a simulated past.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use innkeeper_pricing::Response;
use innkeeper_pricing::network::simulate::{
    FixedLadder, NetworkPricing, Policy, SeededRules, SingleNight, Stage, compare,
};
use innkeeper_pricing::network::{Hotel, NetworkError, sample_hotel, solve_fluid};

fn main() -> Result<(), NetworkError> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>().ok());
    let mut next = |default| numbers.next().flatten().unwrap_or(default);
    let (replications, nights, every) = (next(20) as u64, next(28), next(3));
    let hotel = sample_hotel(nights);
    let stage = Stage::new(&hotel)?;
    let fluid = solve_fluid(&hotel)?;
    println!(
        "no policy earns more than {:.0} in expectation (gap {:.4} %)",
        fluid.upper,
        100.0 * fluid.gap()
    );
    println!("\ndemand known");
    table(&stage, &hotel, replications, every)?;
    println!("\ndemand estimated from 12 past spans");
    table(&stage, &estimated(&stage, 12), replications, every)
}

/// Plays the policies of a hotel as `model` has it in the hotel as it is.
fn table(stage: &Stage<'_>, model: &Hotel, replications: u64, every: usize) -> Result<(), NetworkError> {
    let start = Instant::now();
    let mut fixed = FixedLadder::search(&Stage::new(model)?, 1_000_000..1_000_020);
    let mut rules = SeededRules::new(model, fixed.prices().to_vec());
    let mut single = SingleNight::new(model)?;
    let mut network = NetworkPricing::new(model, every);
    let mut fluid = NetworkPricing::fluid(model, every);
    let mut policies: [&mut dyn Policy; 5] = [&mut network, &mut fluid, &mut single, &mut rules, &mut fixed];
    let comparison = compare(stage, &mut policies, 100..100 + replications)?;
    println!(
        "{:<24}{:>10}{:>10}{:>10}{:>8}  first is better by (95 %)",
        "policy", "profit", "revenue", "occupied", "walked"
    );
    for policy in &comparison.policies {
        let better = policy.first_is_better_by.map_or_else(String::new, |paired| {
            format!("{:.0} ({:.0} to {:.0})", paired.mean, paired.low, paired.high)
        });
        println!(
            "{:<24}{:>10.0}{:>10.0}{:>9.1}%{:>8.2}  {better}",
            policy.name,
            policy.profit,
            policy.revenue,
            100.0 * policy.occupancy,
            policy.walked
        );
    }
    println!("{} replications in {:.1?}", comparison.replications, start.elapsed());
    Ok(())
}

/// The hotel with rates and responses estimated from past spans, each sold at its own prices: for each segment and room type
/// the most likely location, scale and level of demand. Only bookings are seen, not those whom a price sent away; the shapes
/// over weekdays, lead times and lengths are taken as known, and rooms as not short.
fn estimated(stage: &Stage<'_>, spans: u64) -> Hotel {
    let mut model = stage.hotel().clone();
    for segment in 0..model.segments.len() {
        for room_type in 0..model.room_types.len() {
            let ladder = model.room_types[room_type].prices.clone();
            let of = |place: usize| {
                let class = &stage.hotel().classes[place];
                class.segment == segment && class.room_type == room_type
            };
            let past: Vec<(f64, f64)> = (0..spans)
                .map(|span| {
                    let price = ladder[(span as usize * 7 + 3) % (ladder.len() / 2)];
                    let booked = stage.requests(2_000_000 + span).into_iter().filter(|request| {
                        of(request.class)
                            && request.willingness
                                < stage.hotel().classes[request.class].response.share(price)
                    });
                    (price, booked.count() as f64)
                })
                .collect();
            let places: Vec<usize> = (0..model.classes.len()).filter(|place| of(*place)).collect();
            let Some(first) = places.first() else { continue };
            let family = model.classes[*first].response.family;
            let requests: f64 = places.iter().flat_map(|place| &model.classes[*place].requests).sum();
            let all: f64 = past.iter().map(|(_, booked)| booked).sum();
            let mut best = (f64::NEG_INFINITY, 1.0, model.classes[*first].response);
            for location in (20..=100).map(|step| f64::from(step) * ladder[0] * 0.05) {
                for scale in (1..=30).map(|step| f64::from(step) * ladder[0] * 0.03) {
                    let response = Response { family, location, scale };
                    let expected: f64 = past.iter().map(|(price, _)| requests * response.share(*price)).sum();
                    let level = all / expected;
                    let likely: f64 = (past.iter())
                        .map(|(price, booked)| {
                            let mean = level * requests * response.share(*price);
                            booked * mean.ln() - mean
                        })
                        .sum();
                    if likely > best.0 {
                        best = (likely, level, response);
                    }
                }
            }
            println!("segment {segment} type {room_type}: demand x {:.2}, {:?}", best.1, best.2);
            for place in places {
                let class = &mut model.classes[place];
                class.response = best.2;
                class.requests.iter_mut().for_each(|requests| *requests *= best.1);
            }
        }
    }
    model
}

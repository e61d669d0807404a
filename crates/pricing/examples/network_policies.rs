//! Plays pricing policies on the shipped hotel: `network_policies [replications] [nights] [days between prices]`.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use innkeeper_pricing::network::simulate::{
    FixedLadder, NetworkPricing, Policy, SeededRules, SingleNight, Stage, compare,
};
use innkeeper_pricing::network::{NetworkError, sample_hotel, solve_fluid};

fn main() -> Result<(), NetworkError> {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse::<usize>().ok());
    let mut next = |default| numbers.next().flatten().unwrap_or(default);
    let (replications, nights, every) = (next(40) as u64, next(28), next(2));
    let hotel = sample_hotel(nights);
    let stage = Stage::new(&hotel)?;
    let fluid = solve_fluid(&hotel)?;
    println!(
        "no policy earns more than {:.0} in expectation (gap {:.4} %)",
        fluid.upper,
        100.0 * fluid.gap()
    );
    let start = Instant::now();
    let mut fixed = FixedLadder::search(&stage, 1_000_000..1_000_020);
    println!("best fixed prices {:?}, searched in {:.1?}", fixed.prices(), start.elapsed());
    let mut rules = SeededRules::new(&hotel, fixed.prices().to_vec());
    let mut single = SingleNight::new(&hotel)?;
    let mut network = NetworkPricing::new(&hotel, every);
    let mut fluid = NetworkPricing::fluid(&hotel, every);
    let mut policies: [&mut dyn Policy; 5] = [&mut network, &mut fluid, &mut single, &mut rules, &mut fixed];
    let start = Instant::now();
    let comparison = compare(&stage, &mut policies, 0..replications)?;
    println!("{} replications of {nights} nights in {:.1?}", comparison.replications, start.elapsed());
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
    Ok(())
}

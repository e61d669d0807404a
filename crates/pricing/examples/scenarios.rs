//! Policies on the scenarios that come with the crate: `cargo run --release --example scenarios [SEEDS] [FILE]`.
#![allow(clippy::print_stdout)]

use std::error::Error;

use innkeeper_pricing::night::{Scenario, evaluate};

fn main() -> Result<(), Box<dyn Error>> {
    let mut given = std::env::args().skip(1);
    let seeds: u64 = given.next().map_or(Ok(20), |seeds| seeds.parse())?;
    let scenarios = match given.next() {
        Some(file) => vec![Scenario::from_toml(&std::fs::read_to_string(file)?)?],
        None => Scenario::shipped()?,
    };
    for scenario in &scenarios {
        let found = evaluate(scenario, &(1..=seeds).collect::<Vec<u64>>(), &|| ())?;
        println!("{}: optimum {:.2}, shapes {:?}", found.scenario, found.optimum, found.shapes);
        for (name, figures) in &found.policies {
            println!("  {name:<18} {:.4} worst {:.4}", figures.share_of_optimum, figures.worst_seed_share);
        }
    }
    Ok(())
}

//! `simulate-pricing`: price policies on the same simulated requests, and the design of a trial in the hotel itself.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{Days, NaiveDate};
use clap::{Subcommand, ValueEnum};
use innkeeper_hotel::RoomTypeName;
use innkeeper_pricing::experiment::{Arm, Cluster, TrialDesign, TrialInput, design_trial};
use innkeeper_pricing::learn::learn;
use innkeeper_pricing::network::simulate::{
    FixedLadder, NetworkPricing, Paired, Policy, SeededRules, SingleNight, Stage, paired,
};
use innkeeper_pricing::network::{sample_hotel, solve_fluid};
use innkeeper_pricing::night::{
    FixedPrice, PoliciesPlot, PricePolicy, RuleOfThumb, best_fixed_price, play, solve,
};
use innkeeper_store::{BookingFilter, StoreError};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use super::evaluate_pricing::scenarios;
use super::registry::Place;
use super::table::table;
use super::{Failure, Outcome, picture, progress, say};
use crate::app::{data_keys, installed, open_store};
use crate::config::Settings;

/// Seeds of the pasts that are learnt from, apart from those that are played.
const PAST_SEED: u64 = 1_000_000;
/// Seeds on which the best fixed prices of a hotel are looked for.
const SEARCH_SEEDS: std::ops::Range<u64> = 2_000_000..2_000_020;
/// Weeks of the past that say how much nights differ by themselves.
const WEEKS: u64 = 52;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  innkeeper simulate-pricing night --scenario shipped --seeds 200 --plot night.svg\n  innkeeper simulate-pricing hotel --seeds 40\n  innkeeper simulate-pricing trial --nights 112 --effect 5 --cluster week"
)]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// One kind of room, one night: the optimum is known exactly, and what is learnt is measured against it.
    Night(Night),
    /// A hotel with stays of several nights and rooms that guests can be moved up to.
    Hotel(Hotel),
    /// A trial of prices in this hotel: which nights and room types get which prices, and how many it takes.
    Trial(Trial),
}

#[derive(Debug, clap::Args)]
struct Shown {
    /// How many times, each with requests of its own that are the same for all policies, 2 to 10,000.
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..=10_000))]
    seeds: Option<u16>,
    /// Draw it, as SVG or PNG by the name of the file.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct Night {
    /// A scenario, a folder of them, or `shipped`; datasets/README.md describes the format.
    #[arg(long, default_value = "shipped", value_name = "FILE")]
    scenario: PathBuf,
    #[command(flatten)]
    shown: Shown,
}

#[derive(Debug, clap::Args)]
struct Hotel {
    /// Nights, 7 to 60.
    #[arg(long, default_value_t = 28, value_parser = clap::value_parser!(u16).range(7..=60))]
    nights: u16,
    /// Days after which prices are set anew, 1 to 30.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=30))]
    every: u16,
    #[command(flatten)]
    shown: Shown,
}

/// Nights that change prices together.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Together {
    Night,
    Week,
    Fortnight,
}

#[derive(Debug, clap::Args)]
struct Trial {
    /// First night [default: the one after the last that is known].
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Nights there are, 1 to 730.
    #[arg(long, default_value_t = 112, value_name = "N")]
    nights: usize,
    /// Difference of revenue that is to be found, in percent.
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT")]
    effect: f64,
    /// Probability to find it where it is.
    #[arg(long, default_value_t = 0.8, value_name = "SHARE")]
    power: f64,
    /// Probability to find one where none is.
    #[arg(long, default_value_t = 0.05, value_name = "SHARE")]
    significance: f64,
    /// Nights that change prices together: guests who stay several nights tie neighbours.
    #[arg(long, value_enum, default_value_t = Together::Week)]
    cluster: Together,
    /// One kind of room [default: all of them]; may be given several times.
    #[arg(long, value_name = "TYPE")]
    room_type: Vec<RoomTypeName>,
    /// The draw.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Every night and room type with its prices, not only the summary.
    #[arg(long)]
    plan: bool,
    /// One JSON object instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(args: &Args, settings: &Settings) -> Outcome {
    match &args.what {
        What::Night(night) => self::night(night),
        What::Hotel(hotel) => self::hotel(hotel),
        What::Trial(trial) => self::trial(trial, settings),
    }
}

/// A policy's figures.
struct Row {
    name: String,
    profit: f64,
    /// By how much the first policy of the table is better.
    behind: Option<Paired>,
    share: Paired,
}

fn tell(shown: &Shown, groups: &[(String, Vec<Row>)], words: &str) -> Outcome {
    if let Some(file) = &shown.plot {
        let names: Vec<String> = groups
            .first()
            .into_iter()
            .flat_map(|(_, rows)| rows.iter().map(|row| row.name.clone()))
            .collect();
        let of = |name: &String| {
            let rows = groups.iter().filter_map(|(_, rows)| rows.iter().find(|row| row.name == *name));
            (name.clone(), rows.map(|row| [row.share.low, row.share.mean, row.share.high]).collect())
        };
        let plot = PoliciesPlot::new(
            "Profit of price policies on the same requests".to_owned(),
            format!("{words}; a line for the 95 % interval of the mean"),
            groups.iter().map(|(name, _)| name.clone()).collect(),
            names.iter().map(of).collect(),
        );
        picture::save(&plot, file)?;
        eprintln!("{} is written", file.display());
    }
    if shown.json {
        let of = |row: &Row| {
            json!({
                "policy": row.name, "profit": row.profit, "share": row.share.mean, "share_low": row.share.low,
                "share_high": row.share.high, "first_is_better_by": row.behind.map(|by| by.mean),
                "first_is_better_low": row.behind.map(|by| by.low), "first_is_better_high": row.behind.map(|by| by.high),
            })
        };
        let told: Vec<Value> = groups
            .iter()
            .map(|(name, rows)| json!({"scenario": name, "share_of": words, "policies": rows.iter().map(of).collect::<Vec<_>>()}))
            .collect();
        return say(json!({"scenarios": told}));
    }
    let mut rows = Vec::new();
    for (name, figures) in groups {
        let mut name = name.clone();
        for row in figures {
            rows.push(vec![
                std::mem::take(&mut name),
                row.name.clone(),
                format!("{:.1}", row.profit),
                format!("{:.4} ({:.4} to {:.4})", row.share.mean, row.share.low, row.share.high),
                row.behind.map_or_else(String::new, |by| {
                    format!("{:.1} ({:.1} to {:.1})", by.mean, by.low, by.high)
                }),
            ]);
        }
    }
    say(table(&["scenario", "policy", "profit", words, "the first brings more by (95 %)"], &rows))
}

/// Shares with their interval, from one profit a seed.
fn rows(profits: &BTreeMap<usize, (String, Vec<f64>)>, whole: f64) -> Vec<Row> {
    let first = profits.values().next().map(|(_, of)| of.clone()).unwrap_or_default();
    let each = profits.iter().filter_map(|(place, (name, of))| {
        let shares: Vec<f64> = of.iter().map(|profit| profit / whole).collect();
        let differences: Vec<f64> = first.iter().zip(of).map(|(first, other)| first - other).collect();
        Some(Row {
            name: name.clone(),
            profit: of.iter().sum::<f64>() / of.len().max(1) as f64,
            behind: if *place == 0 { None } else { paired(&differences) },
            share: paired(&shares)?,
        })
    });
    each.collect()
}

fn night(args: &Night) -> Outcome {
    let seeds = u64::from(args.shown.seeds.unwrap_or(200));
    let scenarios = scenarios(&args.scenario)?;
    let bar = progress::of_things(scenarios.len() as u64 * seeds, "nights");
    let mut groups = Vec::new();
    for scenario in &scenarios {
        let named = |e: &dyn std::fmt::Display| -> Failure { format!("{}: {e}", scenario.name).into() };
        let sale = scenario.sale();
        let past = scenario.past(&mut ChaCha8Rng::seed_from_u64(PAST_SEED));
        let learnt = learn(&past).map_err(|e| named(&e))?;
        let ours = solve(&sale, &learnt).map_err(|e| named(&e))?;
        let optimum = solve(&sale, scenario).map_err(|e| named(&e))?;
        let fixed = best_fixed_price(&sale, scenario).map_err(|e| named(&e))?.policy;
        let habit = FixedPrice(scenario.base_price);
        let thumb = RuleOfThumb { base: scenario.base_price, rooms: sale.rooms, step: scenario.grid.step };
        let policies: [(&str, &dyn PricePolicy); 5] = [
            ("learned", &ours),
            ("optimum, demand known", &optimum),
            ("best fixed price, demand known", &fixed),
            ("rule of thumb", &thumb),
            ("base price", &habit),
        ];
        let played: Vec<&dyn PricePolicy> = policies.iter().map(|(_, policy)| *policy).collect();
        let mut profits: BTreeMap<usize, (String, Vec<f64>)> = BTreeMap::new();
        for seed in 0..seeds {
            for (place, profit) in play(scenario, &played, seed).into_iter().enumerate() {
                let name = policies.get(place).map(|(name, _)| (*name).to_owned()).unwrap_or_default();
                profits.entry(place).or_insert_with(|| (name, Vec::new())).1.push(profit);
            }
            bar.inc(1);
        }
        groups.push((scenario.name.clone(), rows(&profits, optimum.value(sale.days, sale.rooms))));
    }
    bar.finish_and_clear();
    tell(&args.shown, &groups, "share of the optimum's expected profit")
}

fn hotel(args: &Hotel) -> Outcome {
    let seeds = u64::from(args.shown.seeds.unwrap_or(20));
    let hotel = sample_hotel(usize::from(args.nights));
    let stage = Stage::new(&hotel)?;
    let bound = solve_fluid(&hotel)?.upper;
    let mut fixed = FixedLadder::search(&stage, SEARCH_SEEDS);
    let mut rules = SeededRules::new(&hotel, fixed.prices().to_vec());
    let mut single = SingleNight::new(&hotel)?;
    let mut network = NetworkPricing::new(&hotel, usize::from(args.every));
    let bar = progress::of_things(seeds, "hotels");
    let mut profits: BTreeMap<usize, (String, Vec<f64>)> = BTreeMap::new();
    for seed in 0..seeds {
        let mut policies: [&mut dyn Policy; 4] = [&mut network, &mut single, &mut rules, &mut fixed];
        let requests = stage.requests(seed);
        for (place, policy) in policies.iter_mut().enumerate() {
            let name = policy.name().to_owned();
            let profit = stage.play(&requests, *policy).profit;
            profits.entry(place).or_insert_with(|| (name, Vec::new())).1.push(profit);
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let rows = rows(&profits, bound);
    tell(
        &args.shown,
        &[(format!("hotel, {} nights", args.nights), rows)],
        "share of what no policy can exceed",
    )
}

/// What each room type brought a night, over whole weeks before the last known day.
fn trial(args: &Trial, settings: &Settings) -> Outcome {
    let (hotel, settings) = args.place.of(settings);
    installed(&settings)?;
    let (bookings, kinds) = tokio::runtime::Runtime::new()?.block_on(async {
        let store = open_store(&settings, data_keys(&settings)?).await?;
        let rows = store.hotel(&hotel);
        let mut bookings = Vec::new();
        let take = |booking| {
            bookings.push(booking);
            Ok::<(), StoreError>(())
        };
        let read = rows.for_each_booking(&BookingFilter::default(), take).await;
        let kinds = rows.room_types().await;
        store.close().await;
        read?;
        Ok::<_, Failure>((bookings, kinds?))
    })?;
    let last = bookings.iter().map(innkeeper_hotel::Booking::told_on).max();
    let last = last.ok_or_else(|| format!("hotel {hotel} has no bookings to learn from"))?;
    let mut names: Vec<RoomTypeName> = kinds.into_iter().map(|(name, _)| name).collect();
    if !args.room_type.is_empty() {
        if let Some(unknown) = args.room_type.iter().find(|name| !names.contains(name)) {
            return Err(format!("{unknown} is no room type of hotel {hotel}").into());
        }
        names.clone_from(&args.room_type);
    }
    let first = last.checked_sub_days(Days::new(7 * WEEKS)).unwrap_or(NaiveDate::MIN);
    let mut history = vec![vec![0.0; 7 * WEEKS as usize]; names.len()];
    for booking in bookings.iter().filter(|booking| booking.status.takes_a_room()) {
        let Some(kind) = names.iter().position(|name| *name == booking.room_type) else { continue };
        let rate = booking.rate.and_then(|rate| rate.to_f64()).unwrap_or(0.0);
        for night in booking.stay.arrival.iter_days().take(usize::from(booking.stay.nights)) {
            let place = usize::try_from((night - first).num_days()).ok();
            if let Some(brought) = place.and_then(|place| history.get_mut(kind)?.get_mut(place)) {
                *brought += rate;
            }
        }
    }
    let first_night = args.from.or_else(|| last.checked_add_days(Days::new(1))).unwrap_or(last);
    let input = TrialInput {
        first_night,
        nights: args.nights,
        room_types: names.iter().map(ToString::to_string).collect(),
        history,
        effect: args.effect / 100.0,
        power: args.power,
        significance: args.significance,
        cluster: match args.cluster {
            Together::Night => Cluster::Night,
            Together::Week => Cluster::Week,
            Together::Fortnight => Cluster::Nights(14),
        },
        seed: args.seed,
    };
    let design = design_trial(&input)?;
    if args.json {
        return say(serde_json::to_value(&design)?);
    }
    say(plan(&design, &input, args.plan))
}

fn plan(design: &TrialDesign, input: &TrialInput, whole: bool) -> String {
    let (control, treatment) = design.clusters;
    let mut lines = vec![format!(
        "{} nights find a difference of {:.1} % or more with a probability of {:.0} %; the {:.1} % asked for needs {} nights.\n\
         Each room type has {control} spans with the prices as they are and {treatment} with those on trial; spans differ by {:.1} % by themselves.",
        input.nights,
        100.0 * design.detectable,
        100.0 * input.power,
        100.0 * input.effect,
        design.nights_needed,
        100.0 * design.deviation,
    )];
    if whole {
        let rows: Vec<Vec<String>> = design
            .assignments
            .iter()
            .map(|of| {
                let arm = match of.arm {
                    Arm::Control => "as it is",
                    Arm::Treatment => "on trial",
                };
                let kind = input.room_types.get(of.room_type).cloned().unwrap_or_default();
                vec![of.night.to_string(), kind, of.cluster.to_string(), arm.to_owned()]
            })
            .collect();
        lines.push(table(&["night", "room type", "span", "prices"], &rows));
    }
    lines.join("\n")
}

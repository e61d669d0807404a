//! Prices for a calendar of nights and room types, with what each allowed price is worth.

use serde::{Deserialize, Serialize};

use super::decomposition::{Grid, randomise};
use super::error::{MOST_MONEY, NetworkError, answer, ladder, size, within};
use super::flows::{Flow, Network};
use super::prices::Posted;
use super::{fluid, truncation};
use crate::Response;
use crate::history::MAX_ROOM_TYPES;

/// Requests that are still expected for stays that begin in a cell, from guests who answer alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// Expected requests whose booking would not be cancelled, in each window of time from now on; the windows are the same
    /// for all cells, the first begins now. For families whose share is relative, requests that would book at `location`.
    pub requests: Vec<f64>,
    /// How they answer to the average price of their nights.
    pub response: Response,
    /// Probability, above 0 and at most 1, that a guest who did not cancel comes. One who does not pays nothing.
    pub show_probability: f64,
}

/// A night and room type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalendarCell {
    /// Rooms of the type.
    pub rooms: u32,
    /// Rooms that may still be sold; below 0 where more were sold than there are, to be upgraded.
    pub rooms_left: f64,
    /// Rooms that guests who have booked or are in the house are expected to take, 0 or more.
    pub come: f64,
    /// Fewest nights of a stay that begins here, 1 (none is too short) to 730. Requests for shorter ones are lost.
    pub minimum_nights: usize,
    /// What a sold night costs the hotel.
    pub night_cost: f64,
    /// Stays that begin here, by segment; at most 8.
    pub demand: Vec<Demand>,
    /// Prices that may be posted, above 0 and rising, at most 400.
    pub prices: Vec<f64>,
}

/// What is to be priced.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalendarInput {
    /// Nights, 1..=730, the first one first; at most 20,000 cells.
    pub nights: usize,
    /// Room types, 1..=64.
    pub room_types: usize,
    /// `nights x room_types`, row by row, types from low to high: a guest of one may be given a room of a later one.
    pub cells: Vec<CalendarCell>,
    /// Probability of a stay of 1 night, 2 nights, …; at most 30, together 1. A stay that would end after the last night is
    /// priced for its nights up to there.
    pub stay_lengths: Vec<f64>,
}

/// How hard to look. The defaults price 365 nights of 5 types with 40 allowed prices within a second on one core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalendarSettings {
    /// Windows of time, from the first, whose requests will meet these prices: `None` when they stay until arrival. Where
    /// segments book at different times and prices are computed often, a small number is better.
    pub held_windows: Option<usize>,
    /// Times the worth of rooms is made random (dynamic program) after the fluid solution: 0 keeps the fluid worth; at most 5.
    /// Prices answer to the worths of the pass before, so an even number is better than the odd one after it.
    pub passes: usize,
    /// Most sweeps over nights and types for the fluid solution, 1..=1000.
    pub fluid_sweeps: usize,
    /// Most sweeps over nights and types for the prices, 1..=100.
    pub price_sweeps: usize,
}

impl Default for CalendarSettings {
    fn default() -> Self {
        Self { held_windows: None, passes: 2, fluid_sweeps: 16, price_sweeps: 6 }
    }
}

/// The answer for a night and room type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellAnswer {
    /// Place of the best allowed price; `None` where no request is expected to stay here, so that no price is better.
    pub price: Option<usize>,
    /// What one more room of the type is worth: what later guests would bring for it.
    pub bid_price: f64,
    /// For each allowed price, the profit from all stays through the night at this price, the other nights' prices held, over
    /// what the rooms they take are worth; relative to a closed cell. Empty where no request is expected.
    pub values: Vec<f64>,
    /// Expected rooms still sold, if the prices stayed until arrival.
    pub sold: f64,
    /// Variance of the same.
    pub sold_variance: f64,
    /// Rooms that guests would take at the price if rooms never ran out: `sold` before it is cut at the rooms there are.
    pub wanted: f64,
    /// Expected share of the type's rooms in use by those who come and those still sold, upgrades counted where the guests sleep; `None` without a room.
    pub occupancy: Option<f64>,
    /// Expected revenue of the night from stays still to be sold.
    pub revenue: f64,
    /// Variance of the same.
    pub revenue_variance: f64,
}

/// Prices for all nights and room types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CalendarAnswer {
    /// `nights x room_types`, row by row.
    pub cells: Vec<CellAnswer>,
    /// Expected revenue of all stays still to be sold, if the prices stayed until arrival.
    pub revenue: f64,
    /// Its variance; a stay's nights come and go together.
    pub revenue_variance: f64,
    /// Expected profit of the same.
    pub profit: f64,
    /// Profit that no policy exceeds in expectation under this demand, by the fluid dual.
    pub upper: f64,
    /// How far the fluid solution can be from optimal, as a share of `upper`.
    pub fluid_gap: f64,
}

/// Prices a calendar of nights and nested room types.
///
/// What is approximated: prices look at one night and type at a time while the others stay; the worth of a room comes from one
/// dynamic program for each night and each set of a type and those above it, in which the rest of a stay is paid for at its
/// worth; above 400 rooms, or a million rooms times bookings (less where there are more than 2,000 cells), the fluid worth is
/// used. Rooms sold and revenue take demand as Poisson, cut at the rooms of each set (exact sums for one set and night); a stay
/// is taken with the smallest of the parts that fit on its nights, so that a request turned away on one night is not taken from
/// its other nights' crowd. Prices that follow demand sell more than this says.
///
/// # Errors
/// [`NetworkError`] for sizes, numbers or lists that are outside what is documented.
pub fn price_calendar(
    input: &CalendarInput,
    settings: &CalendarSettings,
) -> Result<CalendarAnswer, NetworkError> {
    check(input, settings)?;
    let network = network(input);
    let mut solved = solve(&network, settings, None);
    let values = solved.posted.settle(&network, &solved.stay_bids, &solved.weights);
    Ok(forecast(input, &network, &solved, values))
}

/// What a calendar brings at prices that are chosen already: one price a cell, nothing is searched.
///
/// Rooms sold and wanted, occupancy, revenue, profit and variances are those of [`price_calendar`] at these prices. `bid_price`
/// is 0 and `values` are empty, for neither was computed; `upper` is the profit if rooms never ran out, and `fluid_gap` how
/// much of that does not fit the rooms when demand comes as expected. Of the settings none changes the answer.
///
/// # Errors
/// [`NetworkError`] as for [`price_calendar`]; [`NetworkError::Shape`] for a cell that does not have exactly one price.
pub fn expect_calendar(
    input: &CalendarInput,
    settings: &CalendarSettings,
) -> Result<CalendarAnswer, NetworkError> {
    check(input, settings)?;
    if let Some(cell) = input.cells.iter().find(|cell| cell.prices.len() != 1) {
        return Err(NetworkError::Shape { what: "prices", found: cell.prices.len(), expected: 1 });
    }
    let network = network(input);
    let cells = input.cells.len();
    let posted = Posted::at(&network, vec![0; cells]);
    let nothing = vec![0.0; cells];
    let solved =
        Solved { posted, bids: nothing.clone(), duals: nothing, stay_bids: Vec::new(), weights: Vec::new() };
    Ok(forecast(input, &network, &solved, vec![Vec::new(); cells]))
}

/// Most nights times room types.
const MOST_CELLS: usize = 20_000;

fn check(input: &CalendarInput, settings: &CalendarSettings) -> Result<(), NetworkError> {
    size("nights", input.nights, 1, 730)?;
    size("room types", input.room_types, 1, MAX_ROOM_TYPES)?;
    size("stay lengths", input.stay_lengths.len(), 1, 30)?;
    size("passes", settings.passes, 0, 5)?;
    size("fluid sweeps", settings.fluid_sweeps, 1, 1000)?;
    size("price sweeps", settings.price_sweeps, 1, 100)?;
    let expected = input.nights * input.room_types;
    size("cells", expected, 1, MOST_CELLS)?;
    if input.cells.len() != expected {
        return Err(NetworkError::Shape { what: "cells", found: input.cells.len(), expected });
    }
    for share in &input.stay_lengths {
        within("share of a stay length", *share, 0.0, 1.0)?;
    }
    within("sum of stay lengths", input.stay_lengths.iter().sum(), 0.999, 1.001)?;
    let windows = windows(input);
    size("windows of time", windows, 1, 64)?;
    for (place, cell) in input.cells.iter().enumerate() {
        size("rooms", cell.rooms as usize, 0, 5000)?;
        size("segments of a cell", cell.demand.len(), 0, 8)?;
        within("rooms left", cell.rooms_left, -10_000.0, 10_000.0)?;
        within("rooms that come", cell.come, 0.0, 20_000.0)?;
        size("minimum nights", cell.minimum_nights, 1, 730)?;
        within("night cost", cell.night_cost, 0.0, MOST_MONEY)?;
        ladder(place, &cell.prices)?;
        for demand in &cell.demand {
            if demand.requests.len() != windows {
                let found = demand.requests.len();
                return Err(NetworkError::Shape { what: "windows of time", found, expected: windows });
            }
            for requests in &demand.requests {
                within("requests", *requests, 0.0, 1e5)?;
            }
            within("show probability", demand.show_probability, 0.05, 1.0)?;
        }
    }
    // A stay's average price is not above the highest allowed price of its type. A response beyond counting even there says
    // nothing; one that is so at low prices only is cut there.
    let types = input.room_types;
    let mut highest = vec![0.0_f64; types];
    for (place, cell) in input.cells.iter().enumerate() {
        highest[place % types] = highest[place % types].max(cell.prices[cell.prices.len() - 1]);
    }
    for (place, cell) in input.cells.iter().enumerate() {
        for demand in &cell.demand {
            answer(&demand.response)?;
            let share = demand.response.share(highest[place % types]);
            within("share at the highest price", share, 0.0, f64::MAX)?;
        }
    }
    Ok(())
}

/// Windows of time of the first demand there is; one where there is none.
fn windows(input: &CalendarInput) -> usize {
    input.cells.iter().find_map(|cell| cell.demand.first()).map_or(1, |demand| demand.requests.len())
}

fn network(input: &CalendarInput) -> Network {
    let (nights, types, windows) = (input.nights, input.room_types, windows(input));
    let left: Vec<f64> = input.cells.iter().map(|cell| cell.rooms_left.min(f64::from(cell.rooms))).collect();
    let (mut flows, mut rates) = (Vec::new(), Vec::new());
    for (place, cell) in input.cells.iter().enumerate() {
        let arrival = place / types;
        let longest = input.stay_lengths.len().min(nights - arrival);
        for demand in &cell.demand {
            let total: f64 = demand.requests.iter().sum();
            for length in 1..=longest {
                // Stays that end after the last night are counted as the longest that fits; whether they are long enough is
                // said by the nights that were asked for.
                let last = if length == longest { input.stay_lengths.len() } else { length };
                let asked = length.max(cell.minimum_nights);
                let share: f64 =
                    input.stay_lengths.get(asked - 1..last).map_or(0.0, |shares| shares.iter().sum());
                if share * total <= 0.0 {
                    continue;
                }
                flows.push(Flow {
                    arrival,
                    nights: length,
                    room_type: place % types,
                    response: demand.response,
                    rate: share * total,
                    paid: demand.show_probability,
                    used: demand.show_probability,
                    night_cost: cell.night_cost,
                });
                rates.extend(demand.requests.iter().map(|requests| requests * share));
            }
        }
    }
    let ladders = input.cells.iter().map(|cell| cell.prices.clone()).collect();
    Network::new(nights, types, &left, flows, (windows, rates), (ladders, (0..nights * types).collect()))
}

/// Prices and what they rest on.
#[derive(Debug, Clone)]
pub(crate) struct Solved {
    pub posted: Posted,
    /// Worth of a room for each set of types, from the fluid problem.
    pub duals: Vec<f64>,
    /// Worth of a room of each type.
    pub bids: Vec<f64>,
    /// Worth of the rooms of each flow's stay.
    pub stay_bids: Vec<f64>,
    /// Requests of each flow that the prices are for.
    pub weights: Vec<f64>,
}

/// Solves a problem; `start` is the answer to one that was much the same, in nights, types and allowed prices.
pub(crate) fn solve(network: &Network, settings: &CalendarSettings, start: Option<&Solved>) -> Solved {
    let duals = fluid::duals(network, settings.fluid_sweeps, start.map(|solved| &solved.duals[..]));
    let weights = weights(network, settings.held_windows);
    let mut worths = duals.clone();
    let bids = network.bids(&duals);
    let mut stay_bids = network.over_stays(&bids);
    let mut posted = match start {
        Some(solved) => Posted::at(network, solved.posted.index.clone()),
        None => Posted::start(network, &bids, &stay_bids),
    };
    let all: Vec<f64> = network.flows.iter().map(|flow| flow.rate).collect();
    for pass in 0..settings.passes {
        posted.ascend(network, &stay_bids, &all, settings.price_sweeps.min(3));
        // Small steps are closer to Poisson demand; passes before the last only have to be near.
        let last = pass + 1 == settings.passes;
        let grid = Grid { step: if last { 0.4 } else { 0.6 }, prices: if last { 20 } else { 16 } };
        randomise(network, &posted, &mut worths, &mut stay_bids, grid);
    }
    posted.ascend(network, &stay_bids, &weights, settings.price_sweeps);
    Solved { posted, duals, bids: network.bids(&worths), stay_bids, weights }
}

/// Requests that will meet the prices, for each flow. A thousandth of all counts where none will, so that prices far ahead are
/// still the best for those who come later.
fn weights(network: &Network, held: Option<usize>) -> Vec<f64> {
    let windows = network.windows;
    let rates = network.rates.chunks_exact(windows);
    match held {
        Some(held) if held < windows => rates
            .zip(&network.flows)
            .map(|(rates, flow)| rates[..held].iter().sum::<f64>() + 1e-3 * flow.rate)
            .collect(),
        _ => network.flows.iter().map(|flow| flow.rate).collect(),
    }
}

fn forecast(
    input: &CalendarInput,
    network: &Network,
    solved: &Solved,
    values: Vec<Vec<f64>>,
) -> CalendarAnswer {
    let (types, cells) = (network.types, input.cells.len());
    let Solved { posted, duals, bids, .. } = solved;
    let mut used = vec![0.0; cells];
    let taken: Vec<f64> = (network.flows.iter().zip(&posted.stays))
        .map(|(flow, stay)| flow.rate * flow.share(stay / flow.nights as f64))
        .collect();
    for (flow, taken) in network.flows.iter().zip(&taken) {
        for cell in network.cells(flow) {
            used[cell] += taken * flow.used;
        }
    }
    // What part of the demand of each set of types fits, and how its variance stands to its mean.
    let mut part = vec![1.0_f64; cells];
    let mut spread = vec![1.0_f64; cells];
    for night in 0..network.nights {
        let mut demand = 0.0;
        for kind in (0..types).rev() {
            let cell = night * types + kind;
            demand += used[cell];
            let (mean, variance) = truncation::sold(demand, network.capacity[cell]);
            part[cell] = if demand > 0.0 { mean / demand } else { 1.0 };
            spread[cell] = if mean > 0.0 { variance / mean } else { 1.0 };
        }
        for kind in 1..types {
            let cell = night * types + kind;
            if part[cell - 1] < part[cell] {
                part[cell] = part[cell - 1];
                spread[cell] = spread[cell - 1];
            }
        }
    }
    let mut answers: Vec<CellAnswer> = (values.into_iter().enumerate())
        .map(|(cell, values)| {
            let priced = !network.covering(cell).is_empty();
            CellAnswer {
                price: priced.then_some(posted.index[cell]),
                bid_price: bids[cell],
                values: if priced { values } else { Vec::new() },
                sold: 0.0,
                sold_variance: 0.0,
                wanted: used[cell],
                occupancy: None,
                revenue: 0.0,
                revenue_variance: 0.0,
            }
        })
        .collect();
    let (mut revenue, mut revenue_variance, mut profit) = (0.0, 0.0, 0.0);
    for ((flow, taken), stay) in network.flows.iter().zip(&taken).zip(&posted.stays) {
        let (fits, dispersion) = network
            .cells(flow)
            .map(|cell| (part[cell], spread[cell]))
            .fold((1.0_f64, 1.0_f64), |least, night| if night.0 < least.0 { night } else { least });
        let stays = taken * flow.used * fits;
        revenue += stays * stay;
        revenue_variance += stays * stay * stay * dispersion;
        profit += stays * (stay - flow.nights as f64 * flow.night_cost);
        for cell in network.cells(flow) {
            let price = network.ladder(cell)[posted.index[cell]];
            let answer = &mut answers[cell];
            answer.sold += stays;
            answer.sold_variance += stays * dispersion;
            answer.revenue += stays * price;
            answer.revenue_variance += stays * price * price * dispersion;
        }
    }
    for (answers, cells) in answers.chunks_exact_mut(types).zip(input.cells.chunks_exact(types)) {
        let mut moved_up = 0.0;
        for (answer, cell) in answers.iter_mut().zip(cells) {
            let rooms = f64::from(cell.rooms);
            let guests = cell.come + answer.sold + moved_up;
            moved_up = (guests - rooms).max(0.0);
            answer.occupancy = (rooms > 0.0).then(|| guests.min(rooms) / rooms);
        }
    }
    let (upper, feasible) = fluid::values(network, duals);
    let fluid_gap = if upper > 0.0 { (upper - feasible) / upper } else { 0.0 };
    CalendarAnswer { cells: answers, revenue, revenue_variance, profit, upper, fluid_gap }
}

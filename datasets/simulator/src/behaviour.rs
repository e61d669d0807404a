//! What is drawn for a segment, prepared once.

use innkeeper_hotel::Deposit;
use rand::Rng;
use rand_distr::{Beta, Distribution, Exp1, Gamma};

use crate::SimulatorError;
use crate::truth::{Segment, Truth};
use crate::weights::Weights;

/// Deposits in the order of [`Behaviour::deposits`].
pub const DEPOSITS: [Deposit; 3] = [Deposit::None, Deposit::Refundable, Deposit::NonRefundable];

/// Names with their weights.
#[derive(Debug, Clone)]
pub struct Names {
    pub names: Vec<String>,
    pub weights: Weights,
}

impl Names {
    pub fn new(mix: &crate::truth::Mix) -> Self {
        Self { names: mix.keys().cloned().collect(), weights: Weights::new(mix.values().copied()) }
    }

    /// The name at an index that was picked.
    pub fn get(&self, index: u16) -> Option<String> {
        self.names.get(usize::from(index)).cloned()
    }
}

/// A segment, ready to draw from.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Chance of each lead time.
    pub leads: Vec<f64>,
    /// Chance that a booking is made at a lead time or a longer one.
    pub booked_by: Vec<f64>,
    pub nights: Weights,
    pub rooms: Weights,
    pub deposits: Weights,
    /// Multiplier of the hazard of cancelling, by deposit.
    deposit_hazard: [f64; 3],
    /// Hazard of cancelling summed over the days 0 up to, but without, an index.
    hazard: Vec<f64>,
    pub no_show: f64,
    /// Elasticity by room type.
    pub elasticity: Vec<f64>,
    /// What the lowest possible price does to demand: the most that requests can grow by.
    pub most: f64,
    pub channels: Names,
    pub payments: Names,
    pub adults: Weights,
    rate: Gamma<f64>,
    dropout: Beta<f64>,
}

impl Behaviour {
    pub fn new(truth: &Truth, segment: &Segment) -> Result<Self, SimulatorError> {
        let leads = truth.lead_times(segment);
        let mut later = 0.0;
        let mut booked_by: Vec<f64> = leads
            .iter()
            .rev()
            .map(|chance| {
                later += chance;
                later
            })
            .collect();
        booked_by.reverse();
        let mut sum = 0.0;
        let mut hazard = vec![0.0];
        hazard.extend((0..=truth.max_lead).map(|days| {
            sum += Truth::cancellation_hazard(segment, days);
            sum
        }));
        let elasticity: Vec<f64> =
            truth.room_types.iter().map(|kind| Truth::elasticity(segment, kind)).collect();
        let steepest = elasticity.iter().copied().fold(0.0, f64::max);
        let deposits = segment.deposits;
        let wrong = |what: &str| SimulatorError::Truth {
            field: format!("segment {}, repeat", segment.name),
            reason: format!("no {what} distribution has these parameters"),
        };
        let repeat = segment.repeat;
        Ok(Self {
            leads,
            booked_by,
            nights: Weights::new(segment.nights.iter().copied()),
            rooms: Weights::new(segment.rooms.iter().copied()),
            deposits: Weights::new([deposits.none, deposits.refundable, deposits.non_refundable]),
            deposit_hazard: DEPOSITS.map(|deposit| truth.deposit.of(deposit)),
            hazard,
            no_show: segment.no_show,
            elasticity,
            most: truth.price.floor.powf(-steepest),
            channels: Names::new(&segment.channels),
            payments: Names::new(&segment.payments),
            adults: Weights::new(segment.adults.iter().copied()),
            rate: Gamma::new(repeat.r, 1.0 / repeat.alpha).map_err(|_| wrong("gamma"))?,
            dropout: Beta::new(repeat.a, repeat.b).map_err(|_| wrong("beta"))?,
        })
    }

    /// How many days before arrival a booking is cancelled that is made `lead` days before it; `None` when it is kept.
    ///
    /// The sum of the hazards from `lead` down to that day first reaches an exponential number there.
    pub fn cancelled(&self, lead: usize, deposit: usize, random: &mut impl Rng) -> Option<usize> {
        let patience: f64 = Exp1.sample(random);
        let patience = patience / self.deposit_hazard[deposit];
        let left = self.hazard[lead + 1] - patience;
        // A hazard of 0 makes the patience infinite or, at a draw of 0, no number: both keep the booking.
        (left > 0.0).then(|| self.hazard.partition_point(|upto| *upto <= left).saturating_sub(1).min(lead))
    }

    /// What a guest of the segment is like: bookings a day, and the chance to drop out after one.
    pub fn temper(&self, random: &mut impl Rng) -> (f64, f64) {
        (self.rate.sample(random), self.dropout.sample(random))
    }
}

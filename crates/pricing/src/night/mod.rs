//! One night of one kind of room: so many rooms, so many days until arrival, one price a day.
//!
//! The model is the one of Gallego and van Ryzin (1994), "Optimal Dynamic Pricing of Inventories with Stochastic Demand over
//! Finite Horizons", in days: on each day the number of requests that would book at the price of the day is Poisson, and as
//! many of them book as there are rooms left. Everything about a policy is then computed, not simulated.

mod evaluation;
mod outcomes;
mod plot;
mod policies;
mod scenario;
mod simulate;
mod solve;

pub use evaluation::{Evaluated, EvaluationError, PolicyFigures, evaluate};
pub use outcomes::Bookings;
pub use plot::PoliciesPlot;
pub use policies::{Best, FixedPrice, PricePolicy, RuleOfThumb, best_fixed_price};
pub use scenario::{Grid, Past, Requests, Scenario, ScenarioError, Segment, Share};
pub use simulate::play;
pub use solve::{Plan, Sale, SaleError, solve, worth};

/// Bookings to be expected on a day if rooms never ran out.
pub trait Demand {
    /// Mean number of requests that book on the day that is `days_left` before arrival (1 is the last) at `price`; 0 or more.
    fn expected(&self, days_left: u32, price: f64) -> f64;
}

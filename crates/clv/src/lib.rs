//! What a guest will be worth.
//!
//! In come transactions, or what they come down to for each guest: repeat purchases, the time of the last one and the age;
//! out go a fitted model and, for each guest, the transactions to come, the probability that the guest is still one, the
//! value over a horizon with an interval, and a segment with its reason. This room touches nothing: no files, no network,
//! no clock; simulations take a seed.
//!
//! Transactions follow the BG/NBD model (Fader, Hardie & Lee, *"Counting Your Customers" the Easy Way*, 2005): a guest buys
//! at a rate of its own and leaves after a purchase with a probability of its own. What a purchase is worth follows the
//! Gamma-Gamma model (Fader & Hardie, *The Gamma-Gamma Model of Monetary Value*, 2013).

pub mod cdnow;
mod evaluation;
mod history;
mod hypergeometric;
mod maximum;
mod plot;
mod segments;
mod special;
mod spend;
mod transactions;
mod value;

pub use evaluation::{Evaluation, EvaluationError, HoldoutGroup, evaluate};
pub use history::{Guest, History, HistoryError, MOST_FREQUENCY, TimeUnit, Transaction, summarise};
pub use hypergeometric::gauss_hypergeometric;
pub use plot::{PlotError, holdout_svg};
pub use segments::{Segment, SegmentRules, Segmented, SegmentsError, segment};
pub use spend::{FittedSpend, GammaGamma, SpendErrors, SpendLimit, fit_spend, fit_spend_with};
pub use transactions::{
    BgNbd, FitError, FitSettings, Fitted, LEAST_GUESTS, Limit, ParameterError, StandardErrors, fit, fit_with,
};
pub use value::{LifetimeValue, MOST_MONTHS, Terms, ValueError, Valuer};

//! What a price may be: the hotel's rules, the prices they allow, and the best prices among those.
//!
//! In come rules as a hotel writes them, and for each night and room type what is on sale and on which channels; out go the
//! candidates that keep every rule, the choice among them that brings the most under the order of the room types, and the
//! rules that made it differ from the choice without rules.
//!
//! **No rule gives way to another.** A set of rules that leaves some night without a price is refused when it is entered
//! ([`RuleSet::new`]), with the rules that contradict each other. What only the data shows (a freeze at a price below the floor,
//! a floor further away than one day's change) leaves that cell without an answer: what is on sale stays on sale, and
//! [`Unmet`] names the rules that leave nothing between them. A limit on the change per day counts from the day on which the
//! price was set, so a cell that waits for it is answered some days later without anybody's help. Cells that have no answer
//! still count for the order of room types, at the price that is on sale.

mod candidates;
mod cell;
mod check;
mod clash;
mod closure;
mod domain;
mod ladder;
mod order;
mod rule;
mod set;
mod settle;
mod words;

pub use candidates::candidate_prices;
pub use cell::{Cell, CellError, ChannelPrice, OnSale, Unmet};
pub use check::{Broken, Priced};
pub use ladder::Ladder;
pub use rule::{Fault, PriceError, Rule, RuleId, RuleIdError, RuleKind, Scope};
pub use set::{MinimumStay, RuleError, RuleSet};
pub use settle::{CellChoices, Settled};
pub use words::{Action, Effect};

/// Highest price, in major units of the currency. Above it a typing error is likelier than a room.
pub const MOST_PRICE: i64 = 1_000_000_000;
/// Most rules in one set.
pub const MOST_RULES: usize = 200;
/// Most candidates of one cell.
pub const MOST_CANDIDATES: usize = 1000;
/// Days after which a limit on the change per day grows no further: ten years.
pub const MOST_DAYS: u32 = 3660;
/// Highest percentage of a rule.
pub const MOST_PERCENT: i64 = 1000;

//! What is told of prices: built here, documented by the same types, kept as they are.

use chrono::{DateTime, NaiveDate, Utc};
use innkeeper_store::{PriceOverride, PriceSchedule, PublishTarget};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::amount;

/// Revenue with its interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = ExpectedRevenue)]
pub(crate) struct RevenueReport {
    #[serde(with = "amount")]
    #[schema(value_type = f64)]
    pub mean: Decimal,
    #[serde(with = "amount")]
    #[schema(value_type = f64)]
    pub lower: Decimal,
    #[serde(with = "amount")]
    #[schema(value_type = f64)]
    pub upper: Decimal,
    /// Probability that the interval is meant to hold.
    #[schema(example = 0.8)]
    pub level: f64,
}

/// A rule but for which the price would be another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = BindingRule)]
pub(crate) struct BindingReport {
    #[schema(example = "weekend-floor")]
    pub rule: String,
    /// What it does here.
    #[schema(example = "the floor of 900,000 holds the price up")]
    pub words: String,
}

/// Why a price is what it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PriceReason)]
pub(crate) struct ReasonReport {
    /// `pace`, `remaining_rooms`, `competitor`, `event`, `weekday`, `season` or `rule`.
    #[schema(example = "pace")]
    pub name: String,
    /// How much higher the price is than it would be without; below zero: lower.
    #[serde(with = "amount")]
    #[schema(value_type = f64)]
    pub effect: Decimal,
    /// The same in words.
    pub words: String,
}

/// What another price would bring.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PricePoint)]
pub(crate) struct PointReport {
    #[serde(with = "amount")]
    #[schema(value_type = f64)]
    pub price: Decimal,
    /// Rooms that guests who book from now on are expected to take.
    pub bookings: f64,
    /// Revenue expected from them.
    pub revenue: f64,
    /// That less what they cost, and less what the rooms would have brought otherwise.
    pub profit: f64,
}

/// The price of a night of a room type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = SuggestedPrice)]
pub(crate) struct CellReport {
    /// The night that begins on this day.
    #[schema(example = "2025-02-01")]
    pub date: NaiveDate,
    #[schema(example = "deluxe")]
    pub room_type: String,
    /// The price to ask; null where the night is not sold or no price keeps every rule.
    #[serde(with = "amount::optional")]
    #[schema(value_type = Option<f64>, example = 2_500_000)]
    pub suggested_price: Option<Decimal>,
    /// Why there is none.
    pub no_price_reason: Option<String>,
    /// The price on sale at the end of `as_of`; null where none is known.
    #[serde(with = "amount::optional")]
    #[schema(value_type = Option<f64>, example = 2_000_000)]
    pub current_price: Option<Decimal>,
    /// Share of the rooms expected to be taken, 0 to 1.
    #[schema(example = 0.85)]
    pub expected_occupancy: Option<f64>,
    /// Mean of what competitors asked, as last seen.
    #[serde(with = "amount::optional")]
    #[schema(value_type = Option<f64>, example = 2_300_000)]
    pub competitor_avg: Option<Decimal>,
    /// Why there is none.
    pub competitor_reason: Option<String>,
    /// Share of nights whose bookings were within the 80 % interval that a model of eight weeks before gave them, 0 to 1: one
    /// number for the hotel, told as far ahead as it was measured.
    #[schema(example = 0.82)]
    pub confidence: Option<f64>,
    /// Why there is none.
    pub confidence_reason: Option<String>,
    /// Rooms of the type.
    pub rooms: u32,
    /// Rooms booked by now.
    pub on_the_books: u32,
    /// Rooms that may be sold still.
    pub rooms_left: f64,
    /// Rooms that guests who book from now on are expected to take at `suggested_price`, cancellations and no-shows left out.
    pub expected_bookings: Option<f64>,
    /// What the night is expected to bring, bookings on the books included.
    pub expected_revenue: Option<RevenueReport>,
    /// What one more room would bring later; a guest who pays less than this and the cost of a night loses the hotel money.
    pub bid_price: Option<f64>,
    /// Least nights of a stay that arrives on the night, where a rule sets one.
    pub minimum_stay: Option<u16>,
    /// Rules but for which the price would be another.
    pub binding_rules: Vec<BindingReport>,
    /// The strongest reasons, strongest first.
    pub reasons: Vec<ReasonReport>,
    /// What other prices would bring; only `explain` tells it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub curve: Vec<PointReport>,
    /// The price that somebody set in its place; the latest one counts.
    #[serde(default, rename = "override", skip_serializing_if = "Option::is_none")]
    pub set: Option<OverrideReport>,
}

impl CellReport {
    /// The price that goes on sale: what somebody set, else what is suggested.
    pub fn price(&self) -> Option<Decimal> {
        self.set.as_ref().map(|set| set.price).or(self.suggested_price)
    }
}

/// A price that somebody set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PriceOverride)]
pub(crate) struct OverrideReport {
    pub override_id: Uuid,
    #[serde(with = "amount")]
    #[schema(value_type = f64, example = 2_700_000)]
    pub price: Decimal,
    #[schema(example = "a wedding next door")]
    pub note: String,
    /// Who set it.
    pub by: String,
    pub at: DateTime<Utc>,
}

impl From<&PriceOverride> for OverrideReport {
    fn from(set: &PriceOverride) -> Self {
        Self {
            override_id: set.id,
            price: set.price.amount,
            note: set.note.clone(),
            by: set.created_by.clone(),
            at: set.created_at,
        }
    }
}

/// How one room type's bookings answer to its price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PriceElasticity)]
pub(crate) struct ElasticityReport {
    pub room_type: String,
    /// Percent of bookings lost for a percent of price, at the usual price.
    pub mean: f64,
    /// Standard deviation of what is believed.
    pub sd: f64,
}

/// What a model that knew only an earlier day expected, beside what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PriceCalibration)]
pub(crate) struct CalibrationReport {
    /// The last day that it knew.
    pub known_until: NaiveDate,
    /// Nights and room types that were compared.
    pub nights: usize,
    /// Bookings that it expected for them.
    pub expected: f64,
    /// Bookings that came.
    pub came: f64,
    /// Probability that its intervals were meant to hold.
    #[schema(example = 0.8)]
    pub level: f64,
    /// Share of nights and room types whose count lay within its interval.
    pub reached: f64,
    /// The share that should have: counts are whole, so that an interval holds a little more than its level.
    pub intended: f64,
}

/// What is known of how guests answer to prices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PriceDemand)]
pub(crate) struct DemandReport {
    /// Whether the hotel's own history tells it; otherwise it is an assumption.
    pub identified: bool,
    /// In words.
    pub words: String,
    pub elasticities: Vec<ElasticityReport>,
    /// The shape that explains best; null where the history cannot tell shapes apart, and the log-linear one is assumed.
    #[schema(example = "logit")]
    pub family: Option<String>,
    /// What a model that knew only an earlier day expected, beside what came; null where that could not be measured.
    #[serde(default)]
    pub calibration: Option<CalibrationReport>,
    /// Elasticity without regard to why prices changed; null where there are no prices.
    pub naive_elasticity: Option<f64>,
    /// Bookings that were learnt from.
    pub bookings: u64,
}

/// Something a reader of the schedule must know.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = PriceNote)]
pub(crate) struct NoteReport {
    /// A stable word.
    pub note: String,
    /// In plain words.
    pub words: String,
}

/// What of a schedule is the same however often it is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Made {
    /// The last day of which everything is taken as known.
    #[schema(example = "2025-01-31")]
    pub as_of: NaiveDate,
    /// Currency of every amount (ISO 4217).
    #[schema(example = "VND")]
    pub currency: String,
    /// Whether the prices hold the taxes; null where the settings do not say.
    pub tax_inclusive: Option<bool>,
    /// Probability that the intervals are meant to hold.
    #[schema(example = 0.8)]
    pub level: f64,
    /// Name and version of what suggests.
    #[schema(example = "pricing@0.1.0")]
    pub model: String,
    pub demand: DemandReport,
    pub notes: Vec<NoteReport>,
    /// One a night and room type, by night, then in the order asked for.
    pub pricing_schedule: Vec<CellReport>,
}

impl Made {
    /// Without the curves, which are many numbers.
    #[must_use]
    pub fn brief(mut self) -> Self {
        for cell in &mut self.pricing_schedule {
            cell.curve = Vec::new();
        }
        self
    }

    /// The mean coverage, over the nights that have one.
    pub fn mean_confidence(&self) -> Option<f64> {
        let known: Vec<f64> = self.pricing_schedule.iter().filter_map(|cell| cell.confidence).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    }
}

/// Suggested prices.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PricingAnswer {
    /// Reads the schedule back, decides about it, and names it in the log.
    pub schedule_id: Uuid,
    /// The event `price.schedule_made`.
    pub event_id: Uuid,
    #[serde(flatten)]
    pub made: Made,
    /// Milliseconds it took, waiting included.
    pub time_ms: f64,
}

/// What became of suggested prices.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PriceSchedule)]
pub(crate) struct ScheduleReport {
    pub schedule_id: Uuid,
    /// `proposed`, `approved`, `rejected` or `published`.
    #[schema(example = "proposed")]
    pub status: &'static str,
    pub as_of: NaiveDate,
    pub first_night: NaiveDate,
    pub last_night: NaiveDate,
    pub room_types: Vec<String>,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    /// What was said when it was decided.
    pub note: Option<String>,
    pub published_by: Option<String>,
    pub published_at: Option<DateTime<Utc>>,
    /// `csv`, `webhook` or `rates`.
    pub publish_target: Option<&'static str>,
}

impl From<PriceSchedule> for ScheduleReport {
    fn from(schedule: PriceSchedule) -> Self {
        Self {
            schedule_id: schedule.id,
            status: schedule.status.as_str(),
            as_of: schedule.as_of,
            first_night: schedule.first_night,
            last_night: schedule.last_night,
            room_types: schedule.room_types.into_iter().map(String::from).collect(),
            created_by: schedule.created_by,
            created_at: schedule.created_at,
            decided_by: schedule.decided_by,
            decided_at: schedule.decided_at,
            note: schedule.note,
            published_by: schedule.published_by,
            published_at: schedule.published_at,
            publish_target: schedule.publish_target.map(PublishTarget::as_str),
        }
    }
}

/// Schedules, newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PriceSchedules)]
pub(crate) struct SchedulesAnswer {
    pub schedules: Vec<ScheduleReport>,
    /// Where the next page begins, to be sent as `cursor`; null at the end.
    pub next_cursor: Option<String>,
}

/// A schedule with its prices and what somebody set in their place.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = KeptPriceSchedule)]
pub(crate) struct KeptSchedule {
    #[serde(flatten)]
    pub schedule: ScheduleReport,
    pub currency: String,
    pub tax_inclusive: Option<bool>,
    pub level: f64,
    pub model: String,
    pub demand: DemandReport,
    pub notes: Vec<NoteReport>,
    pub pricing_schedule: Vec<CellReport>,
}

/// A change of a schedule that was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PriceScheduleChange)]
pub(crate) struct ChangeAnswer {
    #[serde(flatten)]
    pub schedule: ScheduleReport,
    /// The event that tells of it.
    pub event_id: Uuid,
}

/// A schedule that went on sale.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PublishedPrices)]
pub(crate) struct PublishAnswer {
    #[serde(flatten)]
    pub schedule: ScheduleReport,
    /// The event `price.schedule_published`.
    pub event_id: Uuid,
    /// Prices that are on sale from now on.
    pub prices: u64,
    /// Nights and room types of the schedule that were left out: they have passed, or have no price.
    pub left_out: u64,
    /// Of `csv`: where the file is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        example = "/api/v1/ml/pricing/schedules/01949c2e-7c00-7000-8000-000000000001/export?format=csv"
    )]
    pub file: Option<String>,
}

/// A price that somebody set.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PriceOverrideAnswer)]
pub(crate) struct OverrideAnswer {
    pub schedule_id: Uuid,
    pub date: NaiveDate,
    pub room_type: String,
    /// What was suggested; null where nothing was.
    #[serde(with = "amount::optional")]
    #[schema(value_type = Option<f64>)]
    pub suggested_price: Option<Decimal>,
    #[serde(rename = "override")]
    pub set: OverrideReport,
    /// The event `price.overridden`.
    pub event_id: Uuid,
}

/// Why a price is what it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = PriceExplanation)]
pub(crate) struct ExplainAnswer {
    pub schedule_id: Uuid,
    pub as_of: NaiveDate,
    pub currency: String,
    pub tax_inclusive: Option<bool>,
    pub demand: DemandReport,
    /// The price, its reasons and rules, and what other prices would bring.
    pub cell: CellReport,
    /// Every price that was set in its place, the one that counts last.
    pub overrides: Vec<OverrideReport>,
}

/// The price on sale.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the name that the interface promises")]
pub(crate) struct CurrentPrice {
    #[schema(example = "deluxe")]
    pub room_type: String,
    /// The night.
    #[schema(example = "2025-02-01")]
    pub date: NaiveDate,
    /// Null where none is known.
    #[serde(with = "amount::optional")]
    #[schema(value_type = Option<f64>, example = 2_000_000)]
    pub current_price: Option<Decimal>,
    /// ISO 4217.
    #[schema(example = "VND")]
    pub currency: Option<String>,
    /// Whether it holds the taxes; null where the settings do not say.
    pub tax_inclusive: Option<bool>,
    /// The day on which it was set.
    pub since: Option<NaiveDate>,
    /// Where it is from: `rates`, the prices on sale that were imported or published.
    pub source: Option<&'static str>,
    /// Why there is none.
    pub reason: Option<String>,
}

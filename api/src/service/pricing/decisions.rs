//! What people decide about suggested prices: another price here, yes or no, and on sale.

use std::collections::{BTreeSet, HashSet};

use chrono::{NaiveDate, Utc};
use innkeeper_core::{ErrorCode, HotelId};
use innkeeper_hotel::{Currency, Money, Rate, RoomTypeName};
use innkeeper_identity::Principal;
use innkeeper_pricing::rules::{MOST_PRICE, OnSale, Priced};
use innkeeper_store::{Overridden, PriceOverride, PublishTarget, ScheduleChange, ScheduleStatus};
use rust_decimal::Decimal;
use tracing::Instrument;
use uuid::Uuid;

use super::answers::{CellReport, ChangeAnswer, OverrideAnswer, OverrideReport, PublishAnswer};
use super::desk::{Kept, PricingDesk, not_found};
use super::known::PricingKnown;
use super::rules;
use super::webhook::{PriceLine, PriceList};
use crate::problem::Problem;
use crate::service::forecast::today;

/// Longest note, in characters.
const LONGEST_NOTE: usize = 500;

/// A price that somebody sets.
#[derive(Debug, Clone)]
pub(crate) struct NewPrice {
    pub night: NaiveDate,
    pub room_type: RoomTypeName,
    pub price: Decimal,
    pub note: String,
}

/// A note of one paragraph.
fn checked_note(note: &str) -> Result<&str, Problem> {
    let note = note.trim();
    let bad = |detail: String| Err(Problem::new(ErrorCode::BadRequest, detail));
    if note.chars().count() > LONGEST_NOTE {
        return bad(format!("note has at most {LONGEST_NOTE} characters"));
    }
    if note.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return bad("note has no control characters".to_owned());
    }
    Ok(note)
}

/// An amount that a guest can be asked for.
pub(super) fn checked_price(price: Decimal, currency: Currency) -> Result<Money, Problem> {
    let bad = |detail: String| Problem::new(ErrorCode::InvalidPrice, detail);
    if price <= Decimal::ZERO {
        return Err(bad("a price is above 0".to_owned()));
    }
    if price > Decimal::from(MOST_PRICE) {
        return Err(bad(format!("a price is at most {MOST_PRICE}")));
    }
    Money::new(price.normalize(), currency).map_err(|e| bad(e.to_string()))
}

/// The currency of a schedule.
pub(super) fn currency_of(kept: &Kept) -> Result<Currency, Problem> {
    kept.made.currency.parse().map_err(|e: innkeeper_hotel::MoneyError| Problem::internal(&e))
}

/// The change of a schedule that is not in the right state for it.
fn wrong_state(status: ScheduleStatus, wanted: &str) -> Problem {
    let detail = format!("the schedule is {status}; {wanted}");
    Problem::new(ErrorCode::ScheduleState, detail).with("schedule_status", status.as_str().into())
}

/// The currency of a schedule, where the hotel still sells in it: its prices and rules are amounts of nothing else.
fn present_currency(known: &PricingKnown, kept: &Kept) -> Result<Currency, Problem> {
    let currency = currency_of(kept)?;
    let Some(other) = known.currency().filter(|present| *present != currency) else { return Ok(currency) };
    let detail = format!(
        "the schedule's prices are in {currency}, and those of the hotel are in {other} by now; ask for a new schedule"
    );
    Err(Problem::new(ErrorCode::ScheduleState, detail)
        .with("schedule_status", kept.schedule.status.as_str().into()))
}

/// The room type of a cell.
fn name_of(cell: &CellReport) -> Result<RoomTypeName, Problem> {
    cell.room_type.parse().map_err(|e: innkeeper_hotel::NameError| Problem::internal(&e))
}

/// Cells with the prices that go on sale, as rules look at them, in their order; then the hotel's other room types of those
/// nights with what is on sale, since orders of room types hold beside them too.
fn all_priced<'a>(
    known: &PricingKnown,
    cells: impl Iterator<Item = &'a CellReport>,
    today: NaiveDate,
    currency: Currency,
) -> Result<Vec<Priced>, Problem> {
    let mut priced: Vec<Priced> = cells
        .map(|cell| {
            let seen = rules::cell(known, cell.date, &name_of(cell)?, today, currency);
            Ok(rules::priced(seen, cell.price()))
        })
        .collect::<Result<_, Problem>>()?;
    let own: HashSet<(NaiveDate, RoomTypeName)> =
        priced.iter().map(|priced| (priced.cell.night, priced.cell.room_type.clone())).collect();
    let nights: BTreeSet<NaiveDate> = own.iter().map(|(night, _)| *night).collect();
    let room_types = known.base.room_types();
    for night in nights {
        for room_type in room_types.iter().filter(|name| !own.contains(&(night, RoomTypeName::clone(name)))) {
            let mut seen = rules::cell(known, night, room_type, today, currency);
            // These prices stay as they are: an amount that is none is not what is decided here.
            let price = |sale: &OnSale| checked_price(sale.price, currency).is_ok();
            seen.on_sale = seen.on_sale.filter(price).map(|sale| OnSale { at_start_of_day: None, ..sale });
            priced.push(rules::priced(seen, None));
        }
    }
    Ok(priced)
}

impl PricingDesk {
    /// Sets another price than the suggested one, if it keeps the hotel's rules.
    pub async fn override_price(
        &self,
        caller: &Principal,
        id: Uuid,
        new: NewPrice,
    ) -> Result<OverrideAnswer, Problem> {
        let note = checked_note(&new.note)?;
        if note.is_empty() {
            return Err(Problem::new(ErrorCode::BadRequest, "note says why the price is another one"));
        }
        let kept = self.read(&caller.hotel, id).await?;
        let cell = kept.cell(new.night, &new.room_type)?;
        if kept.schedule.status != ScheduleStatus::Proposed {
            return Err(wrong_state(kept.schedule.status, "only a proposed one takes other prices"));
        }
        let today = today(self.zone);
        if new.night < today {
            let detail = format!("the night of {} has passed", new.night);
            return Err(Problem::new(ErrorCode::BadRequest, detail));
        }
        let known = self.known(&caller.hotel).await?;
        let price = checked_price(new.price, present_currency(&known, &kept)?)?;
        self.check_rules(&caller.hotel, &known, &kept, &new, price, today).await?;
        let set = PriceOverride {
            id: Uuid::now_v7(),
            schedule: id,
            night: new.night,
            room_type: new.room_type.clone(),
            suggested: cell.suggested_price,
            price,
            note: note.to_owned(),
            created_by: caller.subject.clone(),
            created_at: Utc::now(),
        };
        match self.store.hotel(&caller.hotel).override_price(&set).await? {
            Some(Overridden::Done { event_id }) => Ok(OverrideAnswer {
                schedule_id: id,
                date: new.night,
                room_type: new.room_type.to_string(),
                suggested_price: cell.suggested_price,
                set: OverrideReport::from(&set),
                event_id,
            }),
            Some(Overridden::Refused(status)) => {
                Err(wrong_state(status, "only a proposed one takes other prices"))
            }
            None => Err(not_found()),
        }
    }

    /// Refuses a price that breaks a rule which the night keeps without it.
    async fn check_rules(
        &self,
        hotel: &HotelId,
        known: &PricingKnown,
        kept: &Kept,
        new: &NewPrice,
        price: Money,
        today: NaiveDate,
    ) -> Result<(), Problem> {
        let stored = self.store.hotel(hotel).pricing_rules().await?;
        if stored.is_empty() {
            return Ok(());
        }
        let set = rules::set_of(known, &stored)?;
        let night = kept.made.pricing_schedule.iter().filter(|cell| cell.date == new.night);
        let before = all_priced(known, night, today, price.currency)?;
        let mut after = before.clone();
        for priced in after.iter_mut().filter(|priced| priced.cell.room_type == new.room_type) {
            priced.price = Some(price.amount);
        }
        let was = set.broken(&before);
        // What another room type broke before is not this price's doing.
        let broken: Vec<_> = set
            .broken(&after)
            .into_iter()
            .filter(|broken| {
                let same = |old: &innkeeper_pricing::rules::Broken| {
                    (&old.rule, &old.room_type) == (&broken.rule, &broken.room_type)
                };
                broken.room_type == new.room_type || !was.iter().any(same)
            })
            .collect();
        if broken.is_empty() { Ok(()) } else { Err(rules::broken_rules(&broken)) }
    }

    /// Approves a schedule, or rejects it.
    pub async fn decide(
        &self,
        caller: &Principal,
        id: Uuid,
        approved: bool,
        note: Option<&str>,
    ) -> Result<ChangeAnswer, Problem> {
        let note = note.map(checked_note).transpose()?.filter(|note| !note.is_empty());
        if !approved && note.is_none() {
            return Err(Problem::new(ErrorCode::BadRequest, "note says why the prices are rejected"));
        }
        let rows = self.store.hotel(&caller.hotel);
        let changed = rows.decide_price_schedule(id, approved, note, &caller.subject, Utc::now()).await?;
        match changed.ok_or_else(not_found)? {
            ScheduleChange::Done { schedule, event_id } => {
                Ok(ChangeAnswer { schedule: (*schedule).into(), event_id })
            }
            ScheduleChange::Refused(status) => {
                Err(wrong_state(status, "only a proposed one can be approved or rejected"))
            }
        }
    }

    /// Puts approved prices on sale. What has begun is finished, whether or not the caller waits for the answer: prices that
    /// the other system took are written down here too.
    pub async fn publish(
        &self,
        caller: &Principal,
        id: Uuid,
        target: PublishTarget,
    ) -> Result<PublishAnswer, Problem> {
        let (this, caller) = (self.clone(), caller.clone());
        tokio::spawn(async move { this.put_on_sale(&caller, id, target).await }.in_current_span()).await?
    }

    async fn put_on_sale(
        &self,
        caller: &Principal,
        id: Uuid,
        target: PublishTarget,
    ) -> Result<PublishAnswer, Problem> {
        let kept = self.read(&caller.hotel, id).await?;
        let not_yet = |status| wrong_state(status, "only an approved one can be published");
        if !kept.schedule.status.can_be_published() {
            return Err(not_yet(kept.schedule.status));
        }
        let (now, today) = (Utc::now(), today(self.zone));
        let ahead = || kept.made.pricing_schedule.iter().filter(|cell| cell.date >= today);
        if ahead().all(|cell| cell.price().is_none()) {
            let detail = "no night of the schedule that is still ahead has a price";
            return Err(Problem::new(ErrorCode::ScheduleState, detail)
                .with("schedule_status", kept.schedule.status.as_str().into()));
        }
        let known = self.known(&caller.hotel).await?;
        let currency = present_currency(&known, &kept)?;
        let priced = all_priced(&known, ahead(), today, currency)?;
        let minimum_stays = self.check_all_rules(&caller.hotel, known, priced).await?;
        let (mut rates, mut lines) = (Vec::new(), Vec::new());
        for (cell, minimum_stay) in ahead().zip(minimum_stays) {
            if let Some(price) = cell.price() {
                lines.push(PriceLine {
                    date: cell.date,
                    room_type: cell.room_type.clone(),
                    price,
                    minimum_stay,
                });
                let price = Money { amount: price, currency };
                rates.push(Rate { night: cell.date, room_type: name_of(cell)?, set_on: today, price });
            }
        }
        if target == PublishTarget::Webhook {
            let list = PriceList {
                schedule_id: id,
                hotel: caller.hotel.to_string(),
                currency: kept.made.currency.clone(),
                tax_inclusive: kept.made.tax_inclusive,
                published_at: now,
                prices: lines,
            };
            self.send_prices(&list).await?;
        }
        let rows = self.store.hotel(&caller.hotel);
        let changed = rows.publish_price_schedule(id, target, &rates, &caller.subject, now).await?;
        match changed.ok_or_else(not_found)? {
            ScheduleChange::Done { schedule, event_id } => {
                tracing::info!(schedule_id = %id, prices = rates.len(), target = target.as_str(), "prices are on sale");
                let file = format!("/api/v1/ml/pricing/schedules/{id}/export?format=csv");
                Ok(PublishAnswer {
                    schedule: (*schedule).into(),
                    event_id,
                    prices: rates.len() as u64,
                    left_out: (kept.made.pricing_schedule.len() - rates.len()) as u64,
                    file: (target == PublishTarget::Csv).then_some(file),
                })
            }
            ScheduleChange::Refused(status) => Err(not_yet(status)),
        }
    }

    /// Rules may have changed since the prices were suggested and approved: refuses what breaks one, and gives each cell's least
    /// nights of a stay as they are asked for now.
    async fn check_all_rules(
        &self,
        hotel: &HotelId,
        known: PricingKnown,
        priced: Vec<Priced>,
    ) -> Result<Vec<Option<u16>>, Problem> {
        let stored = self.store.hotel(hotel).pricing_rules().await?;
        if stored.is_empty() {
            return Ok(vec![None; priced.len()]);
        }
        let judge = move || {
            let set = rules::set_of(&known, &stored)?;
            let broken = set.broken(&priced);
            if !broken.is_empty() {
                return Err(rules::broken_rules(&broken));
            }
            let least = |priced: &Priced| u16::try_from(set.minimum_stay(&priced.cell)?.nights).ok();
            Ok(priced.iter().map(least).collect())
        };
        tokio::task::spawn_blocking(judge).await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_an_amount_that_the_currency_can_pay() {
        let price = |text: &str, currency: &str| {
            checked_price(text.parse().unwrap(), currency.parse().unwrap()).map_err(|e| e.code)
        };
        assert!(
            price("2500000", "VND").is_ok()
                && price("89.90", "EUR").is_ok()
                && price("30.125", "KWD").is_ok()
        );
        for (text, currency) in [
            ("0", "EUR"),
            ("-1", "EUR"),
            ("89.905", "EUR"),
            ("0.5", "VND"),
            ("1000000001", "VND"),
            ("0.00", "EUR"),
        ] {
            assert_eq!(price(text, currency), Err(ErrorCode::InvalidPrice), "{text} {currency}");
        }
    }

    #[test]
    fn a_note_is_a_short_text() {
        assert_eq!(checked_note("  a wedding\nnext door ").unwrap(), "a wedding\nnext door");
        assert!(checked_note(&"x".repeat(501)).is_err());
        assert!(checked_note("a\u{0}b").is_err() && checked_note("a\u{1b}[31m").is_err());
    }
}

//! The hotel's rules for prices, as it wrote them. What they mean and whether they go together is for the caller to say.

use chrono::{DateTime, Utc};
use sea_query::{Expr, Order};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::bulk::check_text;
use crate::engine::{Conn, Row, execute, fetch_all, get};
use crate::enrolment::invalid;
use crate::outbox::{NewEvent, PRICE_RULES_CHANGED};
use crate::schema::{Col, Table};
use crate::store::commit;
use crate::time::{micros, time};
use crate::{HotelStore, StoreError, audit, outbox};

/// Most rules that a hotel may have.
const MOST: usize = 1000;

/// A rule for prices.
#[derive(Debug, Clone, PartialEq)]
pub struct PricingRule {
    /// What the hotel calls it.
    pub id: String,
    /// The rule.
    pub content: Value,
    /// When it was written, or last changed.
    pub created_at: DateTime<Utc>,
    /// Who wrote it.
    pub created_by: String,
}

/// A rule to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPricingRule {
    /// What the hotel calls it; no two rules of a set are called the same.
    pub id: String,
    /// The rule.
    pub content: Value,
}

const COLUMNS: [Col; 4] = [Col::Id, Col::Content, Col::CreatedAt, Col::CreatedBy];

fn rule(row: &Row) -> Result<PricingRule, StoreError> {
    Ok(PricingRule {
        id: get(row, "id")?,
        content: serde_json::from_str(&get::<String>(row, "content")?)
            .map_err(|_| StoreError::Corrupt { column: "content" })?,
        created_at: time(row, "created_at")?,
        created_by: get(row, "created_by")?,
    })
}

impl HotelStore {
    async fn read_rules(&self, conn: &mut Conn) -> Result<Vec<PricingRule>, StoreError> {
        let query =
            self.scope().select(Table::PricingRules, &COLUMNS).order_by(Col::Position, Order::Asc).take();
        fetch_all(conn, &query).await?.iter().map(rule).collect()
    }

    /// The hotel's rules, in their order.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pricing_rules(&self) -> Result<Vec<PricingRule>, StoreError> {
        self.read_rules(&mut *self.reader().await?).await
    }

    /// Puts `rules` in the place of `before`, the rules that the caller read and judged the new ones against, with a row in
    /// the audit log and an event `price.rules_changed`. A rule that stays as it was keeps its author. Returns the rules as
    /// they are now; `None`, with nothing written, when `before` are not the hotel's rules any more.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] for two rules of one name, [`StoreError::Invalid`] for more than 1000 rules or a name over
    /// 256 bytes, or the database's failure.
    pub async fn replace_pricing_rules(
        &self,
        before: &[PricingRule],
        rules: &[NewPricingRule],
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Vec<PricingRule>>, StoreError> {
        if rules.len() > MOST {
            return Err(invalid("rules", "must be at most 1000"));
        }
        for new in rules {
            check_text("id", &new.id)?;
        }
        let mut tx = self.begin(at).await?;
        let there = self.read_rules(&mut tx).await?;
        if there != before {
            return Ok(None);
        }
        execute(&mut tx, &self.scope().delete(Table::PricingRules)).await?;
        let (mut written, mut changed) = (Vec::with_capacity(rules.len()), Vec::new());
        for (position, new) in (0_i64..).zip(rules) {
            let kept = there.iter().find(|old| old.id == new.id && old.content == new.content).cloned();
            if kept.is_none() {
                changed.push(new.id.as_str());
            }
            let rule = kept.unwrap_or_else(|| PricingRule {
                id: new.id.clone(),
                content: new.content.clone(),
                created_at: at,
                created_by: actor.to_owned(),
            });
            let insert = self.scope().insert(
                Table::PricingRules,
                [
                    (Col::Id, Expr::value(rule.id.as_str())),
                    (Col::Position, Expr::value(position)),
                    (Col::Content, Expr::value(serde_json::to_string(&rule.content)?)),
                    (Col::CreatedAt, Expr::value(micros(rule.created_at))),
                    (Col::CreatedBy, Expr::value(rule.created_by.as_str())),
                ],
            )?;
            execute(&mut tx, &insert).await?;
            written.push(rule);
        }
        let removed: Vec<&str> = there
            .iter()
            .filter(|old| rules.iter().all(|new| new.id != old.id))
            .map(|old| old.id.as_str())
            .collect();
        let details = json!({ "rules": rules.len(), "written": changed, "removed": removed });
        let subject = AuditSubject::Thing("pricing_rules".to_owned());
        let entry = NewEntry { at, actor, action: PRICE_RULES_CHANGED, subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        let event = NewEvent { topic: PRICE_RULES_CHANGED, person: None, at, forget: false };
        let payload = json!({
            "rules": rules.len(), "written": changed, "removed": removed, "changed_by": actor, "at": at,
        });
        let _: Uuid = outbox::emit(&mut tx, self, event, &payload).await?;
        commit(tx).await?;
        // Times are kept to the microsecond; what is read next is what was told.
        Ok(Some(self.pricing_rules().await?))
    }
}

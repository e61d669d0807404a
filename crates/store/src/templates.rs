use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::ModelRef;
use sea_query::{Cond, Expr, ExprTrait, Order, UnionType};
use uuid::Uuid;

use crate::engine::{execute, fetch_all, fetch_optional, parse};
use crate::schema::{Col, Table};
use crate::time::micros;
use crate::{HotelStore, StoreError};

/// How exactly the last match of a template is known; a write for each match would cost more than it tells.
const TOUCH: TimeDelta = TimeDelta::days(1);

impl HotelStore {
    /// The models other than `here` that hold templates of this hotel, by name. Two looks into an index,
    /// which find nothing at once where there is only one model.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn other_models(&self, here: &ModelRef) -> Result<Vec<ModelRef>, StoreError> {
        let here = here.to_string();
        let model = || Expr::col(Col::Model);
        let found =
            |which: Expr| self.scope().select(Table::FaceTemplates, &[Col::Model]).and_where(which).take();
        // Two ranges, which an index answers; "is not" would read every template.
        let query = found(model().lt(here.as_str()))
            .union(UnionType::Distinct, found(model().gt(here.as_str())))
            .order_by(Col::Model, Order::Asc)
            .take();
        let rows = fetch_all(&mut *self.reader().await?, &query).await?;
        rows.iter().map(|row| parse(row, "model")).collect()
    }

    /// Notes that a template was the best of a match at `at`, unless it was noted within the day before.
    /// Whether it was noted now; an id that is no template is ignored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_template(&self, id: Uuid, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let last = || Expr::col(Col::LastMatchedAt);
        let due = || {
            let faded = Cond::any().add(last().is_null()).add(last().lt(micros(at - TOUCH)));
            Cond::all().add(Expr::col(Col::Id).eq(id.to_string())).add(faded)
        };
        let query = self.scope().select(Table::FaceTemplates, &[Col::Id]).cond_where(due()).take();
        if fetch_optional(&mut *self.reader().await?, &query).await?.is_none() {
            return Ok(false);
        }
        let update = self
            .scope()
            .update(Table::FaceTemplates)
            .value(Col::LastMatchedAt, micros(at))
            .cond_where(due())
            .take();
        let Some(mut tx) = self.begin_known().await? else { return Ok(false) };
        let touched = execute(&mut tx, &update).await?;
        tx.commit().await?;
        Ok(touched > 0)
    }
}

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use innkeeper_core::{EmployeeId, ModelRef};
use sea_query::{Cond, Expr, ExprTrait, Order, SelectStatement, UnionType};
use uuid::Uuid;

use crate::engine::{CHUNK, execute, get, parse};
use crate::people::{TEMPLATE_COLUMNS, template};
use crate::schema::{Col, Table};
use crate::seal::NEGATIVE;
use crate::time::micros;
use crate::{HotelStore, StoreError, Template};

/// How exactly the last match of a template is known; a write for each match would cost more than it tells.
const TOUCH: TimeDelta = TimeDelta::days(1);

impl Template {
    /// Whether a match at `at` is worth noting: none was within the day before.
    pub fn is_due(&self, at: DateTime<Utc>) -> bool {
        self.last_matched_at.is_none_or(|last| last < at - TOUCH)
    }
}

/// What one model knows of a person's face.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct KnownFace {
    /// The person's templates, best quality first.
    pub templates: Vec<Template>,
    /// Vectors of faces of which somebody said that they are not this person, newest first.
    pub negatives: Vec<Vec<f32>>,
}

impl KnownFace {
    /// The vectors of the templates.
    pub fn vectors(&self) -> Vec<&[f32]> {
        self.templates.iter().map(|t| t.vector.as_slice()).collect()
    }
}

impl HotelStore {
    /// What one model knows of these people: their templates of it, and the faces that are not them; less the
    /// rows that do not open, of which the log tells. Whom it does not know is left out. One statement, so that
    /// both are of one moment.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_faces(
        &self,
        people: &[EmployeeId],
        model: &ModelRef,
    ) -> Result<BTreeMap<EmployeeId, KnownFace>, StoreError> {
        let mut known: BTreeMap<EmployeeId, KnownFace> = BTreeMap::new();
        for people in people.chunks(CHUNK) {
            let mut negatives: BTreeMap<EmployeeId, Vec<_>> = BTreeMap::new();
            for row in self.rows(&self.faces_of(people, model)).await? {
                let employee: EmployeeId = parse(&row, "employee_id")?;
                if get::<Option<f64>>(&row, "quality")?.is_some() {
                    let face = known.entry(employee).or_default();
                    face.templates.extend(template(self, &row)?);
                } else if let Some(vector) =
                    self.store.readable(NEGATIVE, &row, self.store.vector(NEGATIVE, &self.hotel, &row))?
                {
                    let (at, id): (i64, Uuid) = (get(&row, "created_at")?, parse(&row, "id")?);
                    negatives.entry(employee).or_default().push((Reverse((at, id)), vector));
                }
            }
            for (employee, mut list) in negatives {
                list.sort_by_key(|(newest_first, _)| *newest_first);
                let face = known.entry(employee).or_default();
                face.negatives = list.into_iter().map(|(_, vector)| vector).collect();
            }
        }
        for face in known.values_mut() {
            face.templates.sort_by(|a, b| b.quality.total_cmp(&a.quality).then_with(|| a.id.cmp(&b.id)));
        }
        Ok(known)
    }

    /// Templates, and after them negatives, which have no quality.
    fn faces_of(&self, people: &[EmployeeId], model: &ModelRef) -> SelectStatement {
        let theirs = |table, columns: &[Col]| {
            let ids = people.iter().map(EmployeeId::as_str);
            let mut select = self.scope().select(table, columns);
            select
                .and_where(Expr::col(Col::EmployeeId).is_in(ids))
                .and_where(Expr::col(Col::Model).eq(model.to_string()));
            select
        };
        let columns: Vec<Col> = std::iter::once(Col::EmployeeId).chain(TEMPLATE_COLUMNS).collect();
        let mut negatives = theirs(Table::NotThisPerson, &[]);
        for column in &columns {
            match column {
                Col::Quality | Col::PhotoKey | Col::PhotoSha256 | Col::VectorState | Col::LastMatchedAt => {
                    negatives.expr(Expr::null());
                }
                both => {
                    negatives.column(*both);
                }
            }
        }
        theirs(Table::FaceTemplates, &columns).union(UnionType::All, negatives).take()
    }

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
        let rows = self.rows(&query).await?;
        rows.iter().map(|row| parse(row, "model")).collect()
    }

    /// Notes that a template was the best of a match at `at`, unless it was noted within the day before, see
    /// [`Template::is_due`]. Whether it was noted now; an id that is no template is ignored.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn touch_template(&self, id: Uuid, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let last = || Expr::col(Col::LastMatchedAt);
        let faded = Cond::any().add(last().is_null()).add(last().lt(micros(at - TOUCH)));
        let update = self
            .scope()
            .update(Table::FaceTemplates)
            .value(Col::LastMatchedAt, micros(at))
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .cond_where(faded)
            .take();
        let Some(mut tx) = self.begin_known().await? else { return Ok(false) };
        let touched = execute(&mut tx, &update).await?;
        tx.commit().await?;
        Ok(touched > 0)
    }
}

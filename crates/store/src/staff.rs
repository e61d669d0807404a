//! People on the staff list of whom no face is enrolled.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait};

use crate::bulk::{MAX_BATCH, Upserted};
use crate::engine::fetch_optional;
use crate::enrolment::{EmployeeProfile, invalid, upsert_employee};
use crate::people::profile;
use crate::schema::{Col, Table};
use crate::store::commit;
use crate::{HotelStore, StoreError};

impl HotelStore {
    /// Writes people into the staff list, all of them in one transaction. A field that is `None` leaves what is known; faces,
    /// consents and attendance are not touched. Of a person who comes twice the last one stands.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for more than [`MAX_BATCH`] of them; when the database fails. Nothing is written then.
    pub async fn record_staff(
        &self,
        staff: &[EmployeeProfile],
        at: DateTime<Utc>,
    ) -> Result<Upserted, StoreError> {
        if staff.len() > MAX_BATCH {
            return Err(invalid("staff", "must be at most 10,000 people"));
        }
        if staff.is_empty() {
            return Ok(Upserted::default());
        }
        let mut tx = self.begin(at).await?;
        let (mut done, mut seen) = (Upserted::default(), HashSet::new());
        for person in staff {
            let known = self
                .scope()
                .select(Table::Employees, &[Col::Id, Col::SealedProfile])
                .and_where(Expr::col(Col::Id).eq(person.id.as_str()))
                .take();
            let known = fetch_optional(&mut tx, &known).await?.map(|row| profile(self, &row)).transpose()?;
            if !seen.insert(&person.id) {
                done.repeated += 1;
            } else if let Some(known) = &known {
                let same = |new: &Option<String>, old: &Option<String>| new.is_none() || new == old;
                if same(&person.name, &known.name)
                    && same(&person.department, &known.department)
                    && same(&person.role, &known.role)
                {
                    done.unchanged += 1;
                    continue;
                }
                done.changed += 1;
            } else {
                done.inserted += 1;
            }
            upsert_employee(&mut tx, self, person, at).await?;
        }
        commit(tx).await?;
        Ok(done)
    }
}

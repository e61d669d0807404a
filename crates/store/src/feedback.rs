//! Answers that can be put right for a while, and what people said they should have been.

use chrono::{DateTime, Utc};
use sea_query::{Expr, ExprTrait, Order, Query};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::audit::{AuditSubject, NewEntry};
use crate::engine::{
    CHUNK, Conn, Row, at_most, count, execute, fetch_all, fetch_optional, fetch_some, get, parse,
};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::seal::{ANSWER, LABEL};
use crate::store::commit;
use crate::time::{micros, time};
use crate::{HotelStore, Store, StoreError, audit};

/// An answer that somebody may put right.
#[derive(Clone, PartialEq)]
pub struct NewKeptAnswer {
    /// The id that the answer told.
    pub id: Uuid,
    /// Who learns from a correction, by its name in the model registry, such as `ocr-fields`.
    pub model: String,
    /// What the answer was computed from and what it said; sealed.
    pub content: Value,
    /// Who asked.
    pub created_by: String,
    /// When it was given.
    pub created_at: DateTime<Utc>,
    /// When it must be forgotten.
    pub expires_at: DateTime<Utc>,
}

/// An answer as it was kept.
#[derive(Clone, PartialEq)]
pub struct KeptAnswer {
    /// Its id.
    pub id: Uuid,
    /// Who learns from a correction.
    pub model: String,
    /// What it was computed from and what it said.
    pub content: Value,
    /// When it was given.
    pub created_at: DateTime<Utc>,
}

/// What somebody says an answer should have been.
#[derive(Clone, PartialEq)]
pub struct NewLabel {
    /// The answer.
    pub answer_id: Uuid,
    /// The right values; sealed together with the answer.
    pub correction: Value,
    /// The names of the corrected fields, for the audit log. They must tell no value.
    pub fields: Vec<String>,
    /// Who says so.
    pub actor: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What became of a correction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The label: of one answer always the same.
    pub label_id: Uuid,
    /// Whether it was merged into an earlier correction of the answer.
    pub replaced: bool,
    /// Labels of this model in this hotel, this one included.
    pub labels: u64,
}

/// A corrected answer, to learn from.
#[derive(Clone, PartialEq)]
pub struct Label {
    /// Its id.
    pub id: Uuid,
    /// The answer.
    pub answer_id: Uuid,
    /// Who learns from it.
    pub model: String,
    /// What the answer was computed from and what it said.
    pub content: Value,
    /// What it should have been.
    pub correction: Value,
    /// The first correction.
    pub created_at: DateTime<Utc>,
    /// The last one, which stands.
    pub updated_at: DateTime<Utc>,
}

/// What was removed with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// Whether the answer was still kept.
    pub answer: bool,
    /// Whether there was a label.
    pub label: bool,
}

/// Bytes of a value as JSON. `Debug` of what is kept tells no more: it is what a guest's document says.
fn size(value: &Value) -> usize {
    value.to_string().len()
}

impl std::fmt::Debug for NewKeptAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKeptAnswer")
            .field("id", &self.id)
            .field("model", &self.model)
            .field("content_bytes", &size(&self.content))
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptAnswer")
            .field("id", &self.id)
            .field("model", &self.model)
            .field("content_bytes", &size(&self.content))
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for NewLabel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewLabel")
            .field("answer_id", &self.answer_id)
            .field("correction_bytes", &size(&self.correction))
            .field("fields", &self.fields)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Label")
            .field("id", &self.id)
            .field("answer_id", &self.answer_id)
            .field("model", &self.model)
            .field("content_bytes", &size(&self.content))
            .field("correction_bytes", &size(&self.correction))
            .finish_non_exhaustive()
    }
}

const ANSWER_COLUMNS: [Col; 4] = [Col::Id, Col::Model, Col::Content, Col::CreatedAt];
const LABEL_COLUMNS: [Col; 6] =
    [Col::Id, Col::AnswerId, Col::Model, Col::Content, Col::CreatedAt, Col::UpdatedAt];

fn opened(bytes: &[u8]) -> Result<Value, StoreError> {
    serde_json::from_slice(bytes).map_err(|_| StoreError::Corrupt { column: "content" })
}

/// `None` when the content does not open.
fn answer(hotel: &HotelStore, row: &Row) -> Result<Option<KeptAnswer>, StoreError> {
    let content = hotel.store.unseal_row(ANSWER, hotel.hotel.as_str(), row).and_then(|plain| opened(&plain));
    let Some(content) = hotel.store.readable(ANSWER, row, content)? else { return Ok(None) };
    Ok(Some(KeptAnswer {
        id: parse(row, "id")?,
        model: get(row, "model")?,
        content,
        created_at: time(row, "created_at")?,
    }))
}

/// The same for a label.
fn label(hotel: &HotelStore, row: &Row) -> Result<Option<Label>, StoreError> {
    let content = hotel.store.unseal_row(LABEL, hotel.hotel.as_str(), row).and_then(|plain| opened(&plain));
    let Some(mut content) = hotel.store.readable(LABEL, row, content)? else { return Ok(None) };
    Ok(Some(Label {
        id: parse(row, "id")?,
        answer_id: parse(row, "answer_id")?,
        model: get(row, "model")?,
        correction: content["correction"].take(),
        content: content["answer"].take(),
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    }))
}

/// Merges a patch as RFC 7396 says: objects member by member, null removes, anything else takes the place.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(members) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value == Value::Null {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}

async fn count_labels(conn: &mut Conn, scope: Scope<'_>, model: &str) -> Result<u64, StoreError> {
    let query = scope
        .select(Table::Labels, &[])
        .expr_as(Expr::col(Col::Id).count(), "found")
        .and_where(Expr::col(Col::Model).eq(model))
        .take();
    fetch_all(conn, &query).await?.first().map_or(Ok(0), |row| count(row, "found"))
}

impl HotelStore {
    /// Keeps an answer, so that it can be corrected until it expires.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the id is taken, or the database's failure.
    pub async fn keep_answer(&self, new: NewKeptAnswer) -> Result<(), StoreError> {
        let mut tx = self.begin(new.created_at).await?;
        self.insert_answer(&mut tx, new).await?;
        commit(tx).await
    }

    pub(crate) async fn insert_answer(&self, conn: &mut Conn, new: NewKeptAnswer) -> Result<(), StoreError> {
        let id = new.id.to_string();
        let plain = serde_json::to_vec(&new.content)?;
        let [content, sealed_by] = self.store.seal(ANSWER, self.hotel.as_str(), &id, &plain)?;
        let insert = self.scope().insert(
            Table::KeptAnswers,
            [
                (Col::Id, Expr::value(id)),
                (Col::Model, Expr::value(new.model)),
                content,
                (Col::CreatedAt, Expr::value(micros(new.created_at))),
                (Col::CreatedBy, Expr::value(new.created_by)),
                (Col::ExpiresAt, Expr::value(micros(new.expires_at))),
                sealed_by,
            ],
        )?;
        execute(conn, &insert).await?;
        Ok(())
    }

    /// The answer, unless its time was over at `now`, there is none, or it does not open (of which the log
    /// tells).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn kept_answer(&self, id: Uuid, now: DateTime<Utc>) -> Result<Option<KeptAnswer>, StoreError> {
        let mut conn = self.reader().await?;
        self.find_answer(&mut conn, id, now).await
    }

    async fn find_answer(
        &self,
        conn: &mut Conn,
        id: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let query = self
            .scope()
            .select(Table::KeptAnswers, &ANSWER_COLUMNS)
            .and_where(Expr::col(Col::Id).eq(id.to_string()))
            .and_where(Expr::col(Col::ExpiresAt).gt(micros(now)))
            .take();
        match fetch_optional(conn, &query).await? {
            Some(row) => answer(self, &row),
            None => Ok(None),
        }
    }

    /// Makes a label of a correction, with a row in the audit log that tells the fields and no value. A second
    /// correction of an answer is merged into the first (RFC 7396); it holds where both name a field. `None` when
    /// there is no such answer any more.
    ///
    /// # Errors
    /// When the database fails; nothing is written then.
    pub async fn label(&self, new: NewLabel) -> Result<Option<Labelled>, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(None) };
        let labelled = self.insert_label(&mut tx, new).await?;
        if labelled.is_some() {
            commit(tx).await?;
        }
        Ok(labelled)
    }

    pub(crate) async fn insert_label(
        &self,
        conn: &mut Conn,
        new: NewLabel,
    ) -> Result<Option<Labelled>, StoreError> {
        let Some(answer) = self.find_answer(conn, new.answer_id, new.at).await? else { return Ok(None) };
        let scope = self.scope();
        let answer_id = new.answer_id.to_string();
        let earlier = scope
            .select(Table::Labels, &LABEL_COLUMNS)
            .and_where(Expr::col(Col::AnswerId).eq(answer_id.as_str()))
            .take();
        let earlier = fetch_optional(conn, &earlier).await?;
        // Whoever puts the total right and then the date has said both.
        let mut correction = match &earlier {
            Some(row) => label(self, row)?.map_or(Value::Null, |label| label.correction),
            None => Value::Null,
        };
        merge(&mut correction, new.correction);
        let label_id: Uuid = earlier.as_ref().map_or_else(|| Ok(Uuid::now_v7()), |row| parse(row, "id"))?;
        let id = label_id.to_string();
        let plain = serde_json::to_vec(&json!({ "answer": answer.content, "correction": correction }))?;
        let [content, sealed_by] = self.store.seal(LABEL, self.hotel.as_str(), &id, &plain)?;
        let written = [content, sealed_by, (Col::UpdatedAt, Expr::value(micros(new.at)))];
        if earlier.is_some() {
            let update = scope
                .update(Table::Labels)
                .values(written)
                .value(Col::CreatedBy, new.actor.as_str())
                .and_where(Expr::col(Col::Id).eq(id.as_str()))
                .take();
            execute(conn, &update).await?;
        } else {
            let insert = scope.insert(
                Table::Labels,
                [
                    (Col::Id, Expr::value(id)),
                    (Col::AnswerId, Expr::value(answer_id)),
                    (Col::Model, Expr::value(answer.model.as_str())),
                    (Col::CreatedAt, Expr::value(micros(new.at))),
                    (Col::CreatedBy, Expr::value(new.actor.as_str())),
                ]
                .into_iter()
                .chain(written),
            )?;
            execute(conn, &insert).await?;
        }
        let details = json!({
            "model": answer.model, "answer_id": new.answer_id, "label_id": label_id,
            "fields": new.fields, "replaced": earlier.is_some(),
        });
        let subject = AuditSubject::Thing(format!("answer:{}", new.answer_id));
        let entry = NewEntry {
            at: new.at,
            actor: &new.actor,
            action: "feedback.recorded",
            subject: &subject,
            details: &details,
        };
        audit::append(conn, self, entry).await?;
        let labels = count_labels(conn, scope, &answer.model).await?;
        Ok(Some(Labelled { label_id, replaced: earlier.is_some(), labels }))
    }

    /// The labels of a model, oldest first, at most `limit`; less those that do not open, of which the log
    /// tells.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn labels(&self, model: &str, limit: usize) -> Result<Vec<Label>, StoreError> {
        let query = self
            .scope()
            .select(Table::Labels, &LABEL_COLUMNS)
            .and_where(Expr::col(Col::Model).eq(model))
            .order_by(Col::CreatedAt, Order::Asc)
            .order_by(Col::Id, Order::Asc)
            .take();
        fetch_some(&mut *self.reader().await?, &query, limit, |row| label(self, row)).await
    }

    /// Removes an answer and its label, with a row in the audit log. `None` when there is neither.
    ///
    /// # Errors
    /// When the database fails; nothing is removed then.
    pub async fn forget_answer(
        &self,
        id: Uuid,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<Forgotten>, StoreError> {
        let Some(mut tx) = self.begin_known().await? else { return Ok(None) };
        let mut remove = async |table, column| -> Result<bool, StoreError> {
            let delete = self.scope().delete(table).and_where(Expr::col(column).eq(id.to_string())).take();
            Ok(execute(&mut tx, &delete).await? > 0)
        };
        let answer = remove(Table::KeptAnswers, Col::Id).await?;
        let label = remove(Table::Labels, Col::AnswerId).await?;
        if !answer && !label {
            return Ok(None);
        }
        let details = json!({ "answer": answer, "label": label });
        let subject = AuditSubject::Thing(format!("answer:{id}"));
        let entry = NewEntry { at, actor, action: "feedback.deleted", subject: &subject, details: &details };
        audit::append(&mut tx, self, entry).await?;
        commit(tx).await?;
        self.store.scrub_after_deletion().await;
        Ok(Some(Forgotten { answer, label }))
    }
}

impl Store {
    /// Forgets the answers of every hotel whose time has come; how many there were. Their labels stay.
    ///
    /// # Errors
    /// When the database fails; what was forgotten before stays forgotten.
    pub async fn expire_answers(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let due = Query::select()
            .column(Col::Id)
            .from(Table::KeptAnswers)
            .and_where(Expr::col(Col::ExpiresAt).lte(micros(now)))
            .limit(at_most(CHUNK))
            .take();
        let mut removed = 0;
        loop {
            let mut tx = self.begin().await?;
            let ids: Vec<String> =
                fetch_all(&mut tx, &due).await?.iter().map(|row| get(row, "id")).collect::<Result<_, _>>()?;
            if ids.is_empty() {
                break;
            }
            let these = Expr::col(Col::Id).is_in(ids);
            removed +=
                execute(&mut tx, &Query::delete().from_table(Table::KeptAnswers).and_where(these).take())
                    .await?;
            commit(tx).await?;
        }
        if removed > 0 {
            self.scrub_after_deletion().await;
        }
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_holds_nothing_of_a_kept_document() {
        let content = serde_json::json!({ "surname": "ERIKSSON" });
        let at = DateTime::<Utc>::UNIX_EPOCH;
        let id = Uuid::nil();
        let answer = KeptAnswer { id, model: "m".into(), content: content.clone(), created_at: at };
        let label = Label {
            id,
            answer_id: id,
            model: "m".into(),
            content: content.clone(),
            correction: content,
            created_at: at,
            updated_at: at,
        };
        let shown = format!("{answer:?} {label:?}");
        assert!(!shown.contains("ERIKSSON"), "{shown}");
    }
}

use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac};
use innkeeper_core::{EmployeeId, HotelId};
use innkeeper_hotel::GuestId;
use sea_query::{Expr, ExprTrait, Order, Query};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::engine::{Conn, Row, at_most, count, execute, fetch_all, fetch_optional, get, parse};
use crate::schema::{Col, Table};
use crate::scope::Scope;
use crate::store::commit;
use crate::time::{micros, time};
use crate::{HotelStore, Store, StoreError};

/// What stands before the first row of a hotel.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Rows read at a time while the log is verified.
const PAGE: u64 = 250;

/// What an audit row is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditSubject {
    /// A person, written as [`HotelStore::pseudonym`]: the log outlives the person's deletion.
    Person(EmployeeId),
    /// A guest, written likewise: `guest:` and the hex HMAC-SHA-256 of hotel and id.
    Guest(GuestId),
    /// Anything else, by its name: a model, a token, a setting.
    Thing(String),
}

/// One row of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Number of the row within its hotel, from 1 without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// What was done, such as `face.enrolled`.
    pub action: String,
    /// To whom or what; a person is a pseudonym.
    pub subject: String,
    /// More about it.
    pub details: Value,
    /// Hash of the row, hex SHA-256 over the hash before it and every field above.
    pub hash: String,
}

/// End of one hotel's chain. Keep it outside the database to notice even a log that was rebuilt whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// The hotel.
    pub hotel: HotelId,
    /// Rows in its chain.
    pub rows: u64,
    /// Hash of the last row.
    pub hash: String,
}

/// How the audit log was found to be altered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFault {
    /// A row is missing before this one.
    Missing,
    /// The row does not follow the one before it.
    Unlinked,
    /// A field of the row was changed.
    Changed,
    /// Rows at the end are gone, or were added without the store.
    WrongEnd,
}

/// The first place where a hotel's log was altered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditBreak {
    /// The hotel.
    pub hotel: HotelId,
    /// The first row that does not fit.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: AuditFault,
}

/// What [`Store::verify_audit`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerdict {
    /// Rows that were read.
    pub rows: u64,
    /// End of the chain of each hotel that is intact, by hotel.
    pub heads: Vec<AuditHead>,
    /// First fault of each hotel that is not, by hotel.
    pub breaks: Vec<AuditBreak>,
}

impl AuditVerdict {
    /// Whether no row was altered, removed or slipped in.
    pub fn is_intact(&self) -> bool {
        self.breaks.is_empty()
    }
}

/// What the caller knows about a new row.
pub(crate) struct NewEntry<'a> {
    pub at: DateTime<Utc>,
    pub actor: &'a str,
    pub action: &'a str,
    pub subject: &'a AuditSubject,
    pub details: &'a Value,
}

/// A row as its hash sees it; `details` is the stored text, byte for byte.
struct Sealed<'a> {
    hotel: &'a str,
    seq: u64,
    at: i64,
    actor: &'a str,
    action: &'a str,
    subject: &'a str,
    details: &'a str,
}

impl Sealed<'_> {
    /// SHA-256 over the hash before, then each field with its length in front, so that no two different rows
    /// feed the same bytes.
    fn hash(&self, prev_hash: &str) -> String {
        let mut sha = Sha256::new();
        let (seq, at) = (self.seq.to_string(), self.at.to_string());
        for field in [prev_hash, self.hotel, &seq, &at, self.actor, self.action, self.subject, self.details] {
            sha.update((field.len() as u64).to_le_bytes());
            sha.update(field.as_bytes());
        }
        hex::encode(sha.finalize())
    }
}

fn pseudonym(secret: [u8; 32], hotel: &HotelId, kind: &str, id: &str) -> String {
    // HMAC fills a key up to its block with zeros; doing it here leaves no key of a wrong length.
    let mut block = [0; 64];
    block[..32].copy_from_slice(&secret);
    let mut mac = Hmac::<Sha256>::new(&block.into());
    // Neither id can hold a NUL, so the parts cannot run into each other.
    mac.update(format!("innkeeper-{kind}\0{hotel}\0{id}").as_bytes());
    format!("{kind}:{}", hex::encode(mac.finalize().into_bytes()))
}

/// Adds a row to the hotel's chain, within the caller's transaction. Returns its number.
pub(crate) async fn append(
    conn: &mut Conn,
    store: &HotelStore,
    entry: NewEntry<'_>,
) -> Result<u64, StoreError> {
    let hotel = &store.hotel;
    let head = Query::select()
        .columns([Col::AuditSeq, Col::AuditHash])
        .from(Table::Hotels)
        .and_where(Expr::col(Col::Id).eq(hotel.as_str()))
        .take();
    let head = fetch_optional(conn, &head).await?.ok_or(StoreError::Corrupt { column: "audit_seq" })?;
    let prev_hash: String = get(&head, "audit_hash")?;
    let seq = count(&head, "audit_seq")? + 1;
    let subject = match entry.subject {
        AuditSubject::Person(employee) => store.pseudonym(employee),
        AuditSubject::Guest(guest) => pseudonym(store.store.pseudonyms(), hotel, "guest", guest.as_str()),
        AuditSubject::Thing(name) => name.clone(),
    };
    let details = serde_json::to_string(entry.details)?;
    let at = micros(entry.at);
    let hash = Sealed {
        hotel: hotel.as_str(),
        seq,
        at,
        actor: entry.actor,
        action: entry.action,
        subject: &subject,
        details: &details,
    }
    .hash(&prev_hash);
    let insert = store.scope().insert(
        Table::AuditLog,
        [
            (Col::Seq, Expr::value(seq as i64)),
            (Col::At, Expr::value(at)),
            (Col::Actor, Expr::value(entry.actor)),
            (Col::Action, Expr::value(entry.action)),
            (Col::Subject, Expr::value(subject)),
            (Col::Details, Expr::value(details)),
            (Col::PrevHash, Expr::value(prev_hash)),
            (Col::Hash, Expr::value(hash.as_str())),
        ],
    )?;
    execute(conn, &insert).await?;
    let update = Query::update()
        .table(Table::Hotels)
        .value(Col::AuditSeq, seq as i64)
        .value(Col::AuditHash, hash)
        .and_where(Expr::col(Col::Id).eq(hotel.as_str()))
        .take();
    execute(conn, &update).await?;
    Ok(seq)
}

const COLUMNS: [Col; 8] =
    [Col::Seq, Col::At, Col::Actor, Col::Action, Col::Subject, Col::Details, Col::PrevHash, Col::Hash];

/// Rows of one hotel after `seq`, oldest first.
async fn page(conn: &mut Conn, scope: Scope<'_>, after: i64, limit: u64) -> Result<Vec<Row>, StoreError> {
    let query = scope
        .select(Table::AuditLog, &COLUMNS)
        .and_where(Expr::col(Col::Seq).gt(after))
        .order_by(Col::Seq, Order::Asc)
        .limit(limit)
        .take();
    fetch_all(conn, &query).await
}

impl HotelStore {
    /// How the audit log names a person: `person:` and the hex HMAC-SHA-256 (RFC 2104) of hotel and id under
    /// a secret of the installation. Staff numbers are few enough to be tried one by one, so without the
    /// secret, which is sealed, the log alone says nobody's number.
    ///
    /// Rows that version 1 of the schema wrote hold a plain SHA-256 instead. They stay as they are, because
    /// their text is part of the chain.
    pub fn pseudonym(&self, employee: &EmployeeId) -> String {
        pseudonym(self.store.pseudonyms(), &self.hotel, "person", employee.as_str())
    }

    /// Writes what happened, now, into the audit log; returns the row's number. `details` must not name a
    /// person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit(
        &self,
        actor: &str,
        action: &str,
        subject: AuditSubject,
        details: Value,
    ) -> Result<u64, StoreError> {
        let at = Utc::now();
        let mut tx = self.begin(at).await?;
        let entry = NewEntry { at, actor, action, subject: &subject, details: &details };
        let seq = append(&mut tx, self, entry).await?;
        commit(tx).await?;
        Ok(seq)
    }

    /// The hotel's audit rows with a number above `after`, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn audit_entries(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = page(&mut *self.reader().await?, self.scope(), after, at_most(limit)).await?;
        rows.iter()
            .map(|row| {
                Ok(AuditEntry {
                    seq: count(row, "seq")?,
                    at: time(row, "at")?,
                    actor: get(row, "actor")?,
                    action: get(row, "action")?,
                    subject: get(row, "subject")?,
                    details: serde_json::from_str(&get::<String>(row, "details")?)
                        .map_err(|_| StoreError::Corrupt { column: "details" })?,
                    hash: get(row, "hash")?,
                })
            })
            .collect()
    }
}

impl Store {
    /// Reads the whole audit log of every hotel and recomputes its chain, on one snapshot.
    ///
    /// Notices a row that was changed, removed, moved or added by other means than this program. Whoever can
    /// rewrite all later rows and the stored end of the chain as well is noticed only by comparing
    /// [`AuditVerdict::heads`] with one kept elsewhere.
    ///
    /// # Errors
    /// When the database fails; an altered log is a verdict, not an error.
    pub async fn verify_audit(&self) -> Result<AuditVerdict, StoreError> {
        verify(&mut *self.reader().await?).await
    }
}

/// The verdict on what one transaction sees.
pub(crate) async fn verify(conn: &mut Conn) -> Result<AuditVerdict, StoreError> {
    let mut verdict = AuditVerdict { rows: 0, heads: Vec::new(), breaks: Vec::new() };
    // Rows may outlive their hotel's row only if someone removed that by hand.
    let hotels = Query::select()
        .column(Col::Id)
        .from(Table::Hotels)
        .union(
            sea_query::UnionType::Distinct,
            Query::select().column(Col::HotelId).from(Table::AuditLog).take(),
        )
        .order_by(Col::Id, Order::Asc)
        .take();
    for row in fetch_all(conn, &hotels).await? {
        let hotel: HotelId = parse(&row, "id")?;
        let chain = verify_hotel(conn, &hotel, &mut verdict.rows).await?;
        match chain {
            Ok(head) => verdict.heads.push(head),
            Err((seq, fault)) => verdict.breaks.push(AuditBreak { hotel, seq, fault }),
        }
    }
    Ok(verdict)
}

/// Whether the row follows `prev`, and its hash.
fn verify_row(hotel: &HotelId, seq: u64, row: &Row, prev: &str) -> Result<String, AuditFault> {
    let text = |column| get::<String>(row, column).map_err(|_| AuditFault::Changed);
    if text("prev_hash")? != prev {
        return Err(AuditFault::Unlinked);
    }
    let (actor, action) = (text("actor")?, text("action")?);
    let (subject, details) = (text("subject")?, text("details")?);
    let sealed = Sealed {
        hotel: hotel.as_str(),
        seq,
        at: get(row, "at").map_err(|_| AuditFault::Changed)?,
        actor: &actor,
        action: &action,
        subject: &subject,
        details: &details,
    };
    let hash = text("hash")?;
    if sealed.hash(prev) == hash { Ok(hash) } else { Err(AuditFault::Changed) }
}

async fn verify_hotel(
    conn: &mut Conn,
    hotel: &HotelId,
    read: &mut u64,
) -> Result<Result<AuditHead, (u64, AuditFault)>, StoreError> {
    let (mut last, mut prev) = (0_u64, GENESIS.to_owned());
    // From below zero: rows slipped in under the first one are rows too.
    let mut after = i64::MIN;
    loop {
        let rows = page(conn, Scope(hotel), after, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            *read += 1;
            after = get(row, "seq")?;
            match u64::try_from(after) {
                Ok(seq) if seq == last + 1 => {}
                Ok(seq) if seq > last => return Ok(Err((last + 1, AuditFault::Missing))),
                _ => return Ok(Err((last + 1, AuditFault::Unlinked))),
            }
            match verify_row(hotel, last + 1, row, &prev) {
                Ok(hash) => (last, prev) = (last + 1, hash),
                Err(fault) => return Ok(Err((last + 1, fault))),
            }
        }
    }
    let head = Query::select()
        .columns([Col::AuditSeq, Col::AuditHash])
        .from(Table::Hotels)
        .and_where(Expr::col(Col::Id).eq(hotel.as_str()))
        .take();
    let agrees = match fetch_optional(conn, &head).await? {
        Some(row) => count(&row, "audit_seq")? == last && get::<String>(&row, "audit_hash")? == prev,
        None => false,
    };
    Ok(if agrees {
        Ok(AuditHead { hotel: hotel.clone(), rows: last, hash: prev })
    } else {
        Err((last + 1, AuditFault::WrongEnd))
    })
}

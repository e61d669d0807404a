//! A whole database into another, of the same engine or not.

use sea_query::{Expr, ExprTrait, IdenStatic, Order, Query, SelectStatement};

use crate::copy_hotel::HOTEL_TABLES;
use crate::engine::{Conn, Row, count, execute, fetch_all, get};
use crate::schema::{Col, Kind, Table};
use crate::seal::{
    ANSWER, CLEANING, IMAGE, IMAGE_VECTOR, LABEL, MATCH, NEGATIVE, PAYLOAD, PROFILE, SECRET, SealedColumn,
    TEMPLATE, UNKNOWN, VERDICT,
};
use crate::{AuditVerdict, Store, StoreError, audit};

/// Rows that are read and written at a time.
const PAGE: u64 = 250;

/// What a copy brought over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyReport {
    /// Rows of each table, in the order in which they were copied.
    pub tables: Vec<(&'static str, u64)>,
    /// The audit log of the copy, which is that of the original: a fault that was there before is there still.
    pub audit: AuditVerdict,
}

/// A table as a copy sees it.
pub(crate) struct Copied {
    pub table: Table,
    /// What orders the rows.
    pub key: &'static [(Col, Kind)],
    /// Everything but the sealed value and its `sealed_by`.
    pub columns: &'static [(Col, Kind)],
    pub sealed: Option<SealedColumn>,
}

use Kind::{Bool, Bytes, Int, Real, Text};

pub(crate) const ID: &[(Col, Kind)] = &[(Col::Id, Text)];
pub(crate) const HOTEL_AND_ID: &[(Col, Kind)] = &[(Col::HotelId, Text), (Col::Id, Text)];

/// Every table but those of [`HOTEL_TABLES`], after those it refers to.
static TABLES: [Copied; 21] = [
    Copied {
        table: Table::Hotels,
        key: ID,
        columns: &[(Col::Id, Text), (Col::CreatedAt, Int), (Col::AuditSeq, Int), (Col::AuditHash, Text)],
        sealed: None,
    },
    Copied {
        table: Table::Secrets,
        key: &[(Col::Name, Text)],
        columns: &[(Col::Name, Text)],
        sealed: Some(SECRET),
    },
    Copied {
        table: Table::Employees,
        key: HOTEL_AND_ID,
        columns: &[
            (Col::HotelId, Text),
            (Col::Id, Text),
            (Col::FaceEmbeddingId, Text),
            (Col::CreatedAt, Int),
            (Col::UpdatedAt, Int),
        ],
        sealed: Some(PROFILE),
    },
    Copied {
        table: Table::Consents,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::EmployeeId, Text),
            (Col::GivenAt, Int),
            (Col::PolicyVersion, Text),
            (Col::RecordedBy, Text),
            (Col::RecordedAt, Int),
            (Col::WithdrawnAt, Int),
        ],
        sealed: None,
    },
    Copied {
        table: Table::FaceTemplates,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::EmployeeId, Text),
            (Col::Model, Text),
            (Col::Dimension, Int),
            (Col::Quality, Real),
            (Col::PhotoKey, Text),
            (Col::PhotoSha256, Text),
            (Col::CreatedAt, Int),
            (Col::VectorState, Text),
            (Col::LastMatchedAt, Int),
        ],
        sealed: Some(TEMPLATE),
    },
    Copied {
        table: Table::VectorDeletes,
        key: &[(Col::TemplateId, Text)],
        columns: &[(Col::TemplateId, Text), (Col::HotelId, Text), (Col::Model, Text), (Col::QueuedAt, Int)],
        sealed: None,
    },
    Copied {
        table: Table::MediaDeletes,
        key: &[(Col::HotelId, Text), (Col::PhotoKey, Text)],
        columns: &[(Col::HotelId, Text), (Col::PhotoKey, Text), (Col::QueuedAt, Int)],
        sealed: None,
    },
    Copied {
        table: Table::AttendanceLogs,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::EmployeeId, Text),
            (Col::Timestamp, Int),
            (Col::FirstSeenAt, Int),
            (Col::LastSeenAt, Int),
            (Col::Action, Text),
            (Col::CameraId, Text),
            (Col::Confidence, Real),
            (Col::Score, Real),
            (Col::IsAlive, Bool),
            (Col::LivenessReason, Text),
            (Col::Model, Text),
            (Col::CreatedAt, Int),
            (Col::Source, Text),
        ],
        sealed: None,
    },
    Copied {
        table: Table::AuditLog,
        key: &[(Col::HotelId, Text), (Col::Seq, Int)],
        columns: &[
            (Col::Seq, Int),
            (Col::HotelId, Text),
            (Col::At, Int),
            (Col::Actor, Text),
            (Col::Action, Text),
            (Col::Subject, Text),
            (Col::Details, Text),
            (Col::PrevHash, Text),
            (Col::Hash, Text),
        ],
        sealed: None,
    },
    Copied {
        table: Table::Outbox,
        // The number itself stays behind: the copy numbers its rows anew, in the same order.
        key: &[(Col::Seq, Int)],
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::Topic, Text),
            (Col::Payload, Text),
            (Col::Person, Text),
            (Col::Forget, Bool),
            (Col::CreatedAt, Int),
            (Col::DeliveredAt, Int),
            (Col::Attempts, Int),
        ],
        sealed: Some(PAYLOAD),
    },
    Copied {
        table: Table::ApiKeys,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::Subject, Text),
            (Col::Role, Text),
            (Col::Permissions, Text),
            (Col::Hash, Text),
            (Col::CreatedAt, Int),
            (Col::CreatedBy, Text),
            (Col::ExpiresAt, Int),
            (Col::RevokedAt, Int),
        ],
        sealed: None,
    },
    Copied {
        table: Table::UnknownFaces,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::GroupId, Text),
            (Col::Model, Text),
            (Col::Dimension, Int),
            (Col::Quality, Real),
            (Col::CameraId, Text),
            (Col::SeenAt, Int),
            (Col::LastSeenAt, Int),
            (Col::Frames, Int),
            (Col::IsAlive, Bool),
            (Col::LivenessReason, Text),
            (Col::PhotoKey, Text),
            (Col::PhotoSha256, Text),
            (Col::ExpiresAt, Int),
        ],
        sealed: Some(UNKNOWN),
    },
    Copied {
        table: Table::NotThisPerson,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::EmployeeId, Text),
            (Col::Model, Text),
            (Col::Dimension, Int),
            (Col::CreatedAt, Int),
            (Col::CreatedBy, Text),
            (Col::ShowsEmployeeId, Text),
        ],
        sealed: Some(NEGATIVE),
    },
    Copied {
        table: Table::KeptAnswers,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::Model, Text),
            (Col::CreatedAt, Int),
            (Col::CreatedBy, Text),
            (Col::ExpiresAt, Int),
        ],
        sealed: Some(ANSWER),
    },
    Copied {
        table: Table::Labels,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::AnswerId, Text),
            (Col::Model, Text),
            (Col::CreatedAt, Int),
            (Col::UpdatedAt, Int),
            (Col::CreatedBy, Text),
        ],
        sealed: Some(LABEL),
    },
    Copied {
        table: Table::Images,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::Category, Text),
            (Col::RoomNumber, Text),
            (Col::Side, Text),
            (Col::UploadedAt, Int),
            (Col::TakenAt, Int),
            (Col::CreatedBy, Text),
            (Col::PhotoKey, Text),
            (Col::ThumbnailKey, Text),
            (Col::PhotoSha256, Text),
            (Col::Hash, Int),
            (Col::Band1, Int),
            (Col::Band2, Int),
            (Col::Band3, Int),
            (Col::Band4, Int),
        ],
        sealed: Some(IMAGE),
    },
    Copied {
        table: Table::ImageVectors,
        key: &[(Col::ImageId, Text)],
        columns: &[
            (Col::ImageId, Text),
            (Col::HotelId, Text),
            (Col::Model, Text),
            (Col::Dimension, Int),
            (Col::CreatedAt, Int),
            (Col::VectorState, Text),
        ],
        sealed: Some(IMAGE_VECTOR),
    },
    Copied {
        table: Table::ImageVectorDeletes,
        key: &[(Col::ImageId, Text), (Col::Model, Text)],
        columns: &[(Col::ImageId, Text), (Col::Model, Text), (Col::HotelId, Text), (Col::QueuedAt, Int)],
        sealed: None,
    },
    Copied {
        table: Table::ItemMatches,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::FoundId, Text),
            (Col::LostId, Text),
            (Col::Similarity, Real),
            (Col::State, Text),
            (Col::CreatedAt, Int),
            (Col::DecidedAt, Int),
            (Col::DecidedBy, Text),
        ],
        sealed: Some(MATCH),
    },
    Copied {
        table: Table::RoomVerdicts,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::RoomNumber, Text),
            (Col::RoomType, Text),
            (Col::Status, Text),
            (Col::Ready, Bool),
            (Col::Source, Text),
            (Col::AnswerId, Text),
            (Col::Models, Text),
            (Col::CreatedAt, Int),
            (Col::CreatedBy, Text),
        ],
        sealed: Some(VERDICT),
    },
    Copied {
        table: Table::Cleanings,
        key: ID,
        columns: &[
            (Col::Id, Text),
            (Col::HotelId, Text),
            (Col::RoomNumber, Text),
            (Col::RoomType, Text),
            (Col::StartedAt, Int),
            (Col::FinishedAt, Int),
            (Col::RecordedBy, Text),
            (Col::CreatedAt, Int),
        ],
        sealed: Some(CLEANING),
    },
];

/// Every table, after those it refers to.
fn tables() -> impl Iterator<Item = &'static Copied> + Send {
    TABLES.iter().chain(&HOTEL_TABLES)
}

fn value(row: &Row, (column, kind): (Col, Kind)) -> Result<Expr, StoreError> {
    let column = column.as_str();
    Ok(match kind {
        Text => Expr::value(get::<Option<String>>(row, column)?),
        Int => Expr::value(get::<Option<i64>>(row, column)?),
        Real => Expr::value(get::<Option<f64>>(row, column)?),
        Bool => Expr::value(get::<Option<bool>>(row, column)?),
        Bytes => Expr::value(get::<Option<Vec<u8>>>(row, column)?),
    })
}

impl Copied {
    fn name(&self) -> &'static str {
        self.table.as_str()
    }

    /// The next rows after the key `after`, in order.
    fn page(&self, after: Option<&[Expr]>) -> SelectStatement {
        let numbers = self.key.iter().filter(|k| !self.columns.iter().any(|c| c.0 == k.0));
        let mut page = Query::select()
            .columns(self.columns.iter().chain(numbers).map(|c| c.0))
            .columns(self.sealed.map(|sealed| sealed.column))
            .from(self.table)
            .limit(PAGE)
            .take();
        for (column, _) in self.key {
            page.order_by(*column, Order::Asc);
        }
        if let Some(after) = after {
            let key = Expr::tuple(self.key.iter().map(|k| Expr::col(k.0)));
            page.and_where(key.gt(Expr::tuple(after.iter().cloned())));
        }
        page
    }

    /// The values of a row, sealed for the copy.
    fn values(&self, from: &Store, to: &Store, row: &Row) -> Result<Vec<Expr>, StoreError> {
        let mut values: Vec<Expr> = self.columns.iter().map(|c| value(row, *c)).collect::<Result<_, _>>()?;
        if let Some(sealed) = self.sealed {
            values.extend(to.take_over(from, sealed, row)?.map(|(_, value)| value));
        }
        Ok(values)
    }

    async fn rows(&self, conn: &mut Conn) -> Result<u64, StoreError> {
        // Every table has a column that is never null first in its key.
        let count_all =
            Query::select().expr_as(Expr::col(self.key[0].0).count(), "found").from(self.table).take();
        fetch_all(conn, &count_all).await?.first().map_or(Ok(0), |row| count(row, "found"))
    }
}

impl Store {
    /// Copies everything into `target`, which may be of another engine and have other keys: table after table,
    /// values sealed again under the target's keys, the audit log as it stands, the outbox in its order. It
    /// reads one snapshot and writes one transaction: a copy that is interrupted, or does not come out the same,
    /// leaves the target empty.
    ///
    /// `progress` hears the table, the rows copied and the rows there are, after each batch. Nobody else should
    /// write to either database meanwhile: what comes later is not in the copy.
    ///
    /// # Errors
    /// [`StoreError::NotEmpty`] when the target has rows, [`StoreError::CopyDiffers`] when counts or the audit
    /// log do not come out the same, [`StoreError::Seal`], or a database's failure.
    pub async fn copy_to(
        &self,
        target: &Self,
        mut progress: impl FnMut(&str, u64, u64) + Send,
    ) -> Result<CopyReport, StoreError> {
        // What an installation is known by elsewhere must be there to be copied.
        self.installation().await?;
        let mut source = self.reader().await?;
        let mut tx = target.begin().await?;
        for table in tables() {
            // The target has a secret of its own since it was opened; nothing depends on it yet.
            if !matches!(table.table, Table::Secrets) && table.rows(&mut tx).await? > 0 {
                return Err(StoreError::NotEmpty { table: table.name() });
            }
        }
        execute(&mut tx, &Query::delete().from_table(Table::Secrets).take()).await?;
        let mut copied_tables = Vec::new();
        for table in tables() {
            let rows = table.rows(&mut source).await?;
            let mut copied = 0;
            let mut after: Option<Vec<Expr>> = None;
            loop {
                let page = fetch_all(&mut source, &table.page(after.as_deref())).await?;
                let Some(last) = page.last() else { break };
                after = Some(table.key.iter().map(|k| value(last, *k)).collect::<Result<_, _>>()?);
                let sealed = table.sealed.map(|s| [s.column, Col::SealedBy]);
                let mut insert = Query::insert()
                    .into_table(table.table)
                    .columns(table.columns.iter().map(|c| c.0).chain(sealed.into_iter().flatten()))
                    .take();
                for row in &page {
                    insert.values(table.values(self, target, row)?)?;
                }
                copied += execute(&mut tx, &insert).await?;
                progress(table.name(), copied, rows);
            }
            if copied != rows || table.rows(&mut tx).await? != rows {
                return Err(StoreError::CopyDiffers { what: table.name() });
            }
            copied_tables.push((table.name(), rows));
        }
        let audit = audit::verify(&mut tx).await?;
        if audit != audit::verify(&mut source).await? {
            return Err(StoreError::CopyDiffers { what: Table::AuditLog.as_str() });
        }
        drop(source);
        tx.commit().await?;
        target.load_pseudonyms().await?;
        Ok(CopyReport { tables: copied_tables, audit })
    }
}

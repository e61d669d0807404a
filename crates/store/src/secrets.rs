use rand::TryRngCore;
use rand::rngs::OsRng;
use sea_query::{Expr, ExprTrait, OnConflict, Query};
use sha2::{Digest, Sha256};

use crate::engine::{Conn, Row, execute};
use crate::schema::{Col, Table};
use crate::seal::SECRET;
use crate::{Store, StoreError};

/// Names the key of [`crate::HotelStore::pseudonym`]. It is created last of all when a store is opened for the
/// first time, and so also says that whatever an older version wrote plain has been sealed.
pub(crate) const PSEUDONYMS: &str = "audit-pseudonyms";

/// Names the secret behind [`Store::installation`].
const INSTALLATION: &str = "installation";

impl Store {
    /// What tells this installation from others where several share something: 8 hexadecimal digits in lower
    /// case, the same for every process on this database, and in a copy of it.
    ///
    /// # Errors
    /// As [`Self::secret`].
    pub async fn installation(&self) -> Result<String, StoreError> {
        let digest = Sha256::digest(self.secret(INSTALLATION).await?);
        Ok(hex::encode(&digest[..4]))
    }

    /// A secret of the installation, by its name: 32 random bytes, created when they are first asked for and
    /// the same ever after, whoever asks and however often the keys change.
    ///
    /// # Errors
    /// [`StoreError::Seal`], [`StoreError::Random`], or the database's failure.
    pub async fn secret(&self, name: &str) -> Result<[u8; 32], StoreError> {
        if let Some(secret) = self.find_secret(name).await? {
            return Ok(secret);
        }
        let mut fresh = [0_u8; 32];
        OsRng.try_fill_bytes(&mut fresh).map_err(|_| StoreError::Random)?;
        let mut tx = self.begin().await?;
        self.insert_secret(&mut tx, name, &fresh).await?;
        tx.commit().await?;
        // Of several creators the first one wins.
        self.find_secret(name).await?.ok_or(StoreError::Corrupt { column: "value" })
    }

    /// Whether there is such a secret, even one that cannot be opened.
    pub(crate) async fn has_secret(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.secret_row(name).await?.is_some())
    }

    async fn secret_row(&self, name: &str) -> Result<Option<Row>, StoreError> {
        let query = Query::select()
            .columns([Col::Name, Col::Value])
            .from(Table::Secrets)
            .and_where(Expr::col(Col::Name).eq(name))
            .take();
        Ok(self.rows(&query).await?.pop())
    }

    async fn find_secret(&self, name: &str) -> Result<Option<[u8; 32]>, StoreError> {
        let Some(row) = self.secret_row(name).await? else { return Ok(None) };
        let secret = self.unseal_row(SECRET, "", &row)?;
        secret.try_into().map(Some).map_err(|_| StoreError::Corrupt { column: "value" })
    }

    async fn insert_secret(&self, conn: &mut Conn, name: &str, secret: &[u8]) -> Result<(), StoreError> {
        let [value, sealed_by] = self.seal(SECRET, "", name, secret)?;
        let insert = Query::insert()
            .into_table(Table::Secrets)
            .columns([Col::Name, value.0, sealed_by.0])
            .values([Expr::value(name), value.1, sealed_by.1])?
            .on_conflict(OnConflict::column(Col::Name).do_nothing().to_owned())
            .take();
        execute(conn, &insert).await?;
        Ok(())
    }
}

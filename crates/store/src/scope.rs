//! Statements that cannot leave their hotel: every one is built here, and every one names the hotel.

use innkeeper_core::HotelId;
use sea_query::{DeleteStatement, Expr, ExprTrait, InsertStatement, Query, SelectStatement, UpdateStatement};

use crate::StoreError;
use crate::schema::{Col, Table};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'a>(pub(crate) &'a HotelId);

impl Scope<'_> {
    fn mine(self) -> Expr {
        Expr::col(Col::HotelId).eq(self.0.as_str())
    }

    pub(crate) fn select(self, table: Table, columns: &[Col]) -> SelectStatement {
        Query::select().columns(columns.iter().copied()).from(table).and_where(self.mine()).take()
    }

    pub(crate) fn update(self, table: Table) -> UpdateStatement {
        Query::update().table(table).and_where(self.mine()).take()
    }

    pub(crate) fn delete(self, table: Table) -> DeleteStatement {
        Query::delete().from_table(table).and_where(self.mine()).take()
    }

    pub(crate) fn insert(
        self,
        table: Table,
        values: impl IntoIterator<Item = (Col, Expr)>,
    ) -> Result<InsertStatement, StoreError> {
        let (columns, values): (Vec<Col>, Vec<Expr>) = values.into_iter().unzip();
        Ok(Query::insert()
            .into_table(table)
            .columns([Col::HotelId].into_iter().chain(columns))
            .values([Expr::value(self.0.as_str())].into_iter().chain(values))?
            .take())
    }
}

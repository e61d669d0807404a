//! Where a page of rows ended.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use sea_query::{Cond, Expr, ExprTrait};
use uuid::Uuid;

use crate::schema::Col;
use crate::time::micros;

/// The row after which the next page begins, newest first. As text it can be handed to a client and back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    at: i64,
    id: Uuid,
}

/// The text was not made by [`Cursor`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not where a page ended")]
pub struct CursorError;

impl Cursor {
    pub(crate) fn new(at: DateTime<Utc>, id: Uuid) -> Self {
        Self { at: micros(at), id }
    }

    /// Rows that come after it, where `time` and `id` order them, newest first.
    pub(crate) fn older(self, time: Col) -> Cond {
        let earlier = Expr::col(time).lt(self.at);
        let same = Expr::col(time).eq(self.at).and(Expr::col(Col::Id).lt(self.id.to_string()));
        // The first condition is what an index answers.
        Cond::all().add(Expr::col(time).lte(self.at)).add(Cond::any().add(earlier).add(same))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.at, self.id.simple())
    }
}

impl FromStr for Cursor {
    type Err = CursorError;
    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (at, id) = text.split_once('_').ok_or(CursorError)?;
        let cursor =
            Self { at: at.parse().map_err(|_| CursorError)?, id: id.parse().map_err(|_| CursorError)? };
        if cursor.to_string() == text { Ok(cursor) } else { Err(CursorError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_a_client_altered_is_refused_and_its_own_text_is_read_back() {
        let cursor = Cursor::new(DateTime::<Utc>::UNIX_EPOCH, Uuid::from_u128(7));
        let text = cursor.to_string();
        assert_eq!(text.parse(), Ok(cursor));
        for bad in
            ["", "_", "0_", "x_y", "0", &format!("+{text}"), &format!("{text} "), &text.replace('0', "'")]
        {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError), "{bad:?}");
        }
    }
}

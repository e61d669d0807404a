//! The places of a write at which a crash leaves the stores apart.

use std::fmt;

macro_rules! stages {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// A named place between two steps of a write. A crash there must lose nothing that was acknowledged
        /// and bring back nothing that was deleted; the crash tests kill the process at each of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum WriteStage {
            $($(#[$doc])* $variant,)*
        }

        impl WriteStage {
            /// Every stage there is.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name under which the crash tests ask for it and report it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

stages! {
    /// Rows of a transaction are written, their event is not.
    RowsWritten = "rows_written",
    /// The event is in the outbox, the transaction is not committed.
    OutboxWritten = "outbox_written",
    /// The transaction is committed; index and pictures do not know yet.
    Committed = "committed",
    /// The picture of a new template lies in the picture store.
    PictureWritten = "picture_written",
    /// A vector is in the index, which has not been flushed.
    VectorWritten = "vector_written",
    /// The index has been flushed after new vectors; the tables do not know yet.
    VectorFlushed = "vector_flushed",
    /// The tables know that the vectors are in the index.
    VectorAcknowledged = "vector_acknowledged",
    /// Vectors are taken out of the index, which has not been flushed.
    VectorRemoved = "vector_removed",
    /// The index has been flushed after a removal; the tables do not know yet.
    RemovalFlushed = "removal_flushed",
    /// The tables know that the vectors are out of the index.
    RemovalAcknowledged = "removal_acknowledged",
    /// A picture is removed; the tables do not know yet.
    PictureRemoved = "picture_removed",
    /// The files of an index are rewritten beside the old ones, which are still in place.
    IndexRewritten = "index_rewritten",
    /// The rewritten files of an index have taken their place.
    IndexReplaced = "index_replaced",
    /// A batch of rows is sealed with the new key, not committed.
    RowsResealed = "rows_resealed",
    /// A picture is sealed with the new key.
    PictureResealed = "picture_resealed",
    /// Everything is done, the answer is not sent.
    Answering = "answering",
}

impl WriteStage {
    /// Says that the process is at this stage. Nothing happens, unless the program was built for the crash
    /// tests (feature `kill-points`) and `INNKEEPER_KILL_AT=STAGE:N` names the stage: then the process kills
    /// itself with SIGKILL when it comes here for the `N`th time.
    #[inline]
    pub fn reached(self) {
        #[cfg(feature = "kill-points")]
        kill::maybe(self);
    }
}

impl fmt::Display for WriteStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "kill-points")]
mod kill {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::WriteStage;

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    fn wanted() -> Option<(String, u64)> {
        let text = std::env::var("INNKEEPER_KILL_AT").ok()?;
        let (stage, nth) = text.split_once(':')?;
        Some((stage.to_owned(), nth.parse().ok()?))
    }

    pub(super) fn maybe(here: WriteStage) {
        let Some((stage, nth)) = WANTED.get_or_init(wanted) else { return };
        if stage != here.as_str() || PASSED.fetch_add(1, Ordering::Relaxed) + 1 != *nth {
            return;
        }
        let me = std::process::id().to_string();
        let _ = std::process::Command::new("kill").args(["-KILL", &me]).status();
        // Not reached: the signal cannot be caught. Should there be no `kill`, this ends as hard.
        std::process::abort();
    }
}

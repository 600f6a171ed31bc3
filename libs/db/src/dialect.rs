//! Everything in which the two databases differ, in one file.
//!
//! | in braces | SQLite | PostgreSQL |
//! |---|---|---|
//! | `{now}` | the database's clock in UTC microseconds | the same |
//! | `{bytes}` | `BLOB` | `BYTEA` |
//! | `{for_update}` | nothing: one writer at a time | `FOR UPDATE` |
//! | `{skip_locked}` | nothing | `FOR UPDATE SKIP LOCKED` |

/// Which database is behind a [`crate::Db`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Embedded, one file per service.
    Sqlite,
    /// A server, one schema per service.
    Postgres,
}

impl Backend {
    /// Fills in the braces of a statement.
    #[must_use]
    pub fn render(self, template: &str) -> String {
        let words = [
            ("{now}", self.now()),
            ("{bytes}", self.bytes()),
            ("{for_update}", self.for_update()),
            ("{skip_locked}", self.skip_locked()),
        ];
        words.iter().fold(template.to_owned(), |sql, (word, text)| sql.replace(word, text))
    }

    /// How a writing transaction begins.
    ///
    /// SQLite takes the write lock at once: a transaction that first reads and then wants to write would
    /// fail with `SQLITE_BUSY` without waiting if another one wrote in between.
    pub(crate) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    fn now(self) -> &'static str {
        match self {
            // SQLite's clock ticks in milliseconds. A double holds microseconds of this century exactly.
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000000 AS BIGINT)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        }
    }

    fn bytes(self) -> &'static str {
        match self {
            Self::Sqlite => "BLOB",
            Self::Postgres => "BYTEA",
        }
    }

    fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE",
        }
    }

    fn skip_locked(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres => "FOR UPDATE SKIP LOCKED",
        }
    }
}

//! From columns to values.

use std::fmt::Display;

use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::model::timestamp::Timestamp;

/// Reads typed values out of a row.
pub(crate) trait RowExt {
    fn text(&self, column: &str) -> Result<String, sqlx::Error>;
    fn maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error>;
    fn time(&self, column: &str) -> Result<Timestamp, sqlx::Error>;
    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, sqlx::Error>;

    /// An id, or any other type that reads itself from text.
    fn id<T: TryFrom<String, Error: Display>>(&self, column: &str) -> Result<T, sqlx::Error> {
        parse(column, self.text(column)?)
    }

    fn maybe_id<T: TryFrom<String, Error: Display>>(&self, column: &str) -> Result<Option<T>, sqlx::Error> {
        self.maybe_text(column)?.map(|text| parse(column, text)).transpose()
    }
}

impl RowExt for AnyRow {
    fn text(&self, column: &str) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn maybe_text(&self, column: &str) -> Result<Option<String>, sqlx::Error> {
        self.try_get(column)
    }

    fn time(&self, column: &str) -> Result<Timestamp, sqlx::Error> {
        self.try_get(column).map(Timestamp)
    }

    fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, sqlx::Error> {
        self.try_get::<Option<i64>, _>(column).map(|micros| micros.map(Timestamp))
    }
}

fn parse<T: TryFrom<String, Error: Display>>(column: &str, text: String) -> Result<T, sqlx::Error> {
    T::try_from(text).map_err(|error| unknown(column, &error))
}

/// A column holds what this version does not know.
pub(crate) fn unknown(column: &str, what: &dyn Display) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: what.to_string().into() }
}

/// An enum that is stored as one word.
pub(crate) trait Word: Sized + Copy + 'static {
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];
    /// The word of this value.
    fn word(self) -> &'static str;

    fn from_row(row: &AnyRow, column: &str) -> Result<Self, sqlx::Error> {
        let text = row.text(column)?;
        let found = Self::WORDS.iter().find(|(_, word)| *word == text);
        found.map(|(value, _)| *value).ok_or_else(|| unknown(column, &text))
    }
}

/// Implements [`Word`] from one table, so that writing and reading agree.
macro_rules! words {
    ($type:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $crate::db::row::Word for $type {
            const WORDS: &'static [(Self, &'static str)] = &[$(($type::$variant, $word)),+];
            fn word(self) -> &'static str {
                match self { $($type::$variant => $word),+ }
            }
        }
    };
}
pub(crate) use words;

//! One SQL, two databases: SQLite embedded, PostgreSQL in production.
//!
//! Decides how a service's database is opened, migrated and written to. It holds no table of its own but
//! the list of applied migrations; each service's SQL lives in that service's `db.rs`.
//!
//! Rules for the SQL: `$1` placeholders; columns `TEXT`, `BIGINT`, `DOUBLE PRECISION` or `{bytes}`; ids and
//! JSON are text, times are UTC microseconds, booleans are 0 and 1. What differs between the databases
//! stands in braces and is filled in by [`Db::sql`]; [`dialect`] lists it.

pub mod dialect;
mod location;
mod migrate;
mod open;
mod transaction;

pub use dialect::Backend;
pub use location::Location;
pub use migrate::Migration;
pub use open::{Db, OpenError};
pub use transaction::{ATTEMPTS, Transient, Tx, is_transient, is_unique_violation, retry};

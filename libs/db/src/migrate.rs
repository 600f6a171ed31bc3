//! Applies a service's migrations, each once, in order, in one transaction.

use sqlx::{AssertSqlSafe, Row as _};

use crate::dialect::Backend;
use crate::open::{Db, OpenError};

/// One step of a schema. Never changes once released: add another.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Position, from 1, without holes.
    pub version: i64,
    /// For people.
    pub name: &'static str,
    /// One or more statements; braces as in [`crate::dialect`]. Usually `include_str!`.
    pub sql: &'static str,
}

/// Brings the schema up to date. Several processes may do so at once.
pub(crate) async fn migrate(db: &Db, migrations: &[Migration]) -> Result<(), OpenError> {
    let mut tx = db.begin().await?;
    if db.backend() == Backend::Postgres {
        // SQLite's writing transaction already excludes others.
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    }
    sqlx::raw_sql(LEDGER).execute(&mut *tx).await?;
    let rows = sqlx::query("SELECT version, checksum FROM schema_migrations ORDER BY version");
    let applied = rows.fetch_all(&mut *tx).await?;
    if applied.len() > migrations.len() {
        return Err(OpenError::Newer { applied: applied.len(), known: migrations.len() });
    }
    for (row, migration) in applied.iter().zip(migrations) {
        let same = row.try_get::<String, _>("checksum")? == checksum(migration.sql);
        if !same || row.try_get::<i64, _>("version")? != migration.version {
            return Err(OpenError::Changed { version: migration.version, name: migration.name });
        }
    }
    for migration in &migrations[applied.len()..] {
        tracing::info!(version = migration.version, name = migration.name, "applying a migration");
        let sql = db.backend().render(migration.sql);
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *tx).await?;
        let record = "INSERT INTO schema_migrations (version, name, checksum, applied_at_us) \
                      VALUES ($1, $2, $3, {now})";
        sqlx::query(db.sql(record))
            .bind(migration.version)
            .bind(migration.name)
            .bind(checksum(migration.sql))
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// FNV-1a, 64 bits: finds a file edited by accident, nobody attacks it.
fn checksum(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

const LEDGER: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    applied_at_us BIGINT NOT NULL
)";

/// Any number that no other program on the same database uses: the bytes of `dais-mig`.
const LOCK: i64 = 0x6461_6973_2d6d_6967;

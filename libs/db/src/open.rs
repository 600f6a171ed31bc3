//! Opens a database and hands out connections.

use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, AssertSqlSafe, ConnectOptions as _, Connection as _, Row as _, SqlSafeStr as _, SqlStr};

use crate::dialect::Backend;
use crate::location::Location;
use crate::migrate::{self, Migration};
use crate::transaction::Tx;

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names another kind of database.
    #[error("`{scheme}:` is not a database that Dais knows; use postgres: or leave the setting away")]
    Scheme {
        /// What stands before the colon.
        scheme: String,
    },
    /// The file's path cannot be made absolute.
    #[error("cannot use {path}")]
    Path {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The schema's name is not lower-case letters, digits and underscores.
    #[error("`{schema}` cannot be the name of a schema")]
    Schema {
        /// The name.
        schema: String,
    },
    /// A newer version of the program has been here.
    #[error("the database has {applied} migrations and this version knows {known}: use the newer version")]
    Newer {
        /// Migrations in the database.
        applied: usize,
        /// Migrations in the program.
        known: usize,
    },
    /// A migration that was already applied is not the one in the program.
    #[error("migration {version} ({name}) differs from the one that was applied")]
    Changed {
        /// Its position.
        version: i64,
        /// Its name.
        name: &'static str,
    },
    /// The database answers with an error.
    #[error("the database does not answer as it should")]
    Database(#[from] sqlx::Error),
}

/// An open database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Db {
    backend: Backend,
    readers: AnyPool,
    writer: AnyPool,
}

impl Db {
    /// Opens the database and applies the migrations that it lacks.
    ///
    /// `schema` is the service's own name space: a schema on PostgreSQL; on SQLite the file is it.
    ///
    /// # Errors
    /// When the database cannot be reached, or its schema is newer or another than the program's.
    pub async fn open(
        location: &Location,
        schema: &str,
        migrations: &[Migration],
    ) -> Result<Self, OpenError> {
        install_drivers();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if schema.is_empty() || !schema.bytes().all(plain) {
            return Err(OpenError::Schema { schema: schema.to_owned() });
        }
        let options = quiet(location.url(schema)?.parse()?);
        let db = match location {
            Location::Sqlite(_) => Self::open_sqlite(options).await?,
            Location::Postgres(url) => {
                create_schema(url, schema).await?;
                Self::open_postgres(options).await?
            }
        };
        migrate::migrate(&db, migrations).await?;
        Ok(db)
    }

    async fn open_sqlite(options: AnyConnectOptions) -> Result<Self, OpenError> {
        // First the writer alone: it turns the file to WAL mode, for which nobody else may be connected.
        let writer = sqlite_pool(1).connect_with(options.clone()).await?;
        let readers = sqlite_pool(SQLITE_READERS).connect_with(options).await?;
        Ok(Self { backend: Backend::Sqlite, readers, writer })
    }

    async fn open_postgres(options: AnyConnectOptions) -> Result<Self, OpenError> {
        let pool = pool(POSTGRES_CONNECTIONS).connect_with(options).await?;
        Ok(Self { backend: Backend::Postgres, readers: pool.clone(), writer: pool })
    }

    /// Which database it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Fills in the braces of a statement (see [`crate::dialect`]). Never pass text from outside: bind it.
    #[must_use]
    pub fn sql(&self, template: &'static str) -> SqlStr {
        if template.contains('{') {
            AssertSqlSafe(self.backend.render(template)).into_sql_str()
        } else {
            template.into_sql_str()
        }
    }

    /// Connections for statements that only read.
    #[must_use]
    pub fn read(&self) -> &AnyPool {
        &self.readers
    }

    /// Begins a transaction that may write; it is rolled back if dropped.
    ///
    /// On SQLite there is one writer: hold it briefly, and never begin a second one while holding the first
    /// (that ends in a pool timeout).
    ///
    /// # Errors
    /// When no connection comes free in time, or the database is gone.
    pub async fn begin(&self) -> Result<Tx, sqlx::Error> {
        self.writer.begin_with(self.backend.begin()).await.map(Tx::new)
    }

    /// The database's clock: UTC microseconds. All processes on one database agree on it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn clock_us(&self) -> Result<i64, sqlx::Error> {
        sqlx::query(self.sql("SELECT {now} AS now")).fetch_one(self.read()).await?.try_get("now")
    }

    /// Asks the database whether it is there.
    ///
    /// # Errors
    /// When it is not.
    pub async fn ping(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT 1").execute(self.read()).await.map(|_| ())
    }

    /// Ends all connections after their current work.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Connects and leaves again.
pub(crate) async fn ping(url: &str) -> Result<(), OpenError> {
    install_drivers();
    let options: AnyConnectOptions = quiet(url.parse()?);
    Ok(options.connect().await?.close().await?)
}

async fn create_schema(url: &str, schema: &str) -> Result<(), OpenError> {
    let options: AnyConnectOptions = quiet(url.parse()?);
    let mut connection = options.connect().await?;
    let there = sqlx::query("SELECT 1 FROM information_schema.schemata WHERE schema_name = $1")
        .bind(schema)
        .fetch_optional(&mut connection)
        .await?;
    if there.is_none() {
        // `schema` is checked by the caller: letters, digits and underscores.
        let sql = AssertSqlSafe(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
        match sqlx::raw_sql(sql).execute(&mut connection).await {
            // PostgreSQL's IF NOT EXISTS races with itself; whoever loses finds the schema there.
            Err(error) if crate::is_unique_violation(&error) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
    }
    connection.close().await?;
    Ok(())
}

fn quiet(options: AnyConnectOptions) -> AnyConnectOptions {
    options.disable_statement_logging()
}

fn pool(connections: u32) -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT)
}

fn sqlite_pool(connections: u32) -> AnyPoolOptions {
    pool(connections).after_connect(|connection, _| {
        Box::pin(async move {
            sqlx::raw_sql(SQLITE_SETTINGS).execute(connection).await?;
            Ok(())
        })
    })
}

fn install_drivers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(sqlx::any::install_default_drivers);
}

/// WAL lets readers work beside the writer; `FULL` makes a commit durable before it is acknowledged. The
/// writer of another process is waited for (`busy_timeout`, in milliseconds).
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; \
                               PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";

/// Each is a thread of its own; embedded use has few cores.
const SQLITE_READERS: u32 = 4;

/// Four services with this many stay below PostgreSQL's default limit of 100.
const POSTGRES_CONNECTIONS: u32 = 16;

const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(20);

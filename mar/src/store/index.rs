//! The store's index: the only SQL of the store.
//!
//! A row that is committed here is what makes an object exist; files without a row are garbage. SQLite in
//! WAL mode with `synchronous = FULL`: a commit that has returned is on the disk.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Row, Sqlite, Transaction};

use super::error::StoreError;
use super::model::{Algorithm, Condition, Extent, Object, Part, Upload};

/// Readers beside the one writer.
const READERS: u32 = 4;

/// How long a statement waits for another process that holds the file (a backup, a person).
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The index of a store.
#[derive(Debug, Clone)]
pub(super) struct Index {
    /// One connection: SQLite has one writer, and waiting here is fair.
    writer: SqlitePool,
    readers: SqlitePool,
}

type Result<T> = std::result::Result<T, StoreError>;

/// Where a page of a listing starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// At this key or the first one behind it.
    At(Vec<u8>),
    /// Behind this key.
    After(Vec<u8>),
}

impl Index {
    /// Opens the index, making it when there is none.
    pub(super) async fn open(file: &Path) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::raw_sql(include_str!("schema.sql")).execute(&writer).await?;
        let readers = SqlitePoolOptions::new().max_connections(READERS).connect_with(options).await?;
        Ok(Self { writer, readers })
    }

    /// Ends every connection.
    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Answers when the index can be read.
    pub(super) async fn ping(&self) -> Result<()> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }

    /// Bytes of all extents and parts.
    pub(super) async fn used_bytes(&self) -> Result<u64> {
        let row = sqlx::query(
            "SELECT (SELECT COALESCE(SUM(size_bytes), 0) FROM extents)
                  + (SELECT COALESCE(SUM(size_bytes), 0) FROM parts)",
        )
        .fetch_one(&self.readers)
        .await?;
        unsigned(row.try_get(0)?)
    }

    /// Names of all files that a row names.
    pub(super) async fn files(&self) -> Result<HashSet<String>> {
        let rows = sqlx::query("SELECT file FROM extents UNION ALL SELECT file FROM parts")
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// The object of a key.
    pub(super) async fn object(&self, key: &str) -> Result<Option<Object>> {
        let row = sqlx::query("SELECT * FROM objects WHERE key = $1")
            .bind(key.as_bytes())
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(object).transpose()
    }

    /// Files of an object in order; none when the version has gone.
    pub(super) async fn extents(&self, version: &str) -> Result<Vec<Extent>> {
        let rows = sqlx::query("SELECT file, size_bytes FROM extents WHERE version = $1 ORDER BY position")
            .bind(version)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(extent).collect()
    }

    /// Objects in key order from `from` to before `until`.
    pub(super) async fn page(&self, from: &From, until: Option<&[u8]>, limit: i64) -> Result<Vec<Object>> {
        let (sql, key) = match from {
            From::At(key) => (
                "SELECT * FROM objects WHERE key >= $1 AND ($2 IS NULL OR key < $2) ORDER BY key LIMIT $3",
                key,
            ),
            From::After(key) => (
                "SELECT * FROM objects WHERE key > $1 AND ($2 IS NULL OR key < $2) ORDER BY key LIMIT $3",
                key,
            ),
        };
        let rows = sqlx::query(sql).bind(key).bind(until).bind(limit).fetch_all(&self.readers).await?;
        rows.iter().map(object).collect()
    }

    /// Gives a key to an object; returns the files of the object that had it.
    pub(super) async fn put(
        &self,
        object: &Object,
        extents: &[Extent],
        condition: &Condition,
    ) -> Result<Vec<Extent>> {
        let mut tx = self.begin().await?;
        let replaced = put(&mut tx, object, extents, condition).await?;
        tx.commit().await?;
        Ok(replaced)
    }

    /// Takes the object from a key; returns its files, none when there was no object.
    pub(super) async fn delete(&self, key: &str) -> Result<Vec<Extent>> {
        let mut tx = self.begin().await?;
        let removed = remove(&mut tx, key).await?;
        tx.commit().await?;
        Ok(removed)
    }

    /// Notes a new multipart upload.
    pub(super) async fn start_upload(&self, upload: &Upload) -> Result<()> {
        sqlx::query(
            "INSERT INTO uploads (upload_id, key, headers, algorithm, started_at_us)
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(&upload.upload_id)
        .bind(upload.key.as_bytes())
        .bind(serde_json::to_string(&upload.headers)?)
        .bind(upload.algorithm.map(Algorithm::name))
        .bind(upload.started_at_us)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// An unfinished upload.
    pub(super) async fn upload(&self, upload_id: &str) -> Result<Option<Upload>> {
        let row = sqlx::query("SELECT * FROM uploads WHERE upload_id = $1")
            .bind(upload_id)
            .fetch_optional(&self.readers)
            .await?;
        row.as_ref().map(upload).transpose()
    }

    /// Unfinished uploads in the order of their keys, then ids, behind a mark.
    pub(super) async fn uploads(
        &self,
        after: (&[u8], &str),
        prefix: (&[u8], Option<&[u8]>),
        limit: i64,
    ) -> Result<Vec<Upload>> {
        let rows = sqlx::query(
            "SELECT * FROM uploads
              WHERE (key, upload_id) > ($1, $2) AND key >= $3 AND ($4 IS NULL OR key < $4)
              ORDER BY key, upload_id LIMIT $5",
        )
        .bind(after.0)
        .bind(after.1)
        .bind(prefix.0)
        .bind(prefix.1)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(upload).collect()
    }

    /// Ids of uploads that started before an instant.
    pub(super) async fn uploads_from_before(&self, instant_us: i64) -> Result<Vec<String>> {
        let rows = sqlx::query("SELECT upload_id FROM uploads WHERE started_at_us < $1")
            .bind(instant_us)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// Adds a part to an upload; returns the file of the part that had its number.
    pub(super) async fn put_part(&self, upload_id: &str, part: &Part) -> Result<Vec<Extent>> {
        let mut tx = self.begin().await?;
        let known = sqlx::query("SELECT 1 FROM uploads WHERE upload_id = $1")
            .bind(upload_id)
            .fetch_optional(&mut *tx)
            .await?;
        if known.is_none() {
            return Err(StoreError::NoSuchUpload);
        }
        let replaced =
            sqlx::query("DELETE FROM parts WHERE upload_id = $1 AND number = $2 RETURNING file, size_bytes")
                .bind(upload_id)
                .bind(part.number)
                .fetch_all(&mut *tx)
                .await?;
        sqlx::query(
            "INSERT INTO parts (upload_id, number, file, size_bytes, etag, checksums, modified_at_us)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(upload_id)
        .bind(part.number)
        .bind(&part.extent.file)
        .bind(signed(part.extent.size_bytes)?)
        .bind(&part.etag)
        .bind(serde_json::to_string(&part.checksums)?)
        .bind(part.modified_at_us)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        replaced.iter().map(extent).collect()
    }

    /// Parts of an upload behind a number, in order.
    pub(super) async fn parts(&self, upload_id: &str, after: i32, limit: i64) -> Result<Vec<Part>> {
        let rows =
            sqlx::query("SELECT * FROM parts WHERE upload_id = $1 AND number > $2 ORDER BY number LIMIT $3")
                .bind(upload_id)
                .bind(after)
                .bind(limit)
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(part).collect()
    }

    /// Turns an upload into an object; returns the files that nothing names any longer.
    pub(super) async fn complete_upload(
        &self,
        upload_id: &str,
        object: &Object,
        extents: &[Extent],
        condition: &Condition,
    ) -> Result<Vec<Extent>> {
        let mut tx = self.begin().await?;
        let parts = take_upload(&mut tx, upload_id).await?;
        let kept: HashSet<&str> = extents.iter().map(|extent| extent.file.as_str()).collect();
        // A part that was sent again since the caller looked has another file now.
        if !kept.iter().all(|file| parts.iter().any(|part| part.file == *file)) {
            return Err(StoreError::NoSuchUpload);
        }
        let mut unused = put(&mut tx, object, extents, condition).await?;
        tx.commit().await?;
        unused.extend(parts.into_iter().filter(|part| !kept.contains(part.file.as_str())));
        Ok(unused)
    }

    /// Forgets an upload; returns the files of its parts.
    pub(super) async fn abort_upload(&self, upload_id: &str) -> Result<Vec<Extent>> {
        let mut tx = self.begin().await?;
        let files = take_upload(&mut tx, upload_id).await?;
        tx.commit().await?;
        Ok(files)
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>> {
        Ok(self.writer.begin_with("BEGIN IMMEDIATE").await?)
    }
}

async fn put(
    tx: &mut Transaction<'static, Sqlite>,
    object: &Object,
    extents: &[Extent],
    condition: &Condition,
) -> Result<Vec<Extent>> {
    let present: Option<String> = sqlx::query_scalar("SELECT etag FROM objects WHERE key = $1")
        .bind(object.key.as_bytes())
        .fetch_optional(&mut **tx)
        .await?;
    match (condition, present) {
        (Condition::Absent, Some(_)) => return Err(StoreError::PreconditionFailed),
        (Condition::Matches(_), None) => return Err(StoreError::NoSuchKey),
        (Condition::Matches(wanted), Some(etag)) if *wanted != etag => {
            return Err(StoreError::PreconditionFailed);
        }
        (Condition::None | Condition::Absent | Condition::Matches(_), _) => {}
    }
    let replaced = remove(tx, &object.key).await?;
    sqlx::query(
        "INSERT INTO objects (key, version, size_bytes, etag, headers, checksums, modified_at_us)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(object.key.as_bytes())
    .bind(&object.version)
    .bind(signed(object.size_bytes)?)
    .bind(&object.etag)
    .bind(serde_json::to_string(&object.headers)?)
    .bind(serde_json::to_string(&object.checksums)?)
    .bind(object.modified_at_us)
    .execute(&mut **tx)
    .await?;
    for (position, extent) in (0_i64..).zip(extents) {
        sqlx::query("INSERT INTO extents (version, position, file, size_bytes) VALUES ($1, $2, $3, $4)")
            .bind(&object.version)
            .bind(position)
            .bind(&extent.file)
            .bind(signed(extent.size_bytes)?)
            .execute(&mut **tx)
            .await?;
    }
    Ok(replaced)
}

async fn remove(tx: &mut Transaction<'static, Sqlite>, key: &str) -> Result<Vec<Extent>> {
    let version: Option<String> = sqlx::query_scalar("DELETE FROM objects WHERE key = $1 RETURNING version")
        .bind(key.as_bytes())
        .fetch_optional(&mut **tx)
        .await?;
    let Some(version) = version else { return Ok(Vec::new()) };
    let rows = sqlx::query("DELETE FROM extents WHERE version = $1 RETURNING file, size_bytes")
        .bind(version)
        .fetch_all(&mut **tx)
        .await?;
    rows.iter().map(extent).collect()
}

async fn take_upload(tx: &mut Transaction<'static, Sqlite>, upload_id: &str) -> Result<Vec<Extent>> {
    let gone =
        sqlx::query("DELETE FROM uploads WHERE upload_id = $1").bind(upload_id).execute(&mut **tx).await?;
    if gone.rows_affected() == 0 {
        return Err(StoreError::NoSuchUpload);
    }
    let rows = sqlx::query("DELETE FROM parts WHERE upload_id = $1 RETURNING file, size_bytes")
        .bind(upload_id)
        .fetch_all(&mut **tx)
        .await?;
    rows.iter().map(extent).collect()
}

fn object(row: &SqliteRow) -> Result<Object> {
    Ok(Object {
        key: key(row)?,
        version: row.try_get("version")?,
        size_bytes: unsigned(row.try_get("size_bytes")?)?,
        etag: row.try_get("etag")?,
        headers: serde_json::from_str(row.try_get("headers")?)?,
        checksums: serde_json::from_str(row.try_get("checksums")?)?,
        modified_at_us: row.try_get("modified_at_us")?,
    })
}

fn upload(row: &SqliteRow) -> Result<Upload> {
    Ok(Upload {
        upload_id: row.try_get("upload_id")?,
        key: key(row)?,
        headers: serde_json::from_str(row.try_get("headers")?)?,
        algorithm: row.try_get::<Option<&str>, _>("algorithm")?.and_then(Algorithm::from_name),
        started_at_us: row.try_get("started_at_us")?,
    })
}

fn part(row: &SqliteRow) -> Result<Part> {
    Ok(Part {
        number: row.try_get("number")?,
        extent: extent(row)?,
        etag: row.try_get("etag")?,
        checksums: serde_json::from_str(row.try_get("checksums")?)?,
        modified_at_us: row.try_get("modified_at_us")?,
    })
}

fn extent(row: &SqliteRow) -> Result<Extent> {
    Ok(Extent { file: row.try_get("file")?, size_bytes: unsigned(row.try_get("size_bytes")?)? })
}

fn key(row: &SqliteRow) -> Result<String> {
    String::from_utf8(row.try_get("key")?).map_err(|_| StoreError::Corrupt("a key is not UTF-8"))
}

fn unsigned(value: i64) -> Result<u64> {
    u64::try_from(value).map_err(|_| StoreError::Corrupt("a size is negative"))
}

fn signed(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| StoreError::TooLarge)
}

//! What a service relies on, on SQLite and on PostgreSQL.

#![allow(clippy::unwrap_used, reason = "fixtures of tests: a panic is the report")]

use db::{Backend, Db, Location, Migration, OpenError};
use sqlx::Row as _;

const FIRST: Migration = Migration {
    version: 1,
    name: "notes",
    sql: "CREATE TABLE notes (id TEXT NOT NULL PRIMARY KEY, at_us BIGINT NOT NULL, body {bytes}, score DOUBLE PRECISION, tag TEXT);
          CREATE INDEX notes_at ON notes (at_us);",
};

struct Fixture {
    location: Location,
    schema: String,
    _dir: tempfile::TempDir,
}

impl Fixture {
    async fn open(&self, migrations: &[Migration]) -> Result<Db, OpenError> {
        Db::open(&self.location, &self.schema, migrations).await
    }
}

fn fixtures(name: &str) -> Vec<Fixture> {
    let dir = || tempfile::tempdir().unwrap();
    let folder = dir();
    let mut all = vec![Fixture {
        location: Location::Sqlite(folder.path().join("with space.db")),
        schema: "notes".to_owned(),
        _dir: folder,
    }];
    let database = testkit::Postgres::fresh_database();
    all.push(Fixture { location: Location::Postgres(database), schema: name.to_owned(), _dir: dir() });
    all
}

async fn insert(db: &Db, id: &str) -> Result<(), sqlx::Error> {
    db::retry(async || {
        let mut tx = db.begin().await?;
        sqlx::query(db.sql("INSERT INTO notes (id, at_us, body, score, tag) VALUES ($1, {now}, $2, $3, $4)"))
            .bind(id)
            .bind(vec![1_u8, 2])
            .bind(0.5)
            .bind(None::<String>)
            .execute(&mut *tx)
            .await?;
        tx.commit().await
    })
    .await
}

#[tokio::test]
async fn every_kind_of_column_comes_back_as_it_went_in() {
    for fixture in fixtures("columns") {
        let db = fixture.open(&[FIRST]).await.unwrap();
        insert(&db, "a").await.unwrap();
        let row =
            sqlx::query("SELECT * FROM notes WHERE id = $1").bind("a").fetch_one(db.read()).await.unwrap();
        assert_eq!(row.get::<Vec<u8>, _>("body"), [1, 2]);
        assert!((row.get::<f64, _>("score") - 0.5).abs() < f64::EPSILON);
        assert_eq!(row.get::<Option<String>, _>("tag"), None);
        let age = db.clock_us().await.unwrap() - row.get::<i64, _>("at_us");
        assert!((0..60_000_000).contains(&age), "{age}");
        let count = sqlx::query("SELECT COUNT(*) AS n FROM notes").fetch_one(db.read()).await.unwrap();
        assert_eq!(count.get::<i64, _>("n"), 1);
    }
}

#[tokio::test]
async fn migrations_run_once_however_many_open_the_database() {
    for fixture in fixtures("once") {
        let (one, two, three) =
            tokio::join!(fixture.open(&[FIRST]), fixture.open(&[FIRST]), fixture.open(&[FIRST]));
        let db = one.unwrap();
        drop((two.unwrap(), three.unwrap()));
        let rows = sqlx::query("SELECT version FROM schema_migrations").fetch_all(db.read()).await.unwrap();
        assert_eq!(rows.len(), 1);
    }
}

#[tokio::test]
async fn an_edited_or_newer_schema_is_refused() {
    for fixture in fixtures("edited") {
        drop(fixture.open(&[FIRST]).await.unwrap());
        let edited = Migration { sql: "CREATE TABLE other (id TEXT)", ..FIRST };
        assert!(matches!(fixture.open(&[edited]).await, Err(OpenError::Changed { version: 1, .. })));
        assert!(matches!(fixture.open(&[]).await, Err(OpenError::Newer { applied: 1, known: 0 })));
    }
}

#[tokio::test]
async fn a_dropped_transaction_leaves_nothing() {
    for fixture in fixtures("dropped") {
        let db = fixture.open(&[FIRST]).await.unwrap();
        let mut tx = db.begin().await.unwrap();
        sqlx::query("INSERT INTO notes (id, at_us) VALUES ('gone', 1)").execute(&mut *tx).await.unwrap();
        drop(tx);
        insert(&db, "kept").await.unwrap();
        let ids = sqlx::query("SELECT id FROM notes").fetch_all(db.read()).await.unwrap();
        assert_eq!(ids.iter().map(|row| row.get::<String, _>("id")).collect::<Vec<_>>(), ["kept"]);
    }
}

#[tokio::test]
async fn writers_wait_for_each_other_while_readers_go_on() {
    for fixture in fixtures("writers") {
        let db = fixture.open(&[FIRST]).await.unwrap();
        let other = fixture.open(&[FIRST]).await.unwrap();
        let names: Vec<String> = (0..40).map(|n| format!("note {n}")).collect();
        let writes =
            names.iter().enumerate().map(|(n, id)| insert(if n % 2 == 0 { &db } else { &other }, id));
        let results = futures::future::join_all(writes).await;
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }
}

#[tokio::test]
async fn a_doubled_key_is_recognised() {
    for fixture in fixtures("doubled") {
        let db = fixture.open(&[FIRST]).await.unwrap();
        insert(&db, "a").await.unwrap();
        assert!(db::is_unique_violation(&insert(&db, "a").await.unwrap_err()));
    }
}

#[tokio::test]
async fn a_claim_takes_a_row_that_nobody_else_holds() {
    for fixture in fixtures("claims") {
        let db = fixture.open(&[FIRST]).await.unwrap();
        for id in ["a", "b"] {
            insert(&db, id).await.unwrap();
        }
        let claim = "UPDATE notes SET tag = $1 WHERE id = (SELECT id FROM notes WHERE tag IS NULL ORDER BY id LIMIT 1 {skip_locked}) RETURNING id";
        let mut tx = db.begin().await.unwrap();
        let first = sqlx::query(db.sql(claim)).bind("x").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(first.get::<String, _>("id"), "a");
        if db.backend() == Backend::Postgres {
            let mut rival = db.begin().await.unwrap();
            let second = sqlx::query(db.sql(claim)).bind("y").fetch_one(&mut *rival).await.unwrap();
            assert_eq!(second.get::<String, _>("id"), "b");
        }
        tx.commit().await.unwrap();
    }
}

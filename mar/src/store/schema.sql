-- What the embedded store knows about its files. Keys are bytes: they sort as S3 sorts them, and a prefix
-- is a range. A file belongs to exactly one extent or part; a file that no row names was never acknowledged.
CREATE TABLE IF NOT EXISTS objects (
    key BLOB PRIMARY KEY,
    version TEXT NOT NULL UNIQUE,
    size_bytes INTEGER NOT NULL,
    etag TEXT NOT NULL,
    headers TEXT NOT NULL,
    checksums TEXT NOT NULL,
    modified_at_us INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS extents (
    version TEXT NOT NULL,
    position INTEGER NOT NULL,
    file TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (version, position)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS uploads (
    upload_id TEXT PRIMARY KEY,
    key BLOB NOT NULL,
    headers TEXT NOT NULL,
    algorithm TEXT,
    started_at_us INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (key, upload_id);

CREATE TABLE IF NOT EXISTS parts (
    upload_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    file TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    etag TEXT NOT NULL,
    checksums TEXT NOT NULL,
    modified_at_us INTEGER NOT NULL,
    PRIMARY KEY (upload_id, number)
) WITHOUT ROWID;

-- One row per transform of an asset. Times are UTC microseconds of the database's clock.
CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    -- 'ladder', 'mp4', 'pictures'
    transform TEXT NOT NULL,
    -- 'queued', 'running', 'done', 'failed', 'cancelled'
    state TEXT NOT NULL,
    -- Times that a worker began it.
    attempts BIGINT NOT NULL,
    -- Grows with every claim; only the holder of the newest number may publish.
    fence BIGINT NOT NULL,
    -- Of a running job: when others may take it over.
    lease_until_us BIGINT NOT NULL,
    -- Of a queued job: not before.
    run_after_us BIGINT NOT NULL,
    percent BIGINT NOT NULL,
    error_kind TEXT,
    error_detail TEXT,
    created_at_us BIGINT NOT NULL,
    changed_at_us BIGINT NOT NULL
);
CREATE UNIQUE INDEX jobs_once ON jobs (asset_id, transform);
CREATE INDEX jobs_to_run ON jobs (state, run_after_us, created_at_us);

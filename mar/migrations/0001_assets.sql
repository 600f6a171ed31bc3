-- Ids and JSON are text, times are UTC microseconds, booleans are 0 and 1.

CREATE TABLE assets (
    id TEXT NOT NULL PRIMARY KEY,
    -- 'waiting', 'preparing', 'ready', 'errored'
    state TEXT NOT NULL,
    -- 'recording', 'upload'
    source TEXT NOT NULL,
    title TEXT NOT NULL,
    stage_id TEXT,
    -- Where its renditions and their index lie in the bucket.
    prefix TEXT NOT NULL,
    index_chunks BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    -- Of an errored asset: a stable kind, and a sentence for people.
    error_kind TEXT,
    error_detail TEXT,
    created_at_us BIGINT NOT NULL,
    changed_at_us BIGINT NOT NULL
);
CREATE INDEX assets_by_creation ON assets (created_at_us, id);
CREATE INDEX assets_by_stage ON assets (stage_id);
CREATE INDEX assets_by_state ON assets (state, source);

CREATE TABLE playback_ids (
    id TEXT NOT NULL PRIMARY KEY,
    asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    -- 'public', 'signed'
    policy TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX playback_ids_by_asset ON playback_ids (asset_id);

-- One row per recording that is not finished.
CREATE TABLE live_recordings (
    asset_id TEXT NOT NULL PRIMARY KEY REFERENCES assets (id) ON DELETE CASCADE,
    mixer_url TEXT,
    -- Last time that its mixer claimed it or answered for it; the creation before that.
    seen_at_us BIGINT NOT NULL
);

CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    -- 'waiting', 'completed', 'cancelled', 'expired'
    state TEXT NOT NULL,
    key TEXT NOT NULL,
    store_upload_id TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    part_size_bytes BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL
);
CREATE INDEX uploads_by_asset ON uploads (asset_id);
CREATE INDEX uploads_by_expiry ON uploads (state, expires_at_us);

CREATE TABLE text_tracks (
    id TEXT NOT NULL PRIMARY KEY,
    asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    name TEXT NOT NULL,
    is_default BIGINT NOT NULL,
    key TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX text_tracks_by_asset ON text_tracks (asset_id);
CREATE UNIQUE INDEX text_tracks_by_name ON text_tracks (asset_id, name);

-- Files beside the ladder: poster, storyboard, MP4.
CREATE TABLE static_renditions (
    asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
    -- The last part of its URL.
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    PRIMARY KEY (asset_id, name)
);

-- Bucket prefixes whose rows have gone; emptied by a background task.
CREATE TABLE doomed_prefixes (
    prefix TEXT NOT NULL PRIMARY KEY,
    created_at_us BIGINT NOT NULL
);

-- Writers take turns here, so that positions are committed in their order.
CREATE TABLE outbox_counter (
    id BIGINT NOT NULL PRIMARY KEY,
    last_position BIGINT NOT NULL
);
INSERT INTO outbox_counter (id, last_position) VALUES (0, 0);

CREATE TABLE outbox (
    position BIGINT NOT NULL PRIMARY KEY,
    -- Events of one key are delivered in order.
    key TEXT NOT NULL,
    -- One CloudEvents 1.0 event in JSON.
    event TEXT NOT NULL,
    delivered_at_us BIGINT
);
CREATE INDEX outbox_undelivered ON outbox (delivered_at_us, position);

CREATE TABLE idempotency_keys (
    -- Who asked and the value of the header.
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    -- SHA-256 of method, path and body.
    request TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (caller, key)
);

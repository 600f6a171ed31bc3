CREATE TABLE organisations (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);

CREATE TABLE organisers (
    id TEXT NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    name TEXT NOT NULL,
    -- Lower case. NULL until the profile is filled in.
    email TEXT UNIQUE,
    -- PHC string. NULL: only a sign-in link opens the account.
    password_hash TEXT,
    created_at_us BIGINT NOT NULL
);

-- One-time links: the row goes with its use.
CREATE TABLE sign_in_links (
    token_hash TEXT NOT NULL PRIMARY KEY,
    organiser_id TEXT NOT NULL REFERENCES organisers (id) ON DELETE CASCADE,
    expires_at_us BIGINT NOT NULL
);

CREATE TABLE organiser_sessions (
    secret_hash TEXT NOT NULL PRIMARY KEY,
    organiser_id TEXT NOT NULL REFERENCES organisers (id) ON DELETE CASCADE,
    csrf_token TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL
);
CREATE INDEX organiser_sessions_expiry ON organiser_sessions (expires_at_us);

CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    title TEXT NOT NULL,
    slug TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    starts_at_us BIGINT NOT NULL,
    ends_at_us BIGINT NOT NULL,
    time_zone TEXT NOT NULL,
    access TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX events_of_organisation ON events (organisation_id, starts_at_us, id);

CREATE TABLE stages (
    id TEXT NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    layout TEXT NOT NULL,
    -- JSON array of identities, in tile order.
    on_stage TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX stages_of_event ON stages (event_id, created_at_us, id);

CREATE TABLE event_sessions (
    id TEXT NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    starts_at_us BIGINT,
    ends_at_us BIGINT,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX event_sessions_of_event ON event_sessions (event_id, starts_at_us, id);

CREATE TABLE invitations (
    id TEXT NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    stage_id TEXT REFERENCES stages (id) ON DELETE CASCADE,
    accepted_at_us BIGINT,
    revoked_at_us BIGINT,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX invitations_of_event ON invitations (event_id, created_at_us, id);

CREATE TABLE people (
    id TEXT NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    -- NULL: came into an open event with a name.
    invitation_id TEXT UNIQUE REFERENCES invitations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    stage_id TEXT REFERENCES stages (id) ON DELETE CASCADE,
    revoked_at_us BIGINT,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX people_of_event ON people (event_id);

-- Each time a stage goes live. The wanted state: the reconciler makes it true in the media and mixer
-- services after any restart. No reference to stages: a replay outlives its stage.
CREATE TABLE recordings (
    id TEXT NOT NULL PRIMARY KEY,
    stage_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    title TEXT NOT NULL,
    -- `public` or `signed`.
    policy TEXT NOT NULL,
    -- `starting`, `live`, `ending` or `ended`.
    state TEXT NOT NULL,
    asset_id TEXT,
    playback_id TEXT,
    started_at_us BIGINT NOT NULL,
    ended_at_us BIGINT
);
CREATE UNIQUE INDEX recordings_active ON recordings (stage_id) WHERE state <> 'ended';
CREATE INDEX recordings_of_stage ON recordings (stage_id, started_at_us);

-- Assets of an event: recordings and uploads.
CREATE TABLE replays (
    asset_id TEXT NOT NULL PRIMARY KEY,
    event_id TEXT NOT NULL REFERENCES events (id),
    stage_id TEXT,
    -- NULL for an upload.
    recording_id TEXT,
    title TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX replays_of_event ON replays (event_id, created_at_us);

CREATE TABLE uploads (
    upload_id TEXT NOT NULL PRIMARY KEY,
    asset_id TEXT NOT NULL,
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    file_name TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);

CREATE TABLE idempotency (
    scope TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    digest TEXT NOT NULL,
    object_id TEXT NOT NULL,
    created_at_us BIGINT NOT NULL,
    PRIMARY KEY (scope, idempotency_key)
);

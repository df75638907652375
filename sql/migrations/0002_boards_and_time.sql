-- Reason: what is on screen, what happens when, what came in and what must go out.
-- When:   before the roll-out of the code that uses it.

-- One running thing on screen, as browsers may see it. Nothing hidden is ever in `data`.
CREATE TABLE boards (
    board_id     uuid PRIMARY KEY,
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind ~ '^[a-z_]{1,32}$'),
    phase        text NOT NULL CHECK (phase ~ '^[a-z_]{1,32}$'),
    rev          bigint NOT NULL CHECK (rev > 0),
    data         jsonb NOT NULL CHECK (jsonb_typeof(data) = 'object'),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
COMMENT ON COLUMN boards.rev IS 'seq of the event that last changed the board';
CREATE INDEX boards_campaign ON boards (campaign_id);

-- The stream of frames, one row a seq: what a browser that was away is owed.
CREATE TABLE board_events (
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    seq          bigint NOT NULL CHECK (seq > 0),
    kind         text NOT NULL CHECK (kind IN ('set', 'unset', 'event')),
    board_id     uuid,
    payload      jsonb,
    at           timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, seq),
    CHECK ((kind = 'event') = (board_id IS NULL)),
    CHECK ((kind = 'unset') = (payload IS NULL))
);
COMMENT ON TABLE board_events IS 'kept for a day; a snapshot of boards replaces older rows';
CREATE INDEX board_events_age ON board_events USING brin (at);

CREATE TABLE deadlines (
    board_id     uuid NOT NULL,
    kind         text NOT NULL CHECK (kind ~ '^[a-z_]{1,32}$'),
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    due_at       timestamptz NOT NULL,
    state        text NOT NULL DEFAULT 'armed' CHECK (state IN ('armed', 'fired', 'disarmed')),
    fired_at     timestamptz,
    PRIMARY KEY (board_id, kind),
    CHECK ((state = 'fired') = (fired_at IS NOT NULL)),
    CHECK (fired_at IS NULL OR fired_at >= due_at)
);
CREATE INDEX deadlines_due ON deadlines (due_at) WHERE state = 'armed';

-- What has been taken in: the same delivery has no second effect for 30 days.
CREATE TABLE inbox (
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    source       text NOT NULL CHECK (char_length(source) BETWEEN 1 AND 32),
    message_id   text NOT NULL CHECK (char_length(message_id) BETWEEN 1 AND 128),
    received_at  timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, source, message_id)
);
CREATE INDEX inbox_age ON inbox USING brin (received_at);

-- What must leave (the seeds' `retry_events`): decided in a transaction, delivered after it.
CREATE TABLE outbox (
    id           uuid PRIMARY KEY,
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind ~ '^[a-z_.]{1,64}$'),
    dedupe_key   text NOT NULL UNIQUE CHECK (char_length(dedupe_key) BETWEEN 1 AND 200),
    payload      jsonb NOT NULL CHECK (pg_column_size(payload) <= 16384),
    state        text NOT NULL DEFAULT 'pending'
                 CHECK (state IN ('pending', 'leased', 'done', 'dead', 'needs_person')),
    attempts     integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at      timestamptz NOT NULL DEFAULT now(),
    lease_until  timestamptz,
    last_error   text NOT NULL DEFAULT '' CHECK (char_length(last_error) <= 500),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'leased') = (lease_until IS NOT NULL))
);
CREATE INDEX outbox_next ON outbox (next_at) WHERE state IN ('pending', 'leased');

-- A named browser source with a key of its own (the seeds' `overlay_configs`).
CREATE TABLE overlay_configs (
    id           uuid PRIMARY KEY,
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    key_hash     bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    key_version  integer NOT NULL DEFAULT 1 CHECK (key_version > 0),
    layout       jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(layout) = 'object'),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (campaign_id, name)
);
COMMENT ON COLUMN overlay_configs.key_hash IS 'SHA-256 of the key; the key itself is not stored';

-- Which browser sources are open, as they last said of themselves.
CREATE TABLE overlay_sources (
    overlay_id    uuid NOT NULL REFERENCES overlay_configs ON DELETE CASCADE,
    connection    uuid NOT NULL,
    name          text NOT NULL DEFAULT '' CHECK (char_length(name) <= 64),
    obs           text NOT NULL DEFAULT '' CHECK (char_length(obs) <= 32),
    width         integer CHECK (width BETWEEN 1 AND 16384),
    height        integer CHECK (height BETWEEN 1 AND 16384),
    connected_at  timestamptz NOT NULL,
    seen_at       timestamptz NOT NULL,
    PRIMARY KEY (overlay_id, connection)
);

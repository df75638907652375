-- Reason: who runs a show, who watches it, and the row that serialises everything a campaign does.
-- When:   before the roll-out of the code that uses it.

CREATE TABLE users (
    id            uuid PRIMARY KEY,
    display_name  text NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 64),
    email         text UNIQUE CHECK (email = lower(email)),
    is_owner      boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN users.is_owner IS 'the person who holds the terminal link; may do everything on this installation';
CREATE UNIQUE INDEX users_one_owner ON users (is_owner) WHERE is_owner;

CREATE TABLE auth_providers (
    id                uuid PRIMARY KEY,
    user_id           uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    provider          text NOT NULL CHECK (provider IN ('twitch', 'kick', 'google')),
    provider_user_id  text NOT NULL CHECK (char_length(provider_user_id) BETWEEN 1 AND 64),
    display_name      text NOT NULL DEFAULT '' CHECK (char_length(display_name) <= 64),
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (provider, provider_user_id),
    UNIQUE (user_id, provider)
);

CREATE TABLE sessions (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    token_hash    bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    csrf_token    text NOT NULL CHECK (char_length(csrf_token) >= 32),
    user_agent    text NOT NULL DEFAULT '' CHECK (char_length(user_agent) <= 300),
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_seen_at  timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL CHECK (expires_at > created_at)
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE verifications (
    id          uuid PRIMARY KEY,
    purpose     text NOT NULL CHECK (purpose IN ('login')),
    code_hash   bytea NOT NULL UNIQUE CHECK (octet_length(code_hash) = 32),
    user_id     uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);

CREATE TABLE api_keys (
    id            uuid PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    name          text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    key_hash      bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_used_at  timestamptz,
    revoked_at    timestamptz
);

CREATE TABLE campaigns (
    id           uuid PRIMARY KEY,
    owner_id     uuid NOT NULL REFERENCES users,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    description  text NOT NULL DEFAULT '' CHECK (char_length(description) <= 500),
    is_demo      boolean NOT NULL DEFAULT false,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX campaigns_one_demo ON campaigns (is_demo) WHERE is_demo;

-- The lock of a campaign and the position of its stream of frames, in one row.
CREATE TABLE campaign_heads (
    campaign_id     uuid PRIMARY KEY REFERENCES campaigns ON DELETE CASCADE,
    epoch           uuid NOT NULL,
    seq             bigint NOT NULL DEFAULT 0 CHECK (seq >= 0),
    token_version   integer NOT NULL DEFAULT 0,
    config_version  integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON COLUMN campaign_heads.seq IS 'number of the last board event; order of seq is order of commits';
COMMENT ON COLUMN campaign_heads.token_version IS 'raised when an overlay key dies; every process sees it within a second';
COMMENT ON COLUMN campaign_heads.config_version IS 'raised when channels change; tells every process to load the campaign anew';

-- A streamer's account on one platform, taking part in a campaign (the seeds' `streamers`).
CREATE TABLE channels (
    id            uuid PRIMARY KEY,
    campaign_id   uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    platform      text NOT NULL CHECK (platform IN ('twitch', 'kick', 'custom')),
    login         text NOT NULL CHECK (login = lower(login) AND char_length(login) BETWEEN 1 AND 64),
    channel_id    text NOT NULL CHECK (char_length(channel_id) BETWEEN 1 AND 64),
    source        text NOT NULL CHECK (source IN ('irc', 'eventsub', 'webhook', 'api', 'simulated')),
    state         text NOT NULL DEFAULT 'waiting'
                  CHECK (state IN ('waiting', 'connecting', 'connected', 'failing')),
    state_detail  text NOT NULL DEFAULT '' CHECK (char_length(state_detail) <= 300),
    state_at      timestamptz NOT NULL DEFAULT now(),
    heard_at      timestamptz,
    heard_lag_ms  integer,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (source <> 'irc' OR platform = 'twitch'),
    UNIQUE (campaign_id, platform, login),
    UNIQUE (campaign_id, platform, channel_id)
);
COMMENT ON COLUMN channels.channel_id IS 'the platform''s id; `login:NAME` until the platform has told it';
COMMENT ON COLUMN channels.heard_lag_ms IS 'arrival time minus send time of the last line heard';

-- One process at a time reads a channel's chat; the database clock decides when a lease is over.
CREATE TABLE channel_leases (
    channel_id  uuid PRIMARY KEY REFERENCES channels ON DELETE CASCADE,
    holder      uuid NOT NULL,
    expires_at  timestamptz NOT NULL
);

CREATE TABLE campaign_memberships (
    id           uuid PRIMARY KEY,
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    user_id      uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    role         text NOT NULL CHECK (role IN ('owner', 'game_master', 'moderator', 'streamer')),
    status       text NOT NULL DEFAULT 'active' CHECK (status IN ('pending', 'active')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (campaign_id, user_id)
);

-- A person behind one or more platform accounts. Accounts are joined by linking, never by name.
CREATE TABLE people (
    id          uuid PRIMARY KEY,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE viewers (
    platform          text NOT NULL CHECK (platform IN ('twitch', 'kick', 'custom')),
    platform_user_id  text NOT NULL CHECK (char_length(platform_user_id) BETWEEN 1 AND 64),
    person_id         uuid REFERENCES people ON DELETE SET NULL,
    login             text NOT NULL DEFAULT '' CHECK (char_length(login) <= 64),
    name              text NOT NULL DEFAULT '' CHECK (char_length(name) <= 64),
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (platform, platform_user_id)
);
CREATE INDEX viewers_person ON viewers (person_id) WHERE person_id IS NOT NULL;

-- Answers to POSTs that carried an Idempotency-Key; the body is encrypted because it may hold a secret.
CREATE TABLE idempotency_keys (
    actor         text NOT NULL CHECK (char_length(actor) BETWEEN 1 AND 64),
    key_hash      bytea NOT NULL CHECK (octet_length(key_hash) = 32),
    request_hash  bytea NOT NULL CHECK (octet_length(request_hash) = 32),
    status        smallint CHECK (status BETWEEN 200 AND 499),
    answer        bytea,
    created_at    timestamptz NOT NULL DEFAULT now(),
    locked_until  timestamptz NOT NULL,
    PRIMARY KEY (actor, key_hash),
    CHECK ((status IS NULL) = (answer IS NULL))
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

CREATE TABLE settings (
    key         text PRIMARY KEY CHECK (char_length(key) BETWEEN 1 AND 100),
    value       jsonb NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE admin_log (
    id           uuid PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    actor        text NOT NULL CHECK (char_length(actor) BETWEEN 1 AND 64),
    campaign_id  uuid REFERENCES campaigns ON DELETE SET NULL,
    action       text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    subject      text NOT NULL DEFAULT '' CHECK (char_length(subject) <= 100),
    detail       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX admin_log_campaign ON admin_log (campaign_id, at DESC);

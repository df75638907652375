-- Reason: virtual tabletops, their characters and fights, the dice that fall there and what a campaign makes of them.
-- When:   before the roll-out of the code that uses it.

-- Which tabletops there are, and how each proves who it is (the seeds' `VttProvider`).
CREATE TABLE vtt_providers (
    name          text PRIMARY KEY CHECK (name ~ '^[a-z0-9_]{1,32}$'),
    display_name  text NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 64),
    auth_type     text NOT NULL CHECK (auth_type IN ('pairing', 'webhook')),
    is_active     boolean NOT NULL DEFAULT true
);
COMMENT ON COLUMN vtt_providers.auth_type IS 'pairing: the published Foundry module; webhook: a signing secret or an ingest token';
INSERT INTO vtt_providers (name, display_name, auth_type) VALUES
    ('foundry', 'Foundry VTT (module)', 'pairing'),
    ('neutral', 'Anything that speaks Hubbub''s own format', 'webhook'),
    ('foundry_messages', 'Foundry VTT (chat messages)', 'webhook'),
    ('beyond20', 'Beyond20', 'webhook'),
    ('dddice', 'dddice', 'webhook'),
    ('dndbeyond', 'D&D Beyond game log', 'webhook'),
    ('roll20', 'Roll20', 'webhook'),
    ('owlbear', 'Owlbear Rodeo', 'webhook'),
    ('event_hooker', 'Foundry event hooker', 'webhook'),
    ('discord', 'Discord-style webhook', 'webhook');

-- A table that sends dice to a campaign (the seeds' `VttConnection`). Secrets are hashed, or sealed where they sign.
CREATE TABLE vtt_connections (
    id                    uuid PRIMARY KEY,
    campaign_id           uuid REFERENCES campaigns ON DELETE SET NULL,
    provider              text NOT NULL REFERENCES vtt_providers,
    name                  text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    status                text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'revoked')),
    -- What proves a server and a browser; the older one of each is good until `older_until`.
    signing_secret        bytea,
    older_signing_secret  bytea,
    ingest_hash           bytea UNIQUE CHECK (octet_length(ingest_hash) = 32),
    older_ingest_hash     bytea UNIQUE CHECK (octet_length(older_ingest_hash) = 32),
    older_until           timestamptz,
    -- What proves the published Foundry module.
    api_key_hash          bytea UNIQUE CHECK (octet_length(api_key_hash) = 32),
    fingerprint           text CHECK (char_length(fingerprint) BETWEEN 1 AND 64),
    token_version         integer NOT NULL DEFAULT 1 CHECK (token_version > 0),
    -- Credentials that wait for the module to fetch them, sealed.
    parked                bytea,
    parked_until          timestamptz,
    world_id              text CHECK (char_length(world_id) BETWEEN 1 AND 128),
    world_name            text NOT NULL DEFAULT '' CHECK (char_length(world_name) <= 128),
    module_version        text NOT NULL DEFAULT '' CHECK (char_length(module_version) <= 64),
    game_system           text NOT NULL DEFAULT '' CHECK (char_length(game_system) <= 64),
    visibility            text NOT NULL DEFAULT 'gm_only' CHECK (visibility IN ('public', 'gm_only')),
    origins               text[] NOT NULL DEFAULT '{}' CHECK (cardinality(origins) <= 20),
    is_trusted            boolean NOT NULL DEFAULT false,
    heard_at              timestamptz,
    revoked_at            timestamptz,
    revoked_reason        text NOT NULL DEFAULT '' CHECK (char_length(revoked_reason) <= 200),
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
    CHECK ((parked IS NULL) = (parked_until IS NULL)),
    CHECK ((older_until IS NOT NULL) OR (older_signing_secret IS NULL AND older_ingest_hash IS NULL))
);
COMMENT ON COLUMN vtt_connections.campaign_id IS 'null: the campaign was deleted, and the table is told so';
COMMENT ON COLUMN vtt_connections.token_version IS 'raised to kill every session and refresh token at once';
COMMENT ON COLUMN vtt_connections.visibility IS 'of rolls whose sender cannot say who may see them';
COMMENT ON COLUMN vtt_connections.is_trusted IS 'signed rolls of this sender count as verified';
CREATE INDEX vtt_connections_campaign ON vtt_connections (campaign_id);
CREATE INDEX vtt_connections_world ON vtt_connections (world_id) WHERE world_id IS NOT NULL;

-- A pairing that is under way: asked for by a table and confirmed on the desk, or the other way round.
CREATE TABLE vtt_pairings (
    id              uuid PRIMARY KEY,
    code_hash       bytea NOT NULL UNIQUE CHECK (octet_length(code_hash) = 32),
    asked_by        text NOT NULL CHECK (asked_by IN ('table', 'desk')),
    campaign_id     uuid REFERENCES campaigns ON DELETE CASCADE,
    connection_id   uuid REFERENCES vtt_connections ON DELETE CASCADE,
    provider        text NOT NULL REFERENCES vtt_providers,
    world_id        text NOT NULL DEFAULT '' CHECK (char_length(world_id) <= 128),
    world_name      text NOT NULL DEFAULT '' CHECK (char_length(world_name) <= 128),
    module_version  text NOT NULL DEFAULT '' CHECK (char_length(module_version) <= 64),
    game_system     text NOT NULL DEFAULT '' CHECK (char_length(game_system) <= 64),
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL CHECK (expires_at > created_at),
    completed_at    timestamptz,
    CHECK ((asked_by = 'desk') <= (campaign_id IS NOT NULL)),
    CHECK ((completed_at IS NULL) = (connection_id IS NULL))
);
CREATE INDEX vtt_pairings_age ON vtt_pairings (expires_at);

-- Tokens that are dead before their time (the seeds' list). `revoked_at` may lie ahead: a refresh token that was
-- used stays good for a moment, because several browsers of a table share it.
CREATE TABLE token_revocation_lists (
    jti            uuid PRIMARY KEY,
    token_type     text NOT NULL CHECK (token_type IN ('session', 'refresh')),
    connection_id  uuid NOT NULL REFERENCES vtt_connections ON DELETE CASCADE,
    revoked_at     timestamptz NOT NULL,
    reason         text NOT NULL DEFAULT '' CHECK (char_length(reason) <= 200),
    expires_at     timestamptz NOT NULL
);
CREATE INDEX token_revocation_lists_age ON token_revocation_lists (expires_at);

-- Which browsers of a table are connected, and to which process.
CREATE TABLE vtt_sockets (
    id             uuid PRIMARY KEY,
    connection_id  uuid NOT NULL REFERENCES vtt_connections ON DELETE CASCADE,
    connected_at   timestamptz NOT NULL DEFAULT now(),
    seen_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX vtt_sockets_connection ON vtt_sockets (connection_id);

-- What must be told to a table (roll, chat, effects). An item of the outbox, with what is peculiar to it.
CREATE TABLE vtt_commands (
    outbox_id      uuid PRIMARY KEY REFERENCES outbox ON DELETE CASCADE,
    connection_id  uuid NOT NULL REFERENCES vtt_connections ON DELETE CASCADE,
    request_id     uuid NOT NULL UNIQUE,
    expires_at     timestamptz NOT NULL,
    told_at        timestamptz,
    reported_at    timestamptz,
    report         text NOT NULL DEFAULT '' CHECK (char_length(report) <= 200)
);
CREATE INDEX vtt_commands_connection ON vtt_commands (connection_id, expires_at) WHERE told_at IS NULL;
CREATE INDEX vtt_commands_told ON vtt_commands (connection_id, told_at) WHERE told_at IS NOT NULL;

CREATE TABLE characters (
    id             uuid PRIMARY KEY,
    campaign_id    uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    connection_id  uuid REFERENCES vtt_connections ON DELETE SET NULL,
    vtt_id         text NOT NULL CHECK (char_length(vtt_id) BETWEEN 1 AND 128),
    name           text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 128),
    avatar         text NOT NULL DEFAULT '' CHECK (char_length(avatar) <= 512),
    kind           text NOT NULL CHECK (kind IN ('pc', 'npc', 'monster')),
    kind_override  text CHECK (kind_override IS NULL OR kind_override IN ('npc', 'monster') AND kind <> 'pc'),
    content        jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(content) = 'object'),
    content_hash   text NOT NULL DEFAULT '' CHECK (content_hash ~ '^([0-9a-f]{64})?$'),
    item_summary   jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(item_summary) = 'object'),
    item_hash      text NOT NULL DEFAULT '' CHECK (char_length(item_hash) <= 64),
    -- What the party bar shows, whatever the system calls it.
    hit_points     jsonb,
    conditions     text[] NOT NULL DEFAULT '{}' CHECK (cardinality(conditions) <= 12 AND texts_fit(conditions, 32)),
    in_party       boolean NOT NULL DEFAULT false,
    hides_points   boolean NOT NULL DEFAULT false,
    synced_at      timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE NULLS NOT DISTINCT (campaign_id, connection_id, vtt_id)
);
COMMENT ON COLUMN characters.content IS 'stats, inventory, spells, features and vtt_data as the table sent them';
COMMENT ON COLUMN characters.hides_points IS 'the stream sees "bloodied" and no numbers';

-- Whose character it is: a streamer's channel, or the one that the game master plays now.
CREATE TABLE character_assignments (
    character_id  uuid PRIMARY KEY REFERENCES characters ON DELETE CASCADE,
    campaign_id   uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    channel_id    uuid REFERENCES channels ON DELETE CASCADE,
    created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN character_assignments.channel_id IS 'null: the game master plays it, one at a time';
CREATE UNIQUE INDEX character_assignments_game_master ON character_assignments (campaign_id) WHERE channel_id IS NULL;
CREATE INDEX character_assignments_channel ON character_assignments (channel_id) WHERE channel_id IS NOT NULL;

-- A roll at the table. `roll` is all of it, hidden ones too: nothing of it leaves but through server.rules.dice_view.
CREATE TABLE dice_rolls (
    id               uuid PRIMARY KEY,
    campaign_id      uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    connection_id    uuid REFERENCES vtt_connections ON DELETE SET NULL,
    instance_id      text NOT NULL CHECK (char_length(instance_id) BETWEEN 1 AND 128),
    roll_id          text NOT NULL CHECK (char_length(roll_id) BETWEEN 1 AND 128),
    revision         integer NOT NULL DEFAULT 1 CHECK (revision > 0),
    view_id          uuid NOT NULL UNIQUE,
    system           text NOT NULL CHECK (char_length(system) BETWEEN 1 AND 32),
    visibility       text NOT NULL CHECK (visibility IN ('public', 'gm_only', 'blind', 'self', 'whisper')),
    roll             jsonb NOT NULL CHECK (jsonb_typeof(roll) = 'object'),
    player_key       text NOT NULL CHECK (char_length(player_key) BETWEEN 1 AND 200),
    character_id     uuid REFERENCES characters ON DELETE SET NULL,
    channel_id       uuid REFERENCES channels ON DELETE SET NULL,
    attribution      text NOT NULL CHECK (attribution IN ('attributed', 'pending', 'dismissed')),
    critical_type    text CHECK (critical_type IN ('success', 'failure')),
    severity         text CHECK (severity IN ('minor', 'major', 'extreme')),
    critical_label   text CHECK (char_length(critical_label) <= 255),
    category         text CHECK (char_length(category) <= 64),
    rule_id          text CHECK (char_length(rule_id) <= 64),
    details          jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(details) = 'object'),
    inconsistencies  text[] NOT NULL DEFAULT '{}',
    verified         boolean NOT NULL DEFAULT false,
    command_id       uuid REFERENCES vtt_commands (request_id) ON DELETE SET NULL,
    commitment       text CHECK (commitment ~ '^[0-9a-f]{64}$'),
    nonce            bytea CHECK (octet_length(nonce) = 32),
    simulated        boolean NOT NULL DEFAULT false,
    shown_at         timestamptz,
    revealed_at      timestamptz,
    effects_at       timestamptz,
    rolled_at        timestamptz NOT NULL,
    received_at      timestamptz NOT NULL,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    -- The connection last: `IS NOT DISTINCT FROM` finds nothing in an index.
    UNIQUE NULLS NOT DISTINCT (campaign_id, roll_id, instance_id, connection_id),
    CHECK ((critical_type IS NULL) = (severity IS NULL)),
    CHECK ((commitment IS NULL) = (nonce IS NULL))
);
COMMENT ON COLUMN dice_rolls.view_id IS 'what the stream calls it: the table''s own id of a hidden roll could be looked up there';
COMMENT ON COLUMN dice_rolls.details IS 'skill, ability and what else the sender told beside the roll';
COMMENT ON COLUMN dice_rolls.shown_at IS 'when its value came onto the stream; null: it was not there';
COMMENT ON COLUMN dice_rolls.effects_at IS 'when its critical had its effects, which happens once';
COMMENT ON COLUMN dice_rolls.command_id IS 'we ordered it ourselves: it triggers nothing';
CREATE INDEX dice_rolls_campaign ON dice_rolls (campaign_id, id DESC);
CREATE INDEX dice_rolls_pending ON dice_rolls (campaign_id, id) WHERE attribution = 'pending';
CREATE INDEX dice_rolls_recent ON dice_rolls (connection_id, received_at) WHERE connection_id IS NOT NULL;

-- A table as the desk sees it, without what proves it.
CREATE VIEW vtt_connection_views AS
SELECT c.id, c.campaign_id, c.provider, p.display_name AS provider_name, p.auth_type, c.name, c.status,
       c.signing_secret IS NOT NULL AND c.ingest_hash IS NOT NULL AS has_secrets,
       CASE WHEN c.older_until > now() THEN c.older_until END AS older_until, c.token_version, c.fingerprint,
       c.world_id, c.world_name, c.module_version, c.game_system, c.visibility, c.origins, c.is_trusted, c.heard_at,
       (SELECT count(*) FROM dice_rolls AS r
         WHERE r.connection_id = c.id AND r.received_at > now() - interval '1 minute') AS rolls_per_minute,
       (SELECT count(*) FROM vtt_sockets AS s
         WHERE s.connection_id = c.id AND s.seen_at > now() - interval '45 seconds') AS sockets,
       c.revoked_at, c.revoked_reason, c.created_at
  FROM vtt_connections AS c
  JOIN vtt_providers AS p ON p.name = c.provider;

CREATE TABLE campaign_criticality_rules (
    id                uuid PRIMARY KEY,
    campaign_id       uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    preset_key        text CHECK (char_length(preset_key) BETWEEN 1 AND 64),
    is_system_preset  boolean NOT NULL DEFAULT false,
    edited            boolean NOT NULL DEFAULT false,
    dice_formula      text CHECK (char_length(dice_formula) <= 50),
    result_field      text NOT NULL CHECK (char_length(result_field) BETWEEN 1 AND 32),
    result_condition  text NOT NULL CHECK (char_length(result_condition) BETWEEN 1 AND 32),
    critical_type     text NOT NULL CHECK (critical_type IN ('success', 'failure')),
    severity          text NOT NULL DEFAULT 'major' CHECK (severity IN ('minor', 'major', 'extreme')),
    label             text NOT NULL CHECK (char_length(label) BETWEEN 1 AND 255),
    description       text NOT NULL DEFAULT '' CHECK (char_length(description) <= 1000),
    category          text NOT NULL DEFAULT '' CHECK (char_length(category) <= 64),
    dice_group        text NOT NULL DEFAULT '' CHECK (char_length(dice_group) <= 64),
    symbol            text NOT NULL DEFAULT '' CHECK (char_length(symbol) <= 32),
    also              jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(also) = 'array' AND jsonb_array_length(also) < 8),
    kinds             text[] NOT NULL DEFAULT '{}' CHECK (cardinality(kinds) <= 10 AND texts_fit(kinds, 32)),
    priority          integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 1000),
    is_enabled        boolean NOT NULL DEFAULT true,
    place             integer NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    UNIQUE (campaign_id, preset_key),
    CHECK (is_system_preset <= (preset_key IS NOT NULL)),
    CHECK (edited <= is_system_preset)
);
COMMENT ON COLUMN campaign_criticality_rules.place IS 'among rules of equal priority, the lowest is asked first';

CREATE TABLE campaign_item_category_rules (
    id             uuid PRIMARY KEY,
    campaign_id    uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    preset_key     text CHECK (char_length(preset_key) BETWEEN 1 AND 64),
    category       text NOT NULL CHECK (category IN ('spell', 'feature', 'inventory')),
    subcategory    text NOT NULL CHECK (char_length(subcategory) BETWEEN 1 AND 100),
    item_type      text NOT NULL CHECK (char_length(item_type) BETWEEN 1 AND 50),
    match_field    text CHECK (char_length(match_field) <= 200),
    match_value    text CHECK (char_length(match_value) <= 200),
    label          text NOT NULL CHECK (char_length(label) BETWEEN 1 AND 255),
    description    text NOT NULL DEFAULT '' CHECK (char_length(description) <= 1000),
    icon           text NOT NULL DEFAULT '' CHECK (char_length(icon) <= 64),
    color          text NOT NULL DEFAULT '' CHECK (color ~ '^(#[0-9A-Fa-f]{6})?$'),
    is_targetable  boolean NOT NULL DEFAULT true,
    weight         integer NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0 AND 100),
    priority       integer NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 1000),
    is_enabled     boolean NOT NULL DEFAULT true,
    edited         boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (campaign_id, preset_key)
);

-- How a campaign plays: what its dice mean, and what of them the stream may know.
CREATE TABLE table_settings (
    campaign_id        uuid PRIMARY KEY REFERENCES campaigns ON DELETE CASCADE,
    game_system        text NOT NULL DEFAULT '' CHECK (char_length(game_system) <= 64),
    shows_secret       boolean NOT NULL DEFAULT false,
    seals_secret       boolean NOT NULL DEFAULT false,
    shows_dice         boolean NOT NULL DEFAULT true,
    shows_party        boolean NOT NULL DEFAULT true,
    shows_initiative   boolean NOT NULL DEFAULT true,
    holds_pending      boolean NOT NULL DEFAULT false,
    rewards_unverified boolean NOT NULL DEFAULT true,
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CHECK (seals_secret <= shows_secret)
);

COMMENT ON COLUMN table_settings.holds_pending IS 'rolls of which nobody knows whose they are wait for the game master before they go on stream';

-- The fight that goes on in a campaign, at most one; a day after its last event it is over.
CREATE TABLE combats (
    campaign_id    uuid PRIMARY KEY REFERENCES campaigns ON DELETE CASCADE,
    connection_id  uuid REFERENCES vtt_connections ON DELETE SET NULL,
    combat_id      text NOT NULL CHECK (char_length(combat_id) BETWEEN 1 AND 128),
    combat         jsonb NOT NULL CHECK (jsonb_typeof(combat) = 'object'),
    updated_at     timestamptz NOT NULL
);

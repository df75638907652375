-- Reason: kindnesses of viewers, each counted once whoever tells of it; alerts; donation pages; who is live.
-- When:   before the roll-out of the code that uses it.

-- Whether a streamer is live, as the latest telling by the platform's clock has it.
ALTER TABLE channels
    ADD COLUMN is_live boolean NOT NULL DEFAULT false,
    ADD COLUMN live_since timestamptz,
    ADD COLUMN live_told_at timestamptz,
    ADD COLUMN title text NOT NULL DEFAULT '' CHECK (char_length(title) <= 200),
    ADD COLUMN title_told_at timestamptz,
    ADD CONSTRAINT channels_live CHECK (is_live = (live_since IS NOT NULL)),
    ADD CONSTRAINT channels_live_told CHECK (NOT is_live OR live_told_at IS NOT NULL),
    ADD CONSTRAINT channels_title_told CHECK (title = '' OR title_told_at IS NOT NULL);
COMMENT ON COLUMN channels.live_told_at IS 'the platform''s clock: what is older than this changes nothing any more';

-- A page on which viewers give money, and what proves that a delivery comes from it.
CREATE TABLE donation_connections (
    id                    uuid PRIMARY KEY,
    campaign_id           uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    service               text NOT NULL CHECK (service IN ('kofi', 'streamelements', 'streamlabs')),
    name                  text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 64),
    status                text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'revoked')),
    signing_secret        bytea,
    older_signing_secret  bytea,
    token_hash            bytea CHECK (octet_length(token_hash) = 32),
    older_token_hash      bytea CHECK (octet_length(older_token_hash) = 32),
    older_until           timestamptz,
    heard_at              timestamptz,
    created_at            timestamptz NOT NULL DEFAULT now(),
    updated_at            timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'active') = (token_hash IS NOT NULL)),
    CHECK (service <> 'kofi' OR (signing_secret IS NULL AND older_signing_secret IS NULL)),
    CHECK (status = 'active' OR (signing_secret IS NULL AND older_until IS NULL)),
    CHECK ((older_until IS NOT NULL) OR (older_signing_secret IS NULL AND older_token_hash IS NULL))
);
COMMENT ON COLUMN donation_connections.token_hash IS 'SHA-256; of Ko-fi the verification token that its owner typed in';
COMMENT ON COLUMN donation_connections.signing_secret IS 'sealed; Ko-fi does not sign';
CREATE INDEX donation_connections_campaign ON donation_connections (campaign_id);

-- A kindness, whoever told of it and how often: the business identity says that it is one.
CREATE TABLE monetization_events (
    id                      uuid PRIMARY KEY,
    campaign_id             uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    channel_id              uuid REFERENCES channels ON DELETE SET NULL,
    donation_connection_id  uuid REFERENCES donation_connections ON DELETE SET NULL,
    platform                text NOT NULL
                            CHECK (platform IN ('twitch', 'kick', 'custom', 'kofi', 'streamelements', 'streamlabs')),
    platform_channel_id     text NOT NULL CHECK (char_length(platform_channel_id) BETWEEN 1 AND 64),
    kind                    text NOT NULL CHECK (kind IN ('subscription', 'resub', 'gift', 'bits', 'kicks',
                                                          'donation', 'follow', 'raid')),
    fact                    text NOT NULL CHECK (char_length(fact) BETWEEN 1 AND 200),
    is_test                 boolean NOT NULL,
    message_id              text NOT NULL CHECK (char_length(message_id) BETWEEN 1 AND 128),
    is_anonymous            boolean NOT NULL,
    platform_user_id        text CHECK (char_length(platform_user_id) BETWEEN 1 AND 64),
    login                   text NOT NULL CHECK (char_length(login) <= 64),
    name                    text NOT NULL CHECK (char_length(name) <= 64),
    quantity                bigint NOT NULL CHECK (quantity BETWEEN 0 AND 1000000000000),
    tier                    smallint NOT NULL CHECK (tier BETWEEN 0 AND 3),
    months                  integer NOT NULL CHECK (months BETWEEN 0 AND 10000),
    amount_minor            bigint NOT NULL CHECK (amount_minor BETWEEN 0 AND 1000000000000),
    currency                text NOT NULL CHECK (currency ~ '^([A-Z]{3})?$'),
    message                 text NOT NULL CHECK (char_length(message) <= 500),
    tellings                integer NOT NULL CHECK (tellings > 0),
    sent_at                 timestamptz NOT NULL,
    received_at             timestamptz NOT NULL,
    created_at              timestamptz NOT NULL DEFAULT now(),
    updated_at              timestamptz NOT NULL DEFAULT now(),
    UNIQUE (campaign_id, platform, platform_channel_id, kind, is_test, fact),
    CHECK (NOT is_anonymous OR (platform_user_id IS NULL AND login = '' AND name = '')),
    CHECK (amount_minor = 0 OR currency <> ''),
    CHECK (kind = 'donation' OR (amount_minor = 0 AND currency = '')),
    CHECK (tier = 0 OR kind IN ('subscription', 'resub', 'gift')),
    CHECK (months = 0 OR kind IN ('subscription', 'resub', 'gift')),
    CHECK (quantity > 0 OR kind = 'raid')
);
COMMENT ON COLUMN monetization_events.sent_at IS 'by the platform''s clock, never after received_at by more than 5 s';
COMMENT ON COLUMN monetization_events.tellings IS 'of how many events it was made; a gift bomb is told 1 + N times';
COMMENT ON COLUMN monetization_events.is_test IS 'from a test button or a console: shown, and never counted';
CREATE INDEX monetization_events_feed ON monetization_events (campaign_id, id DESC);
CREATE INDEX monetization_events_totals ON monetization_events (campaign_id, sent_at) WHERE NOT is_test;

-- What a campaign decided about the alerts of a kind; without a row the rules' own defaults hold.
CREATE TABLE alert_rules (
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    kind         text NOT NULL CHECK (kind IN ('subscription', 'resub', 'gift', 'bits', 'kicks',
                                               'donation', 'follow', 'raid')),
    is_shown     boolean NOT NULL,
    minimum      bigint NOT NULL CHECK (minimum BETWEEN 0 AND 1000000000000),
    template     text NOT NULL CHECK (char_length(template) <= 120),
    lasts_ms     integer NOT NULL CHECK (lasts_ms BETWEEN 2000 AND 30000),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (campaign_id, kind)
);

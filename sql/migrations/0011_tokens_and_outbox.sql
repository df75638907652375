-- Reason: tokens of linked accounts, kept sealed and refreshed by one at a time; what an outbox needs that delivers.
-- When:   before the roll-out of the code that uses it.

-- What a platform handed out for a linked account. Sealed values open in this row and column only (T7).
CREATE TABLE oauth_tokens (
    auth_provider_id  uuid PRIMARY KEY REFERENCES auth_providers ON DELETE CASCADE,
    access_token      bytea,
    refresh_token     bytea,
    scopes            text[] NOT NULL DEFAULT '{}' CHECK (cardinality(scopes) <= 100 AND texts_fit(scopes, 100)),
    expires_at        timestamptz NOT NULL,
    version           integer NOT NULL DEFAULT 1 CHECK (version > 0),
    state             text NOT NULL DEFAULT 'valid' CHECK (state IN ('valid', 'needs_relink')),
    reason            text NOT NULL DEFAULT ''
                      CHECK (reason IN ('', 'refused', 'lost_rotation', 'expired', 'unreadable')),
    -- A refresh whose outcome is not known, and who is at it now.
    rotating_since    timestamptz,
    rotating_by       uuid,
    rotating_until    timestamptz,
    failures          integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    try_at            timestamptz,
    issued_at         timestamptz NOT NULL DEFAULT now(),
    validated_at      timestamptz NOT NULL DEFAULT now(),
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 'needs_relink') = (reason <> '')),
    CHECK ((state = 'valid') = (access_token IS NOT NULL)),
    CHECK (state = 'valid' OR refresh_token IS NULL),
    CHECK ((rotating_by IS NULL) = (rotating_until IS NULL)),
    CHECK (rotating_by IS NULL OR rotating_since IS NOT NULL),
    CHECK (state = 'valid' OR rotating_since IS NULL)
) WITH (fillfactor = 70);
COMMENT ON COLUMN oauth_tokens.version IS 'raised with every new token: who was refused with an older one need not refresh';
COMMENT ON COLUMN oauth_tokens.rotating_since IS 'the refresh token may have been used up by an answer that we never stored';
COMMENT ON COLUMN oauth_tokens.rotating_until IS 'whoever is at it has died if this is over';
COMMENT ON COLUMN oauth_tokens.try_at IS 'the platform did not answer: no refresh before this';
COMMENT ON COLUMN oauth_tokens.reason IS 'why the streamer must link again';
CREATE INDEX oauth_tokens_due ON oauth_tokens (expires_at) WHERE state = 'valid';

-- What a platform handed out for this installation itself.
CREATE TABLE app_tokens (
    provider        text PRIMARY KEY CHECK (provider IN ('twitch', 'kick', 'google')),
    access_token    bytea NOT NULL,
    expires_at      timestamptz NOT NULL,
    version         integer NOT NULL DEFAULT 1 CHECK (version > 0),
    issued_at       timestamptz NOT NULL DEFAULT now()
);

-- The outbox delivers: in order where order matters, held by whoever is at it, not for ever, and a person may decide.
ALTER TABLE outbox
    ADD COLUMN place       bigint GENERATED ALWAYS AS IDENTITY,
    ADD COLUMN order_key   text CHECK (char_length(order_key) BETWEEN 1 AND 200),
    ADD COLUMN lease_by    uuid,
    ADD COLUMN forgiven    integer NOT NULL DEFAULT 0 CHECK (forgiven >= 0),
    ADD COLUMN expires_at  timestamptz,
    ADD COLUMN decision    text CHECK (decision IN ('by_hand', 'give_up')),
    ADD COLUMN decided_by  text CHECK (char_length(decided_by) BETWEEN 1 AND 64),
    ADD COLUMN decided_at  timestamptz,
    ADD CONSTRAINT outbox_forgiven_were_attempts CHECK (forgiven <= attempts),
    ADD CONSTRAINT outbox_lease_has_holder CHECK (lease_by IS NULL OR state = 'leased'),
    ADD CONSTRAINT outbox_decision_is_whole
        CHECK ((decision IS NULL) = (decided_by IS NULL) AND (decision IS NULL) = (decided_at IS NULL)),
    ADD CONSTRAINT outbox_decision_is_carried_out
        CHECK (decision IS NULL OR (decision = 'by_hand' AND state = 'done') OR (decision = 'give_up' AND state = 'dead'));
COMMENT ON COLUMN outbox.place IS 'order of coming in, which ids of several processes are not';
COMMENT ON COLUMN outbox.order_key IS 'of those with the same key one leaves after the other; null: whenever';
COMMENT ON COLUMN outbox.forgiven IS 'attempts before a person said "try again": they do not count against it';
COMMENT ON COLUMN outbox.expires_at IS 'not worth anything any more after this';
CREATE INDEX outbox_order ON outbox (order_key, place) WHERE state IN ('pending', 'leased') AND order_key IS NOT NULL;
CREATE INDEX outbox_stuck ON outbox (campaign_id, id DESC) WHERE state IN ('dead', 'needs_person');
CREATE INDEX outbox_campaign ON outbox (campaign_id, id DESC);

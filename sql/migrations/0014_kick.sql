-- Reason: which events Kick delivers, with which keys it signs, and the chatroom of a channel whose website chat is read.
-- When:   before the roll-out of the code that uses it.

-- The unofficial chat of Kick's website, beside the webhooks: off by default, and for channels that ask for it.
ALTER TABLE channels DROP CONSTRAINT channels_source_check;
ALTER TABLE channels
    ADD CONSTRAINT channels_source_check
        CHECK (source IN ('irc', 'eventsub', 'webhook', 'api', 'simulated', 'pusher')),
    ADD COLUMN chatroom_id text CHECK (chatroom_id ~ '^[1-9][0-9]{0,18}$'),
    ADD CONSTRAINT channels_pusher_has_chatroom CHECK ((source = 'pusher') = (chatroom_id IS NOT NULL)),
    ADD CONSTRAINT channels_pusher_is_kick CHECK (source <> 'pusher' OR platform = 'kick');
COMMENT ON COLUMN channels.chatroom_id IS 'Kick''s id of the chatroom, as the streamer gave it';
-- Every delivery asks whose channel it is about.
CREATE INDEX channels_platform_id ON channels (platform, channel_id);

CREATE OR REPLACE VIEW channel_standings AS
SELECT c.id AS channel_id,
       coalesce(r.state, CASE WHEN c.source IN ('irc', 'pusher') THEN 'waiting' ELSE c.state END) AS state,
       coalesce(r.state_detail, CASE WHEN c.source IN ('irc', 'pusher') THEN 'no connector process is reading this chat'
                                     ELSE c.state_detail END) AS state_detail,
       coalesce(r.state_at, c.state_at) AS state_at
  FROM channels c
  LEFT JOIN LATERAL (
       SELECT r.state, r.state_detail, r.state_at
         FROM channel_readers r
         JOIN connectors p ON p.id = r.connector_id
        WHERE r.channel_id = c.id AND p.expires_at > clock_timestamp()
        ORDER BY array_position(ARRAY['connected', 'connecting', 'failing', 'waiting'], r.state), r.state_at
        LIMIT 1) r ON true;

-- What we asked Kick to deliver, and what became of it.
CREATE TABLE kick_subscriptions (
    broadcaster_id   text NOT NULL CHECK (broadcaster_id ~ '^[1-9][0-9]{0,19}$'),
    event            text NOT NULL CHECK (event ~ '^[a-z.]{1,64}$'),
    subscription_id  text CHECK (char_length(subscription_id) BETWEEN 1 AND 64),
    error            text NOT NULL DEFAULT '' CHECK (char_length(error) <= 200),
    lost_at          timestamptz,
    asked_at         timestamptz NOT NULL,
    PRIMARY KEY (broadcaster_id, event),
    CHECK (subscription_id IS NULL OR error = '')
);
COMMENT ON COLUMN kick_subscriptions.subscription_id IS 'Kick''s id of it; null: Kick does not hold it';
COMMENT ON COLUMN kick_subscriptions.error IS 'why Kick does not hold it, in its words';
COMMENT ON COLUMN kick_subscriptions.lost_at IS 'when we last found that Kick had dropped it';

-- One process at a time looks after subscriptions, and after Kick's key.
CREATE TABLE kick_rounds (
    name        text PRIMARY KEY CHECK (name IN ('all', 'silent', 'fresh', 'key')),
    due_at      timestamptz NOT NULL,
    began_at    timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON COLUMN kick_rounds.due_at IS 'whoever comes first after this does the round, and puts it off';

-- Keys that Kick's API has shown. None is believed because it was shown: an operator accepts it (reliability T20).
CREATE TABLE kick_keys (
    fingerprint  text PRIMARY KEY CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    pem          text NOT NULL CHECK (char_length(pem) <= 8192),
    first_at     timestamptz NOT NULL DEFAULT now(),
    served_at    timestamptz NOT NULL DEFAULT now(),
    accepted_at  timestamptz
);
COMMENT ON COLUMN kick_keys.served_at IS 'when the API last showed it';

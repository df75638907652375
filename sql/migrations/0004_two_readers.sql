-- Reason: two processes read every chat, so that the death of one of them loses nothing (reliability R2).
-- When:   before the roll-out of the code that uses it. Older processes go on with channel_leases, which nothing else
--         uses any more.

-- Living connector processes; the database clock decides who is alive.
CREATE TABLE connectors (
    id          uuid PRIMARY KEY,
    kinds       text[] NOT NULL CHECK (cardinality(kinds) > 0),
    expires_at  timestamptz NOT NULL
);

-- Who reads which chat, and how that goes.
CREATE TABLE channel_readers (
    channel_id    uuid NOT NULL REFERENCES channels ON DELETE CASCADE,
    connector_id  uuid NOT NULL REFERENCES connectors ON DELETE CASCADE,
    state         text NOT NULL DEFAULT 'waiting'
                  CHECK (state IN ('waiting', 'connecting', 'connected', 'failing')),
    state_detail  text NOT NULL DEFAULT '' CHECK (char_length(state_detail) <= 300),
    state_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (channel_id, connector_id)
);
CREATE INDEX channel_readers_connector ON channel_readers (connector_id);

-- How a chat is doing: what the best of its living readers says. A script that posts has no reader.
CREATE VIEW channel_standings AS
SELECT c.id AS channel_id,
       coalesce(r.state, CASE WHEN c.source = 'irc' THEN 'waiting' ELSE c.state END) AS state,
       coalesce(r.state_detail, CASE WHEN c.source = 'irc' THEN 'no connector process is reading this chat'
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

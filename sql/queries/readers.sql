-- name: enter
-- A connector process is alive, for a while.
INSERT INTO connectors (id, kinds, expires_at) VALUES ($1, $2::text[], clock_timestamp() + $3::interval)
ON CONFLICT (id) DO UPDATE SET kinds = excluded.kinds, expires_at = excluded.expires_at;

-- name: sweep
-- Processes that died go, and what they read with them; whoever is busy with one is let be.
DELETE FROM connectors WHERE id IN (
    SELECT id FROM connectors WHERE expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED);

-- name: assigned
-- The chats that a process is among the first $3 for, and those that it has.
-- Needed are the former, and of the latter those to which fewer than $3 others are connected.
SELECT c.id, c.campaign_id, c.platform, c.login, c.channel_id, c.source, s.state, s.state_detail, s.state_at,
       c.heard_at, c.heard_lag_ms, c.created_at,
       first.is_first
       OR $3 > (SELECT count(*) FROM channel_readers r JOIN connectors p ON p.id = r.connector_id
                 WHERE r.channel_id = c.id AND p.id <> $1 AND p.expires_at > clock_timestamp()
                   AND r.state = 'connected') AS is_needed
  FROM channels c
  JOIN channel_standings s ON s.channel_id = c.id
 CROSS JOIN LATERAL (
       SELECT $1 IN (SELECT p.id FROM connectors p
                      WHERE p.expires_at > clock_timestamp() AND c.source = ANY(p.kinds)
                      ORDER BY md5(p.id::text || c.id::text)
                      LIMIT $3) AS is_first) AS first
 WHERE c.source = ANY($2::text[])
   AND (first.is_first
        OR EXISTS (SELECT FROM channel_readers r WHERE r.channel_id = c.id AND r.connector_id = $1))
 ORDER BY c.id;

-- name: take
-- Notes the chats that a process reads from now on; answers those that are new to it.
INSERT INTO channel_readers (connector_id, channel_id)
SELECT $1, c.id FROM channels c WHERE c.id = ANY($2::uuid[]) FOR KEY SHARE
ON CONFLICT DO NOTHING
RETURNING channel_id;

-- name: give
-- A process does not read any others any more.
DELETE FROM channel_readers WHERE connector_id = $1 AND NOT channel_id = ANY($2::uuid[]);

-- name: tell
-- What a reader says of a chat; the moment moves only when the state or its words do.
UPDATE channel_readers
   SET state = $3, state_detail = $4, state_at = clock_timestamp()
 WHERE connector_id = $1 AND channel_id = $2 AND (state, state_detail) IS DISTINCT FROM ($3, $4);

-- name: leave
-- A process that leaves politely: others take its chats over at once.
DELETE FROM connectors WHERE id = $1;

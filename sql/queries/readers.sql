-- name: need_not_last
-- Who lives is asked again in a moment: this transaction does not wait for the disk.
SELECT set_config('synchronous_commit', 'off', true);

-- name: enter
-- A connector process is alive, for a while; answers whether it was not a moment ago.
INSERT INTO connectors (id, kinds, expires_at) VALUES ($1, $2::text[], clock_timestamp() + $3::interval)
ON CONFLICT (id) DO UPDATE SET kinds = excluded.kinds, expires_at = excluded.expires_at
RETURNING xmax = 0;

-- name: sweep
-- Processes that died go, and what they read with them; whoever is busy with one is let be.
DELETE FROM connectors WHERE id IN (
    SELECT id FROM connectors WHERE expires_at <= clock_timestamp() FOR UPDATE SKIP LOCKED);

-- name: stand
-- What an assignment depends on: who lives, and the last change of any channel.
SELECT (SELECT coalesce(array_agg(id ORDER BY id), '{}') FROM connectors
         WHERE expires_at > clock_timestamp() AND kinds @> $1::text[]) AS living,
       (SELECT version FROM channel_changes) AS version;

-- name: assigned
-- What a process may read, of channels newer than $4 and of $5, its own: it is needed among the first $3 of $6.
SELECT c.id, c.campaign_id, c.platform, c.login, c.channel_id, c.source, s.state, s.state_detail, s.state_at,
       c.heard_at, c.heard_lag_ms, c.created_at, c.chatroom_id, c.is_live, c.live_since, c.title, first.is_first,
       first.is_first
       -- Or as a guest, until enough others are connected.
       OR $3 > (SELECT count(*) FROM channel_readers r JOIN connectors p ON p.id = r.connector_id
                 WHERE r.channel_id = c.id AND p.id <> $1 AND p.expires_at > clock_timestamp()
                   AND r.state = 'connected') AS is_needed
  FROM channels c
  JOIN channel_standings s ON s.channel_id = c.id
 CROSS JOIN LATERAL (
       SELECT $1 IN (SELECT living.id FROM unnest($6::uuid[]) AS living (id)
                      ORDER BY md5(living.id::text || c.id::text)
                      LIMIT $3) AS is_first) AS first
 WHERE (c.version > $4 OR c.id = ANY($5::uuid[])) AND c.source = ANY($2::text[])
   AND (first.is_first OR c.id = ANY($5::uuid[]))
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
-- What a reader says of its chats; the moment moves only when the state or its words do.
UPDATE channel_readers r
   SET state = v.state, state_detail = v.detail, state_at = clock_timestamp()
  FROM unnest($2::uuid[], $3::text[], $4::text[]) AS v (id, state, detail)
 WHERE r.connector_id = $1 AND r.channel_id = v.id AND (r.state, r.state_detail) IS DISTINCT FROM (v.state, v.detail);

-- name: leave
-- A process that leaves politely: others take its chats over at once.
DELETE FROM connectors WHERE id = $1;

-- name: note
-- These browsers of tables are connected now; tables that were deleted meanwhile are passed over.
INSERT INTO vtt_sockets (id, connection_id, connected_at, seen_at)
SELECT s.id, s.connection_id, now(), now()
  FROM unnest($1::uuid[], $2::uuid[]) AS s (id, connection_id)
  JOIN vtt_connections AS c ON c.id = s.connection_id
 ORDER BY s.id
   FOR KEY SHARE OF c
ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at;

-- name: forget
-- These have left; rows that nobody renews belong to a process that is gone.
DELETE FROM vtt_sockets WHERE id = ANY ($1::uuid[]) OR seen_at < now() - make_interval(secs => $2);

-- name: standing
-- How tables that are connected stand now, and whether a command waits for them.
SELECT c.id, c.campaign_id, c.status = 'active' AS is_active, c.token_version, c.revoked_reason,
       EXISTS (SELECT FROM vtt_commands AS m JOIN outbox AS o ON o.id = m.outbox_id
                WHERE m.connection_id = c.id AND m.told_at IS NULL AND m.expires_at > now()
                  AND o.state = 'pending' AND o.next_at <= now()) AS has_commands
  FROM vtt_connections AS c
 WHERE c.id = ANY ($1::uuid[]);

-- name: same_world
-- Takes the table that a world was paired as before, in the same campaign, until the transaction ends.
SELECT id FROM vtt_connections
 WHERE campaign_id = $1 AND provider = 'foundry' AND world_id = $2
 ORDER BY created_at, id LIMIT 1
   FOR UPDATE;

-- name: renew
-- A table is good again with another key, and everything that was made for it before is worth nothing.
UPDATE vtt_connections
   SET status = 'active', revoked_at = NULL, revoked_reason = '', token_version = token_version + 1,
       api_key_hash = $2, fingerprint = $3, world_name = $4, module_version = $5, game_system = $6,
       updated_at = now()
 WHERE id = $1
RETURNING token_version;

-- name: arm
-- What proves a table that was just made.
UPDATE vtt_connections SET api_key_hash = $2, fingerprint = $3 WHERE id = $1 RETURNING token_version;

-- name: park
-- Credentials that the module may fetch, for so many seconds.
UPDATE vtt_connections SET parked = $2, parked_until = now() + make_interval(secs => $3) WHERE id = $1;

-- name: unpark
-- The module has come in with them.
UPDATE vtt_connections SET parked = NULL, parked_until = NULL WHERE id = $1 AND parked IS NOT NULL;

-- name: set_fingerprint
-- A new fingerprint for a table that was reauthorized.
UPDATE vtt_connections SET fingerprint = $2 WHERE id = $1 RETURNING token_version;

-- name: by_token
-- What is known of the table that a token names, and whether the token is dead before its time.
SELECT c.id, c.campaign_id, coalesce(p.name, '') AS campaign_name, c.status = 'active' AS is_active,
       c.token_version, coalesce(c.fingerprint, '') AS fingerprint, coalesce(c.world_id, '') AS world_id,
       c.world_name, c.module_version, c.game_system, c.parked, c.parked_until > now() AS is_parked, c.revoked_at,
       (SELECT max(s.seen_at) FROM vtt_sockets AS s WHERE s.connection_id = c.id) AS seen_at,
       EXISTS (SELECT FROM token_revocation_lists AS r WHERE r.jti = $2 AND r.revoked_at <= now()) AS is_dead
  FROM vtt_connections AS c LEFT JOIN campaigns AS p ON p.id = c.campaign_id
 WHERE c.id = $1 AND c.provider = 'foundry';

-- name: by_api_key
-- The same for the table that has this key.
SELECT c.id, c.campaign_id, coalesce(p.name, '') AS campaign_name, c.status = 'active' AS is_active,
       c.token_version, coalesce(c.fingerprint, '') AS fingerprint, coalesce(c.world_id, '') AS world_id,
       c.world_name, c.module_version, c.game_system, c.parked, c.parked_until > now() AS is_parked, c.revoked_at,
       (SELECT max(s.seen_at) FROM vtt_sockets AS s WHERE s.connection_id = c.id) AS seen_at,
       false AS is_dead
  FROM vtt_connections AS c LEFT JOIN campaigns AS p ON p.id = c.campaign_id
 WHERE c.api_key_hash = $1 AND c.provider = 'foundry';

-- name: retire
-- A token that was used dies so many seconds from now, or when it was to die before.
INSERT INTO token_revocation_lists (jti, token_type, connection_id, revoked_at, reason, expires_at)
VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5, $6)
ON CONFLICT (jti) DO UPDATE SET revoked_at = least(token_revocation_lists.revoked_at, excluded.revoked_at);

-- name: forget
-- Dead tokens whose time is over: their end alone refuses them now.
DELETE FROM token_revocation_lists WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM token_revocation_lists WHERE expires_at < now() - interval '1 hour' LIMIT $1));

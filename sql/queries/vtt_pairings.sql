-- name: create
-- A code that waits for the other side, for so many seconds; nothing when the same code waits already.
INSERT INTO vtt_pairings (id, code_hash, asked_by, campaign_id, provider, world_id, world_name, module_version,
                          game_system, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10))
ON CONFLICT (code_hash) DO NOTHING
RETURNING expires_at;

-- name: waiting
-- Takes the pairing of a code that is good and not used yet, until the transaction ends.
SELECT id, asked_by, campaign_id, connection_id, provider, world_id, world_name, module_version, game_system,
       created_at, expires_at, completed_at
  FROM vtt_pairings
 WHERE code_hash = $1 AND asked_by = $2 AND completed_at IS NULL AND expires_at > now()
   FOR UPDATE;

-- name: by_code
-- The pairing of a code, whatever became of it.
SELECT id, asked_by, campaign_id, connection_id, provider, world_id, world_name, module_version, game_system,
       created_at, expires_at, completed_at
  FROM vtt_pairings
 WHERE code_hash = $1;

-- name: complete
-- The pairing has made a connection; its code is used up.
UPDATE vtt_pairings SET completed_at = now(), connection_id = $2, campaign_id = $3
 WHERE id = $1 AND completed_at IS NULL;

-- name: forget
-- Drops codes that are long over, a bounded number at a time.
DELETE FROM vtt_pairings WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM vtt_pairings WHERE expires_at < now() - interval '1 hour' LIMIT $1));

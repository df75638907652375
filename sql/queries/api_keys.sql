-- name: create
-- A new key; only its SHA-256 is stored.
INSERT INTO api_keys (id, user_id, name, key_hash) VALUES ($1, $2, $3, $4);

-- name: find
-- The person behind a key that was not revoked.
SELECT k.id, k.user_id, u.display_name,
       coalesce(k.last_used_at < now() - interval '1 minute', true) AS is_stale
FROM api_keys AS k JOIN users AS u ON u.id = k.user_id
WHERE k.key_hash = $1 AND k.revoked_at IS NULL;

-- name: alive
-- The user of a key that was not revoked.
SELECT user_id FROM api_keys WHERE id = $1 AND revoked_at IS NULL;

-- name: touch
-- Notes that the key was used, at most once a minute.
UPDATE api_keys SET last_used_at = now()
WHERE id = $1 AND coalesce(last_used_at < now() - interval '1 minute', true);

-- name: list_of_user
-- A person's keys, newest first.
SELECT id, name, created_at, last_used_at, revoked_at FROM api_keys WHERE user_id = $1 ORDER BY id DESC;

-- name: revoke
-- Ends a key; answers its id when it was alive.
UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING id;

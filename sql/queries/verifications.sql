-- name: issue_login
-- A one-time code; only its SHA-256 is stored.
INSERT INTO verifications (id, purpose, code_hash, user_id, expires_at)
VALUES ($1, 'login', $2, $3, now() + make_interval(secs => $4));

-- name: use_login
-- Takes a code: the first to come gets the person, everybody after gets nothing.
UPDATE verifications SET used_at = now()
WHERE code_hash = $1 AND purpose = 'login' AND used_at IS NULL AND expires_at > now()
RETURNING user_id;

-- name: sweep
-- Removes codes that can no longer be used.
DELETE FROM verifications WHERE expires_at < now() - interval '1 day';

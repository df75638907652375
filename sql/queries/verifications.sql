-- name: issue
-- A one-time code; only its SHA-256 is stored.
INSERT INTO verifications (id, purpose, code_hash, user_id, email, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6));

-- name: use
-- Takes a code: the first to come gets what it proves, everybody after gets nothing.
UPDATE verifications SET used_at = now()
WHERE code_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > now()
RETURNING user_id, email;

-- name: use_others
-- Older codes for the same thing are worth nothing once one was used.
UPDATE verifications SET used_at = now()
WHERE purpose = $1 AND used_at IS NULL AND (user_id = $2 OR ($2::uuid IS NULL AND email = $3));

-- name: sent_just_now
-- Whether a mail of this kind went to this person or address within the last $4 seconds.
SELECT EXISTS (SELECT FROM verifications
               WHERE purpose = $1 AND created_at > now() - make_interval(secs => $4)
                 AND (user_id = $2 OR ($2::uuid IS NULL AND email = $3)));

-- name: forget_user
-- Nothing is left of the codes of a person.
DELETE FROM verifications WHERE user_id = $1;

-- name: sweep
-- Removes codes that can no longer be used.
DELETE FROM verifications WHERE expires_at < now() - interval '1 day';

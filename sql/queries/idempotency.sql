-- name: claim
-- Takes a key for 30 seconds: a free one, one older than a day, or one whose holder died.
INSERT INTO idempotency_keys AS k (actor, key_hash, request_hash, locked_until)
VALUES ($1, $2, $3, clock_timestamp() + interval '30 seconds')
ON CONFLICT (actor, key_hash) DO UPDATE
SET request_hash = excluded.request_hash, status = NULL, answer = NULL,
    created_at = now(), locked_until = excluded.locked_until
WHERE k.created_at < now() - interval '1 day'
   OR (k.status IS NULL AND k.locked_until < clock_timestamp() AND k.request_hash = excluded.request_hash)
RETURNING locked_until;

-- name: read
-- What is known about a key that somebody else took.
SELECT request_hash, status, answer FROM idempotency_keys WHERE actor = $1 AND key_hash = $2;

-- name: store
-- Keeps the answer, if the key is still held by the request that took it.
UPDATE idempotency_keys SET status = $4, answer = $5
WHERE actor = $1 AND key_hash = $2 AND locked_until = $3 AND status IS NULL
RETURNING true;

-- name: release
-- Gives the key back without an answer: the request failed on our side and may be tried again.
DELETE FROM idempotency_keys WHERE actor = $1 AND key_hash = $2 AND locked_until = $3 AND status IS NULL;

-- name: sweep
-- Removes answers older than a day.
DELETE FROM idempotency_keys WHERE created_at < now() - interval '1 day';

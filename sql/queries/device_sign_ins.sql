-- name: begin
-- A code that somebody types on another device within $9 seconds.
INSERT INTO device_sign_ins (id, provider, purpose, session_id, wants, browser_hash, device_code, interval_s, next_at,
                             expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::integer, now() + make_interval(secs => $8::integer),
        now() + make_interval(secs => $9));

-- name: get
-- One of a browser that has not ended.
SELECT id, provider, purpose, session_id, wants, browser_hash, device_code
FROM device_sign_ins WHERE id = $1 AND browser_hash = $2 AND expires_at > now();

-- name: may_ask
-- The first to come after the interval may ask the provider.
UPDATE device_sign_ins SET next_at = now() + make_interval(secs => interval_s)
WHERE id = $1 AND next_at <= now()
RETURNING id;

-- name: slow_down
-- The provider wants to be asked less often.
UPDATE device_sign_ins SET interval_s = least(60, interval_s + 5), next_at = next_at + interval '5 seconds'
WHERE id = $1;

-- name: end
-- It is over: confirmed, refused or given up.
DELETE FROM device_sign_ins WHERE id = $1 RETURNING id;

-- name: sweep
-- Removes those that nobody confirmed.
DELETE FROM device_sign_ins WHERE expires_at < now();

-- name: begin
-- A new login. The cookie's value is stored as its SHA-256 only.
INSERT INTO sessions (id, user_id, token_hash, csrf_token, user_agent, expires_at, method)
VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $7);

-- name: find
-- The living session behind a cookie: not past its end, used within the idle time.
SELECT s.id, s.user_id, u.display_name, s.csrf_token, s.last_seen_at < now() - interval '1 minute' AS is_stale
FROM sessions AS s JOIN users AS u ON u.id = s.user_id
WHERE s.token_hash = $1 AND s.expires_at > now() AND s.last_seen_at > now() - make_interval(secs => $2);

-- name: alive
-- The user of a session that has not ended.
SELECT s.user_id
FROM sessions AS s
WHERE s.id = $1 AND s.expires_at > now() AND s.last_seen_at > now() - make_interval(secs => $2);

-- name: is_recent
-- Whether a session began within the last $2 seconds.
SELECT EXISTS (SELECT FROM sessions WHERE id = $1 AND created_at > now() - make_interval(secs => $2));

-- name: touch
-- Notes that the session was used, at most once a minute.
UPDATE sessions SET last_seen_at = now() WHERE id = $1 AND last_seen_at < now() - interval '1 minute';

-- name: list_of_user
-- Where a person is logged in, latest first.
SELECT id, method, user_agent, created_at, last_seen_at, expires_at
FROM sessions
WHERE user_id = $1 AND expires_at > now() AND last_seen_at > now() - make_interval(secs => $2)
ORDER BY last_seen_at DESC, id DESC;

-- name: end
-- Logs out one session of a person; answers its id when there was one.
DELETE FROM sessions WHERE id = $1 AND user_id = $2 RETURNING id;

-- name: end_all
-- Logs a person out everywhere but in session $2 (null: everywhere); answers in how many places.
WITH ended AS (DELETE FROM sessions WHERE user_id = $1 AND id IS DISTINCT FROM $2::uuid RETURNING 1)
SELECT count(*) FROM ended;

-- name: end_by_token
-- Logs out the session of a cookie, for a new login in the same browser.
DELETE FROM sessions WHERE token_hash = $1;

-- name: sweep
-- Removes sessions that have ended.
DELETE FROM sessions WHERE expires_at <= now() OR last_seen_at <= now() - make_interval(secs => $1)
RETURNING id, user_id;

-- name: begin
-- Somebody is sent to a provider and may come back within $9 seconds.
INSERT INTO oauth_link_states (state_hash, provider, purpose, session_id, wants, browser_hash, verifier, return_to,
                               expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now() + make_interval(secs => $9));

-- name: take
-- Somebody came back: the first gets what was noted, everybody after gets nothing.
DELETE FROM oauth_link_states WHERE state_hash = $1
RETURNING provider, purpose, session_id, wants, browser_hash, verifier, return_to, expires_at > now() AS is_fresh;

-- name: sweep
-- Removes those from which nobody came back.
DELETE FROM oauth_link_states WHERE expires_at < now();

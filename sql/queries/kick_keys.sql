-- name: shown
-- The API shows this key now; answers whether it is new here.
INSERT INTO kick_keys (fingerprint, pem) VALUES ($1, $2)
ON CONFLICT (fingerprint) DO UPDATE SET served_at = now()
RETURNING xmax = 0;

-- name: all
-- Every key that was ever shown, the newest first; a key is over when another one was accepted more than $1 s ago.
SELECT fingerprint, pem, served_at, accepted_at,
       accepted_at IS NOT NULL AND accepted_at < now() - make_interval(secs => $1) AS is_settled,
       accepted_at IS NOT NULL AND EXISTS (
           SELECT FROM kick_keys AS k
            WHERE k.accepted_at > o.accepted_at AND k.accepted_at < now() - make_interval(secs => $1)) AS is_over
  FROM kick_keys AS o
 ORDER BY coalesce(accepted_at, served_at) DESC, fingerprint;

-- name: accept
-- An operator says that a key is Kick's; answers nothing when it was never shown.
UPDATE kick_keys SET accepted_at = coalesce(accepted_at, now()) WHERE fingerprint = $1 RETURNING fingerprint;

-- name: drop
-- An operator takes it back; answers nothing when it was not accepted.
UPDATE kick_keys SET accepted_at = NULL WHERE fingerprint = $1 AND accepted_at IS NOT NULL RETURNING fingerprint;

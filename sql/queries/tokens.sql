-- name: find
-- The tokens of an account, and how long until it is somebody's turn to refresh them.
SELECT t.auth_provider_id, t.access_token, t.refresh_token IS NOT NULL AS can_refresh, t.scopes, t.version, t.state,
       t.reason, extract(epoch FROM t.expires_at - clock_timestamp())::float8 AS expires_in_s,
       extract(epoch FROM clock_timestamp() - t.issued_at)::float8 AS age_s,
       coalesce(extract(epoch FROM t.rotating_until - clock_timestamp()), 0)::float8 AS rotating_s,
       coalesce(extract(epoch FROM t.try_at - clock_timestamp()), 0)::float8 AS wait_s
  FROM auth_providers AS a JOIN oauth_tokens AS t ON t.auth_provider_id = a.id
 WHERE a.provider = $1 AND a.provider_user_id = $2;

-- name: put
-- The tokens of a sign-in, in place of those there were; answers their version.
INSERT INTO oauth_tokens (auth_provider_id, access_token, refresh_token, scopes, expires_at)
VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
ON CONFLICT (auth_provider_id) DO UPDATE
   SET access_token = excluded.access_token, refresh_token = excluded.refresh_token, scopes = excluded.scopes,
       expires_at = excluded.expires_at, version = oauth_tokens.version + 1, state = 'valid', reason = '',
       rotating_since = NULL, rotating_by = NULL, rotating_until = NULL, failures = 0, try_at = NULL,
       issued_at = clock_timestamp(), validated_at = clock_timestamp(), updated_at = clock_timestamp()
RETURNING version;

-- name: claim
-- The right to refresh this version of the tokens, for so many seconds; nothing while somebody else has it.
WITH free AS (
    SELECT auth_provider_id, refresh_token, rotating_since IS NOT NULL AS is_unclear, failures FROM oauth_tokens
     WHERE auth_provider_id = $1 AND version = $2 AND state = 'valid' AND refresh_token IS NOT NULL
       AND (rotating_until IS NULL OR rotating_until <= clock_timestamp())
       AND (try_at IS NULL OR try_at <= clock_timestamp())
       FOR UPDATE
)
UPDATE oauth_tokens AS t
   SET rotating_by = $3, rotating_until = clock_timestamp() + make_interval(secs => $4),
       rotating_since = coalesce(t.rotating_since, clock_timestamp()), updated_at = clock_timestamp()
  FROM free WHERE t.auth_provider_id = free.auth_provider_id
RETURNING free.refresh_token, free.is_unclear, free.failures;

-- name: save
-- The tokens of a refresh, unless those it began with have been replaced; also when it was given up meanwhile.
UPDATE oauth_tokens
   SET access_token = $3, refresh_token = $4, scopes = $5,
       expires_at = clock_timestamp() + make_interval(secs => $6), version = version + 1, state = 'valid', reason = '',
       rotating_since = NULL, rotating_by = NULL, rotating_until = NULL, failures = 0, try_at = NULL,
       issued_at = clock_timestamp(), validated_at = clock_timestamp(), updated_at = clock_timestamp()
 WHERE auth_provider_id = $1 AND version = $2
RETURNING version;

-- name: postpone
-- The platform did not answer: nobody tries again for so many seconds, and what became of it stays open.
UPDATE oauth_tokens
   SET rotating_by = NULL, rotating_until = NULL, failures = failures + 1,
       try_at = clock_timestamp() + make_interval(secs => $4), updated_at = clock_timestamp()
 WHERE auth_provider_id = $1 AND version = $2 AND rotating_by = $3;

-- name: give_up
-- These tokens are dead and will not come back: the streamer must link again.
UPDATE oauth_tokens
   SET state = 'needs_relink', reason = $4, access_token = NULL, refresh_token = NULL, rotating_since = NULL,
       rotating_by = NULL, rotating_until = NULL, try_at = NULL, updated_at = clock_timestamp()
 WHERE auth_provider_id = $1 AND version = $2 AND rotating_by IS NOT DISTINCT FROM $3::uuid AND state = 'valid';

-- name: due
-- Accounts whose tokens end within so many seconds and may be refreshed now, the most urgent first.
SELECT a.provider, a.provider_user_id, t.version
  FROM oauth_tokens AS t JOIN auth_providers AS a ON a.id = t.auth_provider_id
 WHERE t.state = 'valid' AND t.refresh_token IS NOT NULL AND a.provider = ANY ($3::text[])
   AND t.expires_at < clock_timestamp() + make_interval(secs => $1)
   AND (t.rotating_until IS NULL OR t.rotating_until <= clock_timestamp())
   AND (t.try_at IS NULL OR t.try_at <= clock_timestamp())
 ORDER BY t.expires_at LIMIT $2;

-- name: to_validate
-- Takes tokens that nobody asked the platform about for so many seconds; no other process asks for them now.
WITH old AS (
    SELECT t.auth_provider_id, a.provider, a.provider_user_id
      FROM oauth_tokens AS t JOIN auth_providers AS a ON a.id = t.auth_provider_id
     WHERE t.state = 'valid' AND a.provider = ANY ($3::text[])
       AND t.validated_at < clock_timestamp() - make_interval(secs => $1)
     ORDER BY t.validated_at LIMIT $2
       FOR UPDATE OF t SKIP LOCKED
)
UPDATE oauth_tokens AS t SET validated_at = clock_timestamp() FROM old WHERE t.auth_provider_id = old.auth_provider_id
RETURNING old.provider, old.provider_user_id, t.auth_provider_id, t.access_token, t.version;

-- name: note_scopes
-- What the platform says a token may do.
UPDATE oauth_tokens SET scopes = $3, updated_at = clock_timestamp()
 WHERE auth_provider_id = $1 AND version = $2 AND scopes <> $3;

-- name: standings
-- How the linked accounts of a platform stand, without anything secret.
SELECT a.provider_user_id AS account_id, t.state, t.reason, t.scopes, t.expires_at, t.failures,
       t.expires_at <= now() AS is_over
  FROM auth_providers AS a JOIN oauth_tokens AS t ON t.auth_provider_id = a.id
 WHERE a.provider = $1 AND a.provider_user_id = ANY ($2::text[]);

-- name: find_app
-- The installation's own token at a platform.
SELECT access_token, version, extract(epoch FROM expires_at - clock_timestamp())::float8 AS expires_in_s,
       extract(epoch FROM clock_timestamp() - issued_at)::float8 AS age_s
  FROM app_tokens WHERE provider = $1;

-- name: put_app
-- A fresh token of the installation; an answer that came later than a newer one changes nothing.
INSERT INTO app_tokens (provider, access_token, expires_at)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
ON CONFLICT (provider) DO UPDATE
   SET access_token = excluded.access_token, expires_at = excluded.expires_at, version = app_tokens.version + 1,
       issued_at = clock_timestamp()
 WHERE app_tokens.version = $4
RETURNING version;

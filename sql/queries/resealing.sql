-- name: oauth_tokens_access_token_old
-- Rows after a key whose access_token does not begin with the mark of the newest key; the lowest keys first.
SELECT auth_provider_id AS key, access_token AS sealed FROM oauth_tokens
 WHERE access_token IS NOT NULL AND substr(access_token, 1, octet_length($1::bytea)) <> $1 AND ($2::uuid IS NULL OR auth_provider_id > $2)
 ORDER BY auth_provider_id LIMIT $3;

-- name: oauth_tokens_access_token_put
-- The same secret under the newest key, unless somebody has stored another one meanwhile.
UPDATE oauth_tokens SET access_token = $3 WHERE auth_provider_id = $1 AND access_token = $2;

-- name: oauth_tokens_refresh_token_old
-- Rows after a key whose refresh_token does not begin with the mark of the newest key; the lowest keys first.
SELECT auth_provider_id AS key, refresh_token AS sealed FROM oauth_tokens
 WHERE refresh_token IS NOT NULL AND substr(refresh_token, 1, octet_length($1::bytea)) <> $1 AND ($2::uuid IS NULL OR auth_provider_id > $2)
 ORDER BY auth_provider_id LIMIT $3;

-- name: oauth_tokens_refresh_token_put
-- The same secret under the newest key, unless somebody has stored another one meanwhile.
UPDATE oauth_tokens SET refresh_token = $3 WHERE auth_provider_id = $1 AND refresh_token = $2;

-- name: app_tokens_access_token_old
-- Rows after a key whose access_token does not begin with the mark of the newest key; the lowest keys first.
SELECT provider AS key, access_token AS sealed FROM app_tokens
 WHERE access_token IS NOT NULL AND substr(access_token, 1, octet_length($1::bytea)) <> $1 AND ($2::text IS NULL OR provider > $2)
 ORDER BY provider LIMIT $3;

-- name: app_tokens_access_token_put
-- The same secret under the newest key, unless somebody has stored another one meanwhile.
UPDATE app_tokens SET access_token = $3 WHERE provider = $1 AND access_token = $2;

-- name: vtt_connections_signing_secret_old
-- Rows after a key whose signing_secret does not begin with the mark of the newest key; the lowest keys first.
SELECT id AS key, signing_secret AS sealed FROM vtt_connections
 WHERE signing_secret IS NOT NULL AND substr(signing_secret, 1, octet_length($1::bytea)) <> $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: vtt_connections_signing_secret_put
-- The same secret under the newest key, unless somebody has stored another one meanwhile.
UPDATE vtt_connections SET signing_secret = $3 WHERE id = $1 AND signing_secret = $2;

-- name: vtt_connections_older_signing_secret_old
-- Rows after a key whose older_signing_secret does not begin with the mark of the newest key; the lowest keys first.
SELECT id AS key, older_signing_secret AS sealed FROM vtt_connections
 WHERE older_signing_secret IS NOT NULL AND substr(older_signing_secret, 1, octet_length($1::bytea)) <> $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: vtt_connections_older_signing_secret_put
-- The same secret under the newest key, unless somebody has stored another one meanwhile.
UPDATE vtt_connections SET older_signing_secret = $3 WHERE id = $1 AND older_signing_secret = $2;

-- name: vtt_connections_parked_old
-- Rows after a key whose parked does not begin with the mark of the newest key; the lowest keys first.
SELECT id AS key, parked AS sealed FROM vtt_connections
 WHERE parked IS NOT NULL AND substr(parked, 1, octet_length($1::bytea)) <> $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: vtt_connections_parked_put
-- The same secret under the newest key, unless somebody has stored another one meanwhile.
UPDATE vtt_connections SET parked = $3 WHERE id = $1 AND parked = $2;

-- name: donation_connections_signing_secret_old
-- Rows after a key whose signing_secret does not begin with the mark of the newest key; the lowest keys first.
SELECT id AS key, signing_secret AS sealed FROM donation_connections
 WHERE signing_secret IS NOT NULL AND substr(signing_secret, 1, octet_length($1::bytea)) <> $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: donation_connections_signing_secret_put
-- The same secret under the newest key, unless somebody has stored another one meanwhile.
UPDATE donation_connections SET signing_secret = $3 WHERE id = $1 AND signing_secret = $2;

-- name: donation_connections_older_signing_secret_old
-- Rows after a key whose older_signing_secret does not begin with the mark of the newest key; the lowest keys first.
SELECT id AS key, older_signing_secret AS sealed FROM donation_connections
 WHERE older_signing_secret IS NOT NULL AND substr(older_signing_secret, 1, octet_length($1::bytea)) <> $1 AND ($2::uuid IS NULL OR id > $2)
 ORDER BY id LIMIT $3;

-- name: donation_connections_older_signing_secret_put
-- The same secret under the newest key, unless somebody has stored another one meanwhile.
UPDATE donation_connections SET older_signing_secret = $3 WHERE id = $1 AND older_signing_secret = $2;

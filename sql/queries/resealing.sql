-- name: account_tokens
-- Tokens of accounts that an older key sealed, a few, locked; `$1` is how texts of the newest key begin.
SELECT auth_provider_id, access_token, refresh_token FROM oauth_tokens
 WHERE auth_provider_id > $2
   AND (substr(access_token, 1, octet_length($1::bytea)) <> $1
        OR substr(refresh_token, 1, octet_length($1::bytea)) <> $1)
 ORDER BY auth_provider_id LIMIT $3 FOR UPDATE SKIP LOCKED;

-- name: put_account_tokens
-- The same tokens under the newest key; what the tokens are does not change, nor does their version.
UPDATE oauth_tokens SET access_token = $2, refresh_token = $3 WHERE auth_provider_id = $1;

-- name: app_tokens
-- Tokens of the installation that an older key sealed, locked.
SELECT provider, access_token FROM app_tokens
 WHERE substr(access_token, 1, octet_length($1::bytea)) <> $1 ORDER BY provider FOR UPDATE SKIP LOCKED;

-- name: put_app_token
-- The same token of the installation under the newest key.
UPDATE app_tokens SET access_token = $2 WHERE provider = $1;

-- name: table_secrets
-- Signing secrets of tables that an older key sealed, a few, locked.
SELECT id, signing_secret, older_signing_secret FROM vtt_connections
 WHERE id > $2
   AND (substr(signing_secret, 1, octet_length($1::bytea)) <> $1
        OR substr(older_signing_secret, 1, octet_length($1::bytea)) <> $1)
 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED;

-- name: put_table_secrets
-- The same signing secrets of a table under the newest key.
UPDATE vtt_connections SET signing_secret = $2, older_signing_secret = $3 WHERE id = $1;

-- name: donation_secrets
-- Signing secrets of donation pages that an older key sealed, a few, locked.
SELECT id, signing_secret, older_signing_secret FROM donation_connections
 WHERE id > $2
   AND (substr(signing_secret, 1, octet_length($1::bytea)) <> $1
        OR substr(older_signing_secret, 1, octet_length($1::bytea)) <> $1)
 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED;

-- name: put_donation_secrets
-- The same signing secrets of a donation page under the newest key.
UPDATE donation_connections SET signing_secret = $2, older_signing_secret = $3 WHERE id = $1;

-- name: find
-- Whose account it is.
SELECT id, user_id, provider, provider_user_id, login, display_name, email, created_at, last_login_at
FROM auth_providers WHERE provider = $1 AND provider_user_id = $2;

-- name: list_of_user
-- All accounts of a person.
SELECT id, user_id, provider, provider_user_id, login, display_name, email, created_at, last_login_at
FROM auth_providers WHERE user_id = $1 ORDER BY provider;

-- name: link
-- An account elsewhere by which a person signs in from now on.
INSERT INTO auth_providers (id, user_id, provider, provider_user_id, login, display_name, email)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: note_login
-- Somebody came in by it; names elsewhere change.
UPDATE auth_providers
SET last_login_at = now(), login = $2, display_name = $3, email = coalesce($4, email), updated_at = now()
WHERE id = $1;

-- name: unlink
-- Takes an account from its person; tokens go with the row.
DELETE FROM auth_providers WHERE user_id = $1 AND provider = $2
RETURNING id, user_id, provider, provider_user_id, login, display_name, email, created_at, last_login_at;

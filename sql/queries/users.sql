-- name: make_owner
-- The person who holds the terminal link; nothing happens when there is one.
INSERT INTO users (id, display_name, is_owner) VALUES ($1, $2, true) ON CONFLICT DO NOTHING;

-- name: owner
-- The person who holds the terminal link.
SELECT id, display_name FROM users WHERE is_owner;

-- name: get
-- One person.
SELECT id, display_name FROM users WHERE id = $1;

-- name: create
-- Somebody new; an address is proven or absent.
INSERT INTO users (id, display_name, email, email_verified_at)
VALUES ($1, $2, $3::text, CASE WHEN $3::text IS NOT NULL THEN now() END);

-- name: account
-- The account of somebody who has not left.
SELECT id, display_name, email, password_hash IS NOT NULL AS has_password, is_owner, created_at
FROM users WHERE id = $1 AND erased_at IS NULL;

-- name: hold
-- The account, and the right to change how its person signs in, until the transaction ends.
SELECT id, display_name, email, password_hash IS NOT NULL AS has_password, is_owner, created_at
FROM users WHERE id = $1 AND erased_at IS NULL
FOR NO KEY UPDATE;

-- name: by_email
-- Whose address it is.
SELECT id, password_hash FROM users WHERE email = $1;

-- name: credential
-- The hash that a person's password is compared with.
SELECT id, password_hash FROM users WHERE id = $1 AND erased_at IS NULL;

-- name: rename
-- Another name for people.
UPDATE users SET display_name = $2, updated_at = now() WHERE id = $1 AND erased_at IS NULL;

-- name: prove_email
-- The person could read mail to this address.
UPDATE users SET email = $2, email_verified_at = now(), updated_at = now() WHERE id = $1 AND erased_at IS NULL;

-- name: set_password
-- Sign-in by address and password from now on.
UPDATE users SET password_hash = $2, updated_at = now() WHERE id = $1 AND erased_at IS NULL;

-- name: erase
-- The row stays for what refers to it, and names nobody any more.
UPDATE users
SET display_name = 'Somebody who left', email = NULL, email_verified_at = NULL, password_hash = NULL,
    erased_at = now(), updated_at = now()
WHERE id = $1 AND erased_at IS NULL;

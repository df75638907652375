-- name: make_owner
-- The person who holds the terminal link; nothing happens when there is one.
INSERT INTO users (id, display_name, is_owner) VALUES ($1, $2, true) ON CONFLICT DO NOTHING;

-- name: owner
-- The person who holds the terminal link.
SELECT id, display_name FROM users WHERE is_owner;

-- name: get
-- One person.
SELECT id, display_name FROM users WHERE id = $1;

-- name: get
-- One setting of the installation.
SELECT value FROM settings WHERE key = $1;

-- name: put
-- Sets one setting of the installation.
INSERT INTO settings (key, value) VALUES ($1, $2)
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now();

-- name: create
-- A named browser source; the key itself is not stored.
INSERT INTO overlay_configs (id, campaign_id, name, key_hash, key_version, layout)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING id, campaign_id, name, key_hash, key_version, layout, created_at;

-- name: list_of_campaign
-- The overlays of a campaign, oldest first.
SELECT id, campaign_id, name, key_hash, key_version, layout, created_at
FROM overlay_configs WHERE campaign_id = $1 ORDER BY id;

-- name: get
-- One overlay within the scope.
SELECT id, campaign_id, name, key_hash, key_version, layout, created_at
FROM overlay_configs WHERE id = $1 AND campaign_id = ANY($2::uuid[]);

-- name: lock
-- One overlay within the scope, held until the transaction ends, so that two rotations follow each other.
SELECT id, campaign_id, name, key_hash, key_version, layout, created_at
FROM overlay_configs WHERE id = $1 AND campaign_id = ANY($2::uuid[]) FOR UPDATE;

-- name: update
-- Renames or lays out anew.
UPDATE overlay_configs SET name = $3, layout = $4, updated_at = now()
WHERE id = $1 AND campaign_id = $2
RETURNING id, campaign_id, name, key_hash, key_version, layout, created_at;

-- name: rotate
-- A new key: the old one is dead from this commit on.
UPDATE overlay_configs SET key_hash = $3, key_version = $4, updated_at = now()
WHERE id = $1 AND campaign_id = $2
RETURNING id, campaign_id, name, key_hash, key_version, layout, created_at;

-- name: delete
-- Removes an overlay and with it its key.
DELETE FROM overlay_configs WHERE id = $1 AND campaign_id = $2;

-- name: open_sources
-- The browser sources that are open now: heard of within 15 seconds.
SELECT s.overlay_id, s.name, s.obs, s.width, s.height, s.connected_at, s.seen_at
FROM overlay_sources AS s JOIN overlay_configs AS o ON o.id = s.overlay_id
WHERE o.campaign_id = $1 AND s.seen_at > now() - interval '15 seconds'
ORDER BY s.connected_at, s.connection;

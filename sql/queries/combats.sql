-- name: get
-- The fight of a campaign, unless nothing was heard of it for so many seconds.
SELECT combat, connection_id, updated_at, concealments FROM combats
WHERE campaign_id = $1 AND updated_at > clock_timestamp() - make_interval(secs => $2);

-- name: save
-- The fight in place of the one before.
INSERT INTO combats (campaign_id, connection_id, combat_id, combat, updated_at, concealments)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (campaign_id) DO UPDATE
SET connection_id = excluded.connection_id, combat_id = excluded.combat_id, combat = excluded.combat,
    updated_at = excluded.updated_at, concealments = excluded.concealments;

-- name: delete
-- The fight is over.
DELETE FROM combats WHERE campaign_id = $1;

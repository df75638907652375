-- name: create
-- A show. Its head and its owner's membership are made in the same transaction.
INSERT INTO campaigns (id, owner_id, name, description, is_demo) VALUES ($1, $2, $3, $4, $5)
RETURNING id, name, description, is_demo, created_at;

-- name: create_owner_membership
-- The owner takes part from the start, without an invitation.
INSERT INTO campaign_memberships (id, campaign_id, user_id, role, accepted_at) VALUES ($1, $2, $3, 'owner', now());

-- name: scope
-- The campaigns in which a person may run the show, but for $2; every other query is narrowed to these ids.
SELECT c.id
FROM campaigns AS c
WHERE c.id <> $2
  AND (c.owner_id = $1
       OR EXISTS (SELECT 1 FROM users AS u WHERE u.id = $1 AND u.is_owner)
       OR EXISTS (SELECT 1 FROM campaign_memberships AS m
                  WHERE m.campaign_id = c.id AND m.user_id = $1 AND m.status = 'active'
                    AND m.role IN ('owner', 'game_master')));

-- name: list_page
-- Campaigns of the scope, newest first, after a cursor.
SELECT id, name, description, is_demo, created_at
FROM campaigns
WHERE id = ANY($1::uuid[]) AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: get
-- One campaign of the scope.
SELECT id, name, description, is_demo, created_at FROM campaigns WHERE id = $1 AND id = ANY($2::uuid[]);

-- name: update
-- Renames or describes; NULL leaves a field as it is.
UPDATE campaigns
SET name = coalesce($3, name), description = coalesce($4, description), updated_at = now()
WHERE id = $1 AND id = ANY($2::uuid[])
RETURNING id, name, description, is_demo, created_at;

-- name: demo
-- The campaign that the first start made, if there is one.
SELECT id, name, description, is_demo, created_at FROM campaigns WHERE is_demo;

-- name: raise_token_version
-- Tells every process within a second that keys, logins or layouts must be looked at anew.
-- The rows are locked in the order of their ids: two requests can wait for each other, never both.
WITH held AS (
    SELECT campaign_id FROM campaign_heads
    WHERE campaign_id = ANY($1::uuid[]) ORDER BY campaign_id FOR UPDATE
)
UPDATE campaign_heads SET token_version = token_version + 1
FROM held WHERE campaign_heads.campaign_id = held.campaign_id;

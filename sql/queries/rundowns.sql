-- name: create
-- Several polls prepared to be launched in turn.
INSERT INTO poll_sessions (id, campaign_id, name) VALUES ($1, $2, $3)
RETURNING id, campaign_id, name, created_at;

-- name: list_of_campaign
-- The rundowns of a campaign, newest first, after a cursor.
SELECT id, campaign_id, name, created_at FROM poll_sessions
WHERE campaign_id = $1 AND ($2::uuid IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3;

-- name: get
-- One rundown within the scope.
SELECT id, campaign_id, name, created_at FROM poll_sessions WHERE id = $1 AND campaign_id = ANY($2::uuid[]);

-- name: lock
-- One rundown within the scope, held until the transaction ends: two orders follow each other.
SELECT id, campaign_id, name, created_at FROM poll_sessions
WHERE id = $1 AND campaign_id = ANY($2::uuid[]) FOR UPDATE;

-- name: rename
-- Gives a rundown another name.
UPDATE poll_sessions SET name = $3, updated_at = now() WHERE id = $1 AND campaign_id = $2;

-- name: delete
-- Removes the rundown; its polls stay as loose drafts.
DELETE FROM poll_sessions WHERE id = $1 AND campaign_id = ANY($2::uuid[]) RETURNING campaign_id;

-- name: definitions
-- The definition behind each of these polls, within one campaign.
SELECT id, poll_id FROM poll_instances WHERE campaign_id = $1 AND id = ANY($2::uuid[]) AND poll_id IS NOT NULL;

-- name: definitions_in_order
-- The definitions of a rundown as they stand; those asked long ago keep their places, which nobody sees.
SELECT d.id FROM polls AS d
WHERE d.session_id = $1 AND d.campaign_id = $2
  AND (d.last_launched_at IS NULL OR d.last_launched_at > clock_timestamp() - interval '24 hours'
       OR EXISTS (SELECT FROM poll_instances AS i
                  WHERE i.poll_id = d.id AND i.state IN ('draft', 'open', 'closing')))
ORDER BY d.order_index, d.id;

-- name: place
-- Puts definitions into a rundown in the order of the array.
UPDATE polls SET session_id = $1, order_index = wanted.place, updated_at = now()
FROM unnest($3::uuid[]) WITH ORDINALITY AS wanted (poll_id, place)
WHERE polls.id = wanted.poll_id AND polls.campaign_id = $2;

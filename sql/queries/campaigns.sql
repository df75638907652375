-- name: create
-- A show. Its head and its owner's membership are made in the same transaction.
INSERT INTO campaigns (id, owner_id, name, description, is_demo) VALUES ($1, $2, $3, $4, $5)
RETURNING id, name, description, is_demo, created_at;

-- name: create_owner_membership
-- The owner takes part from the start, without an invitation.
INSERT INTO campaign_memberships (id, campaign_id, user_id, role, accepted_at) VALUES ($1, $2, $3, 'owner', now());

-- name: of_thing
-- The campaign of whatever has this id; asked only to say why something was refused.
SELECT id FROM campaigns WHERE id = $1
UNION ALL SELECT campaign_id FROM campaign_memberships WHERE id = $1
UNION ALL SELECT campaign_id FROM channels WHERE id = $1
UNION ALL SELECT campaign_id FROM overlay_configs WHERE id = $1
UNION ALL SELECT campaign_id FROM poll_instances WHERE id = $1
UNION ALL SELECT campaign_id FROM poll_templates WHERE id = $1
UNION ALL SELECT campaign_id FROM poll_sessions WHERE id = $1
UNION ALL SELECT campaign_id FROM characters WHERE id = $1
UNION ALL SELECT campaign_id FROM dice_rolls WHERE id = $1
UNION ALL SELECT campaign_id FROM campaign_criticality_rules WHERE id = $1
UNION ALL SELECT campaign_id FROM campaign_item_category_rules WHERE id = $1
UNION ALL SELECT campaign_id FROM vtt_connections WHERE id = $1
UNION ALL SELECT campaign_id FROM channel_rewards WHERE id = $1
UNION ALL SELECT campaign_id FROM redemptions WHERE id = $1
UNION ALL SELECT campaign_id FROM donation_connections WHERE id = $1
UNION ALL SELECT campaign_id FROM outbox WHERE id = $1
LIMIT 1;

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

-- name: name_of
-- What must be typed to delete it; nothing when it is being deleted already.
SELECT name FROM campaigns WHERE id = $1 AND deleted_at IS NULL;

-- name: mark_deleted
-- It is nobody's from now on; the rest goes piece by piece (see purge).
UPDATE campaigns SET deleted_at = now(), is_demo = false, updated_at = now() WHERE id = $1;

-- name: let_tables_go
-- Its tables are told that it was deleted, by their own way.
UPDATE vtt_connections SET campaign_id = NULL, updated_at = now() WHERE campaign_id = $1;

-- name: drop_overlays
-- Its links are dead.
DELETE FROM overlay_configs WHERE campaign_id = $1;

-- name: drop_channels
-- Nothing of its chats is read any more.
DELETE FROM channels WHERE campaign_id = $1;

-- name: drop_deadlines
-- Time does nothing to it any more.
DELETE FROM deadlines WHERE campaign_id = $1;

-- name: drop_invitations
-- Nobody is invited any more.
DELETE FROM campaign_memberships WHERE campaign_id = $1 AND status = 'pending';

-- name: purge_next
-- A deleted show that owes platforms nothing, or that has waited long enough; the row is the lock of who purges.
SELECT c.id FROM campaigns AS c
 WHERE c.deleted_at IS NOT NULL
   AND (c.deleted_at < now() - make_interval(secs => $1)
        OR NOT EXISTS (SELECT FROM outbox AS o
                        WHERE o.campaign_id = c.id AND o.state IN ('pending', 'leased')))
 ORDER BY c.deleted_at LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: purge_ledgers
-- Some rows of its ledgers, which go with it and with nothing else; answers whether there were any.
WITH piece AS (
    SELECT l.poll_instance_id, l.n FROM poll_vote_ledger AS l
    JOIN poll_instances AS p ON p.id = l.poll_instance_id WHERE p.campaign_id = $1 LIMIT $2
), gone AS (
    DELETE FROM poll_vote_ledger AS l USING piece
     WHERE l.poll_instance_id = piece.poll_instance_id AND l.n = piece.n RETURNING 1
)
SELECT EXISTS (SELECT FROM gone);

-- name: purge_votes
-- Some of its votes; answers whether there were any.
WITH piece AS (
    SELECT v.poll_instance_id, v.platform, v.ballot FROM poll_votes AS v
    JOIN poll_instances AS p ON p.id = v.poll_instance_id WHERE p.campaign_id = $1 LIMIT $2
), gone AS (
    DELETE FROM poll_votes AS v USING piece
     WHERE (v.poll_instance_id, v.platform, v.ballot) = (piece.poll_instance_id, piece.platform, piece.ballot)
    RETURNING 1
)
SELECT EXISTS (SELECT FROM gone);

-- name: purge_inbox
-- Some of what it remembers of messages; answers whether there was any.
WITH gone AS (
    DELETE FROM inbox WHERE ctid IN (SELECT ctid FROM inbox WHERE campaign_id = $1 LIMIT $2) RETURNING 1
)
SELECT EXISTS (SELECT FROM gone);

-- name: purge_rolls
-- Some of its rolls; answers whether there were any.
WITH gone AS (
    DELETE FROM dice_rolls WHERE id IN (SELECT id FROM dice_rolls WHERE campaign_id = $1 LIMIT $2) RETURNING 1
)
SELECT EXISTS (SELECT FROM gone);

-- name: purge_events
-- Some of its frames; answers whether there were any.
WITH gone AS (
    DELETE FROM board_events
     WHERE campaign_id = $1 AND seq IN (SELECT seq FROM board_events WHERE campaign_id = $1 LIMIT $2)
    RETURNING 1
)
SELECT EXISTS (SELECT FROM gone);

-- name: purge
-- The show itself, with what is left of it.
DELETE FROM campaigns WHERE id = $1 AND deleted_at IS NOT NULL;

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

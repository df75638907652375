-- name: create_definition
-- A definition: what is asked, with its place in a rundown.
INSERT INTO polls (id, campaign_id, session_id, order_index, question, options, duration_s, settings)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: next_order
-- Where a new definition goes in its rundown: behind all others.
SELECT coalesce(max(order_index) + 1, 0)::integer FROM polls
WHERE campaign_id = $1 AND session_id IS NOT DISTINCT FROM $2;

-- name: update_definition
-- Edits a definition; launches of before keep their own copy.
UPDATE polls SET session_id = $3, order_index = $4, question = $5, options = $6, duration_s = $7, settings = $8,
    updated_at = now()
WHERE id = $1 AND campaign_id = $2;

-- name: delete_definition
-- Removes a definition; its launches stay.
DELETE FROM polls WHERE id = $1 AND campaign_id = $2;

-- name: create_instance
-- A draft of a launch.
INSERT INTO poll_instances (id, campaign_id, poll_id, question, options, duration_s, rule, changeable, tie, secret,
    words, weighting, cap_percent, grace_s, hold_s, auto_reveal_s, native, points_per_vote)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18);

-- name: update_draft
-- Edits a draft.
UPDATE poll_instances SET question = $3, options = $4, duration_s = $5, rule = $6, changeable = $7, tie = $8,
    secret = $9, words = $10, weighting = $11, cap_percent = $12, grace_s = $13, hold_s = $14, auto_reveal_s = $15,
    native = $16, points_per_vote = $17, updated_at = now()
WHERE id = $1 AND campaign_id = $2 AND state = 'draft'
RETURNING poll_id;

-- name: delete_draft
-- Removes a draft.
DELETE FROM poll_instances WHERE id = $1 AND campaign_id = $2 AND state = 'draft' RETURNING poll_id;

-- name: other_launches
-- How many launches a definition has.
SELECT count(*) FROM poll_instances WHERE poll_id = $1;

-- name: get
-- One launch with its place in a rundown.
SELECT i.*, d.session_id, d.order_index FROM poll_instances AS i LEFT JOIN polls AS d ON d.id = i.poll_id
WHERE i.id = $1;

-- name: page
-- Launches of a campaign, newest first, by states and rundown.
SELECT i.*, d.session_id, d.order_index FROM poll_instances AS i LEFT JOIN polls AS d ON d.id = i.poll_id
WHERE i.campaign_id = $1 AND i.state = ANY ($2::text[]) AND ($3::uuid IS NULL OR d.session_id = $3)
  AND ($4::uuid IS NULL OR i.id < $4)
ORDER BY i.id DESC LIMIT $5;

-- name: drafts
-- Drafts in the order in which they are to be launched.
SELECT i.*, d.session_id, d.order_index FROM poll_instances AS i JOIN polls AS d ON d.id = i.poll_id
WHERE i.campaign_id = $1 AND i.state = 'draft' AND ($2::uuid IS NULL OR d.session_id = $2)
ORDER BY d.session_id NULLS FIRST, d.order_index, i.id;

-- name: of_rundown
-- A rundown in order: every draft, what runs, and of past launches the latest 50 of the last 24 hours.
SELECT * FROM (
    SELECT i.*, d.session_id, d.order_index FROM polls AS d JOIN poll_instances AS i ON i.poll_id = d.id
    WHERE d.campaign_id = $1 AND d.session_id = $2 AND i.state IN ('draft', 'open', 'closing')
    UNION ALL
    (SELECT i.*, d.session_id, d.order_index FROM polls AS d JOIN poll_instances AS i ON i.poll_id = d.id
     WHERE d.campaign_id = $1 AND d.session_id = $2 AND i.state IN ('closed', 'revealed', 'cancelled')
       AND i.opens_at > clock_timestamp() - interval '24 hours'
     ORDER BY i.opens_at DESC LIMIT 50)
) AS standing
ORDER BY order_index, id;

-- name: running
-- The poll that takes votes now, or one cancelled so recently that it may come back.
SELECT i.*, NULL::uuid AS session_id, NULL::integer AS order_index FROM poll_instances AS i
WHERE i.campaign_id = $1
  AND (i.state IN ('open', 'closing')
       OR i.state = 'cancelled' AND i.phase_at > clock_timestamp() - make_interval(secs => $2))
ORDER BY i.state IN ('open', 'closing') DESC, i.phase_at DESC LIMIT 1;

-- name: simulated
-- Rehearsals that want a crowd, with the simulated channel that sends it; the probe's votes are its own.
SELECT i.id, i.campaign_id, i.options, i.words, i.opens_at, i.closes_at, l.channel_id
FROM poll_instances AS i
JOIN poll_channel_links AS l ON l.poll_instance_id = i.id AND l.channel_id IS NOT NULL
WHERE i.state = 'open' AND i.simulated AND i.campaign_id <> $1
ORDER BY i.id, l.slot;

-- name: save
-- Writes what a command, a deadline or a batch changed.
UPDATE poll_instances SET state = $3, grace_s = $4, simulated = $5, opens_at = $6, closes_at = $7, phase_at = $8,
    pauses = $9, on_screen = $10, cancelled_from = $11, tied = $12, winner = $13, seed = $14, voter_key = $15,
    ledger_rows = $16, ledger_head = $17, updated_at = now()
WHERE id = $1 AND campaign_id = $2;

-- name: save_ledger_position
-- Writes how far the ledger has come.
UPDATE poll_instances SET ledger_rows = $2, ledger_head = $3 WHERE id = $1;

-- name: mark_launched
-- Notes on the definition that it was used.
UPDATE polls SET last_launched_at = $2 FROM poll_instances AS i WHERE i.id = $1 AND polls.id = i.poll_id;

-- name: seat
-- Fixes which channels a launch counts.
INSERT INTO poll_channel_links (poll_instance_id, slot, channel_id, platform, login, counts)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: seats
-- The channels that launches count.
SELECT poll_instance_id, slot, channel_id, platform, login, counts FROM poll_channel_links
WHERE poll_instance_id = ANY ($1::uuid[]) ORDER BY poll_instance_id, slot;

-- name: results_of
-- The running totals of several launches.
SELECT poll_instance_id, slot, choice, votes FROM poll_results WHERE poll_instance_id = ANY ($1::uuid[]);

-- name: on_screen
-- Results of earlier polls that are still on stream.
SELECT i.*, NULL::uuid AS session_id, NULL::integer AS order_index FROM poll_instances AS i
WHERE i.campaign_id = $1 AND i.on_screen AND i.id <> $2 ORDER BY i.id;

-- name: rules_of_definition
-- The settings as they were written down, before a launch filled in defaults.
SELECT settings FROM polls WHERE id = $1;

-- name: move_to_end
-- Puts the definition of a poll behind all others of its rundown.
UPDATE polls AS d SET order_index = (
    SELECT max(o.order_index) + 1 FROM polls AS o
    WHERE o.campaign_id = d.campaign_id AND o.session_id IS NOT DISTINCT FROM d.session_id)
FROM poll_instances AS i
WHERE i.id = $1 AND i.poll_id = d.id AND d.campaign_id = $2;

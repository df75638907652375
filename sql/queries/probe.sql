-- name: create_campaign
-- The probe's own show; nothing happens when it is there.
INSERT INTO campaigns (id, owner_id, name, description)
VALUES ($1, $2, 'Probe', 'The built-in probe''s own show; in no list.')
ON CONFLICT (id) DO NOTHING;

-- name: create_head
-- Its head.
INSERT INTO campaign_heads (campaign_id, epoch) VALUES ($1, $2) ON CONFLICT (campaign_id) DO NOTHING;

-- name: create_channel
-- The channel that the probe's voter writes in.
INSERT INTO channels (id, campaign_id, platform, login, channel_id, source)
VALUES ($1, $2, 'custom', 'probe', 'probe', 'simulated')
ON CONFLICT DO NOTHING;

-- name: create_overlay
-- The overlay that watches; its key follows the installation's secret.
INSERT INTO overlay_configs (id, campaign_id, name, key_hash, key_version, layout)
VALUES ($1, $2, 'Probe', $3, 1, '{}')
ON CONFLICT (id) DO UPDATE SET key_hash = excluded.key_hash, updated_at = now()
WHERE overlay_configs.key_hash <> excluded.key_hash;

-- name: forget_lines
-- The voter's old lines: nothing that came so long ago comes again.
DELETE FROM inbox WHERE campaign_id = $1 AND received_at < now() - make_interval(secs => $2);

-- name: number_of
-- Which row of a poll's ledger a line has become; none: it did not count.
SELECT n FROM poll_vote_ledger WHERE poll_instance_id = $1 AND message_id = $2;

-- name: stored
-- What a poll has: votes that count, and rows of its ledger.
SELECT (SELECT count(*) FROM poll_votes WHERE poll_instance_id = $1) AS votes,
       (SELECT count(*) FROM poll_vote_ledger WHERE poll_instance_id = $1) AS ledger_rows;

-- name: old_polls
-- Polls of the probe that are over; another process that is forgetting them has them for itself.
SELECT id FROM poll_instances
WHERE campaign_id = $1 AND NOT on_screen AND state IN ('closed', 'revealed', 'cancelled')
  AND phase_at < now() - make_interval(secs => $2)
FOR UPDATE SKIP LOCKED;

-- name: forget_ledgers
-- The ledgers of old polls: the database lets no other show's go (migration 0008).
DELETE FROM poll_vote_ledger WHERE poll_instance_id = ANY($1::uuid[]);

-- name: forget_polls
-- Old polls, with their votes, seats and totals.
DELETE FROM poll_instances WHERE id = ANY($1::uuid[]);

-- name: forget_definitions
-- What was asked in polls that are gone.
DELETE FROM polls AS d WHERE d.campaign_id = $1 AND NOT EXISTS (SELECT FROM poll_instances AS i WHERE i.poll_id = d.id);

-- name: forget_deadlines
-- What time was to do to them.
DELETE FROM deadlines WHERE board_id = ANY($1::uuid[]);

-- name: forget_steps
-- The old steps of the probe's boards.
DELETE FROM board_events WHERE campaign_id = $1 AND at < now() - make_interval(secs => $2);

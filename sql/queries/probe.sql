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
VALUES ($1, $2, 'custom', 'probe', 'probe', 'api')
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

-- name: forget_steps
-- The old steps of the probe's board.
DELETE FROM board_events WHERE campaign_id = $1 AND at < now() - make_interval(secs => $2);

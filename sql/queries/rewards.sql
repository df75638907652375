-- name: create
-- A reward that a campaign wants on a channel; a simulated channel has it at once.
INSERT INTO channel_rewards (id, campaign_id, platform, channel_id, title, cost, prompt, color, asks_input, max_per_stream,
                             max_per_viewer, cooldown_s, simulated, synced_revision, platform_reward_id)
SELECT $1, $2, c.platform, c.channel_id, $4, $5, $6, $7, $8, $9, $10, $11, c.source = 'simulated',
       CASE WHEN c.source = 'simulated' THEN 1 ELSE 0 END, CASE WHEN c.source = 'simulated' THEN $1::uuid::text END
  FROM channels AS c WHERE c.id = $3 AND c.campaign_id = $2
RETURNING id;

-- name: adopt
-- A reward of ours that no campaign knew becomes this one's, as the platform has it.
WITH found AS (
    DELETE FROM orphaned_rewards AS o
     WHERE o.platform = $3 AND o.channel_id = $4 AND o.platform_reward_id = $5
       AND EXISTS (SELECT FROM channels AS c
                    WHERE c.campaign_id = $2 AND c.platform = o.platform AND c.channel_id = o.channel_id)
    RETURNING o.title, o.cost
)
INSERT INTO channel_rewards (id, campaign_id, platform, channel_id, platform_reward_id, title, cost)
SELECT $1, $2, $3, $4, $5, left(title, 45), greatest(cost, 1) FROM found
RETURNING id;

-- name: change
-- What is wanted of a reward from now on, if anything of it changes: a new revision.
UPDATE channel_rewards
   SET title = $2, cost = $3, prompt = $4, color = $5, asks_input = $6, max_per_stream = $7, max_per_viewer = $8,
       cooldown_s = $9, wanted = $10, revision = revision + 1,
       synced_revision = CASE WHEN simulated THEN revision + 1 ELSE synced_revision END, updated_at = now()
 WHERE id = $1
   AND (title, cost, prompt, color, asks_input, max_per_stream, max_per_viewer, cooldown_s, wanted)
       IS DISTINCT FROM ($2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING revision;

-- name: sent_by
-- What brings the latest revision to the platform.
UPDATE channel_rewards SET outbox_id = $2 WHERE id = $1;

-- name: find
-- A reward, whatever campaign has it.
SELECT id, campaign_id, platform, channel_id, platform_reward_id, title, cost, prompt, color, asks_input, max_per_stream,
       max_per_viewer, cooldown_s, wanted, revision, synced_revision, simulated
  FROM channel_rewards WHERE id = $1;

-- name: lock
-- A reward within the scope, taken until the end of the transaction.
SELECT id, campaign_id, platform, channel_id, platform_reward_id, title, cost, prompt, color, asks_input, max_per_stream,
       max_per_viewer, cooldown_s, wanted, revision, synced_revision, simulated
  FROM channel_rewards WHERE id = $1 AND campaign_id = ANY ($2::uuid[]) FOR UPDATE;

-- name: list_of_campaign
-- The rewards of a campaign, oldest first, and how far each has come; deleted ones only until they are gone.
SELECT w.id, w.campaign_id, w.platform, w.channel_id, w.platform_reward_id, w.title, w.cost, w.prompt, w.color,
       w.asks_input, w.max_per_stream, w.max_per_viewer, w.cooldown_s, w.wanted, w.revision, w.synced_revision,
       w.simulated, w.outbox_id, coalesce(o.state, '') AS delivery, coalesce(o.last_error, '') AS trouble,
       (SELECT count(*) FROM redemptions AS r
         WHERE r.campaign_id = w.campaign_id AND r.platform = w.platform AND r.channel_id = w.channel_id
           AND r.reward_id = w.platform_reward_id AND r.decision = 'none' AND r.status = 'unfulfilled')
       AS open_redemptions
  FROM channel_rewards AS w LEFT JOIN outbox AS o ON o.id = w.outbox_id
 WHERE w.campaign_id = $1 AND (w.wanted <> 'deleted' OR w.synced_revision < w.revision)
   AND ($2::uuid IS NULL OR w.id = $2)
 ORDER BY w.id;

-- name: known
-- The platform's ids of rewards of a channel that some campaign has.
SELECT platform_reward_id FROM channel_rewards
 WHERE platform = $1 AND channel_id = $2 AND platform_reward_id IS NOT NULL;

-- name: synced
-- The platform has this revision, under this id.
UPDATE channel_rewards SET platform_reward_id = $2, synced_revision = greatest(synced_revision, $3), updated_at = now()
 WHERE id = $1;

-- name: lost
-- The platform has it no more, although nobody here deleted it.
UPDATE channel_rewards SET platform_reward_id = NULL, synced_revision = 0, updated_at = now()
 WHERE id = $1 AND platform_reward_id = $2;

-- name: on_channel
-- Rewards that a campaign has on a channel.
SELECT id FROM channel_rewards
 WHERE campaign_id = $1 AND platform = $2 AND channel_id = $3 AND wanted <> 'deleted' ORDER BY id;

-- name: to_check
-- Takes channels whose rewards nobody compared for so many seconds and whose owner has linked the account.
WITH due AS (
    SELECT DISTINCT c.platform, c.channel_id FROM channels AS c
      JOIN auth_providers AS a ON a.provider = c.platform AND a.provider_user_id = c.channel_id
      JOIN oauth_tokens AS t ON t.auth_provider_id = a.id AND t.state = 'valid'
     WHERE c.platform = ANY ($3::text[]) AND c.source <> 'simulated'
       AND (t.scopes && ARRAY['channel:manage:redemptions', 'channel:rewards:write', 'channel:rewards:read'])
)
INSERT INTO reward_checks AS k (platform, channel_id, checked_at)
SELECT d.platform, d.channel_id, now() FROM due AS d
 WHERE NOT EXISTS (SELECT FROM reward_checks AS e WHERE e.platform = d.platform AND e.channel_id = d.channel_id
                      AND e.checked_at > now() - make_interval(secs => $1))
 ORDER BY d.platform, d.channel_id LIMIT $2
ON CONFLICT (platform, channel_id) DO UPDATE SET checked_at = now()
 WHERE k.checked_at <= now() - make_interval(secs => $1)
RETURNING platform, channel_id;

-- name: put_orphan
-- A reward on a channel that was made by us and that no campaign knows.
INSERT INTO orphaned_rewards (platform, channel_id, platform_reward_id, title, cost)
SELECT $1, $2, $3, $4, $5
 WHERE NOT EXISTS (SELECT FROM channel_rewards
                    WHERE platform = $1 AND channel_id = $2 AND platform_reward_id = $3)
ON CONFLICT (platform, channel_id, platform_reward_id) DO UPDATE SET title = excluded.title, cost = excluded.cost;

-- name: forget_orphan
-- An orphan that is gone.
DELETE FROM orphaned_rewards WHERE platform = $1 AND channel_id = $2 AND platform_reward_id = $3;

-- name: keep_orphans
-- Of the orphans of a channel those remain that the platform has still.
DELETE FROM orphaned_rewards WHERE platform = $1 AND channel_id = $2 AND platform_reward_id <> ALL ($3::text[]);

-- name: missing
-- Rewards that the platform should have for longer than a moment and that are not among these.
SELECT id, platform_reward_id FROM channel_rewards
 WHERE platform = $1 AND channel_id = $2 AND NOT simulated AND wanted <> 'deleted' AND platform_reward_id <> ALL ($3::text[])
   AND synced_revision = revision AND updated_at < now() - interval '1 minute';

-- name: orphans
-- Rewards without a campaign on the channels of one.
SELECT o.platform, o.channel_id, o.platform_reward_id, o.title, o.cost, o.found_at, c.login
  FROM orphaned_rewards AS o
  JOIN channels AS c ON c.platform = o.platform AND c.channel_id = o.channel_id
 WHERE c.campaign_id = $1 ORDER BY o.found_at, o.platform_reward_id;

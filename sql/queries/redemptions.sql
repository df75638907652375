-- name: take_in
-- A redemption as it is told; of one that is known only the status may change, and only to a final one.
INSERT INTO redemptions AS r (id, campaign_id, platform, channel_id, redemption_id, reward_id, reward_title, cost, user_id,
                              user_login, user_name, user_input, status, redeemed_at, simulated)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
        EXISTS (SELECT FROM channels WHERE campaign_id = $2 AND platform = $3 AND channel_id = $4
                   AND source = 'simulated'))
ON CONFLICT (campaign_id, platform, redemption_id) DO UPDATE SET status = excluded.status, updated_at = now()
 WHERE r.status = 'unfulfilled' AND excluded.status <> 'unfulfilled';

-- name: lock
-- Redemptions that are about to be decided, in one order for everybody, and whether their rewards are ours.
SELECT r.id, r.platform, r.channel_id, r.redemption_id, r.reward_id, r.reward_title, r.cost, r.user_name, r.status,
       r.decision, r.settlement, r.simulated,
       EXISTS (SELECT FROM channel_rewards AS w
                WHERE w.platform = r.platform AND w.channel_id = r.channel_id AND w.platform_reward_id = r.reward_id)
       AS is_ours
  FROM redemptions AS r
 WHERE r.campaign_id = $1 AND r.id = ANY ($2::uuid[])
 ORDER BY r.id FOR UPDATE OF r;

-- name: decide
-- What we decided, why, and what tells the platform of it.
UPDATE redemptions
   SET decision = $2, settlement = $3, status = $4, reason = $5, outbox_id = $6, decided_at = now(), updated_at = now()
 WHERE id = $1;

-- name: open_of_reward
-- Redemptions of a reward that nobody has decided, oldest first.
SELECT id FROM redemptions
 WHERE campaign_id = $1 AND platform = $2 AND channel_id = $3 AND reward_id = $4
   AND decision = 'none' AND status = 'unfulfilled'
 ORDER BY id LIMIT $5;

-- name: asked_of_reward
-- Whether the platform still has to hear of a decision about a reward.
SELECT EXISTS (SELECT FROM redemptions
                WHERE platform = $1 AND channel_id = $2 AND reward_id = $3 AND settlement = 'asked');

-- name: list_page
-- Redemptions of a campaign, newest first: all, those that are open, or those that wait for a person.
SELECT r.id, r.campaign_id, r.platform, r.channel_id, r.redemption_id, r.reward_id, r.reward_title, r.cost, r.user_id,
       r.user_name, r.user_input, r.status, r.decision, r.settlement, r.reason, r.outbox_id, r.simulated, r.redeemed_at,
       r.decided_at, coalesce(o.last_error, '') AS trouble,
       EXISTS (SELECT FROM channel_rewards AS w
                WHERE w.platform = r.platform AND w.channel_id = r.channel_id AND w.platform_reward_id = r.reward_id)
       AS is_ours
  FROM redemptions AS r LEFT JOIN outbox AS o ON o.id = r.outbox_id
 WHERE r.campaign_id = $1 AND ($3::uuid IS NULL OR r.id < $3)
   AND CASE $2 WHEN 'open' THEN r.decision = 'none' AND r.status = 'unfulfilled'
               WHEN 'stuck' THEN r.settlement = 'needs_person' ELSE true END
 ORDER BY r.id DESC LIMIT $4;

-- name: get
-- One redemption within the scope.
SELECT r.id, r.campaign_id, r.platform, r.channel_id, r.redemption_id, r.reward_id, r.reward_title, r.cost, r.user_id,
       r.user_name, r.user_input, r.status, r.decision, r.settlement, r.reason, r.outbox_id, r.simulated, r.redeemed_at,
       r.decided_at, coalesce(o.last_error, '') AS trouble,
       EXISTS (SELECT FROM channel_rewards AS w
                WHERE w.platform = r.platform AND w.channel_id = r.channel_id AND w.platform_reward_id = r.reward_id)
       AS is_ours
  FROM redemptions AS r LEFT JOIN outbox AS o ON o.id = r.outbox_id
 WHERE r.id = $1 AND r.campaign_id = ANY ($2::uuid[]);

-- name: forget
-- Drops what was redeemed long ago and is settled, a bounded number at a time.
DELETE FROM redemptions WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM redemptions
     WHERE created_at < now() - make_interval(secs => $1) AND settlement IN ('open', 'done') LIMIT $2));

-- name: want
-- A poll that Twitch is to run beside ours.
INSERT INTO native_polls (poll_instance_id, broadcaster_id, channel_id, login, slot) VALUES ($1, $2, $3, $4, $5);

-- name: of_polls
-- Those beside some polls, in the order of their channels' names.
SELECT poll_instance_id, broadcaster_id, channel_id, login, slot, native_id, choice_ids, state, detail, votes, points
  FROM native_polls WHERE poll_instance_id = ANY ($1::uuid[]) ORDER BY poll_instance_id, login, broadcaster_id;

-- name: find
-- The one that a poll has on a channel.
SELECT poll_instance_id, broadcaster_id, channel_id, login, slot, native_id, choice_ids, state, detail, votes, points
  FROM native_polls WHERE poll_instance_id = $1 AND broadcaster_id = $2;

-- name: by_native
-- The one that Twitch calls by this id, if it is this campaign's.
SELECT n.poll_instance_id, n.broadcaster_id, n.channel_id, n.login, n.slot, n.native_id, n.choice_ids, n.state, n.detail,
       n.votes, n.points
  FROM native_polls AS n JOIN poll_instances AS i ON i.id = n.poll_instance_id
 WHERE n.broadcaster_id = $1 AND n.native_id = $2 AND i.campaign_id = $3;

-- name: known
-- Which polls of Twitch on a channel are known as ours.
SELECT native_id FROM native_polls WHERE broadcaster_id = $1 AND native_id IS NOT NULL;

-- name: save
-- Writes what became of one.
UPDATE native_polls SET native_id = $3, choice_ids = $4, state = $5, detail = $6, votes = $7, points = $8, updated_at = now()
 WHERE poll_instance_id = $1 AND broadcaster_id = $2;

-- name: running_on
-- Those of a campaign that Twitch runs, or may be starting, on one of its channels.
SELECT n.poll_instance_id, n.broadcaster_id, n.channel_id, n.login, n.slot, n.native_id, n.choice_ids, n.state, n.detail,
       n.votes, n.points
  FROM native_polls AS n JOIN poll_instances AS i ON i.id = n.poll_instance_id
 WHERE i.campaign_id = $1 AND n.broadcaster_id = $2 AND n.state IN ('wanted', 'running')
   AND i.state IN ('open', 'closing');

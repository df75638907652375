-- name: create
-- A channel joins a campaign; refused by the database when its login or platform id is already there.
INSERT INTO channels (id, campaign_id, platform, login, channel_id, source, chatroom_id)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id, campaign_id, platform, login, channel_id, source, state, state_detail, state_at,
          heard_at, heard_lag_ms, created_at, chatroom_id, is_live, live_since, title;

-- name: take_seats
-- A channel that came back gets the seats it left in polls that may still take votes: a closed one may be cancelled,
-- brought back and counted anew. A crowd has no seat among viewers, nor viewers among a crowd.
UPDATE poll_channel_links AS l SET channel_id = c.id
  FROM channels AS c
  JOIN poll_instances AS i ON i.campaign_id = c.campaign_id AND i.simulated = (c.source = 'simulated')
 WHERE c.id = $1
   AND (i.state IN ('open', 'closing', 'closed')
        OR i.state = 'cancelled' AND i.phase_at > clock_timestamp() - make_interval(secs => $2))
   AND l.poll_instance_id = i.id AND l.channel_id IS NULL AND l.platform = c.platform AND l.login = c.login;

-- name: list_of_campaign
-- The channels of a campaign, oldest first; a chat that no living process reads is told as waiting.
SELECT c.id, c.campaign_id, c.platform, c.login, c.channel_id, c.source, s.state, s.state_detail, s.state_at,
       c.heard_at, c.heard_lag_ms, c.created_at, c.chatroom_id, c.is_live, c.live_since, c.title
  FROM channels c
  JOIN channel_standings s ON s.channel_id = c.id
 WHERE c.campaign_id = $1
 ORDER BY c.created_at, c.id;

-- name: get
-- One channel, told as waiting when no living process reads its chat.
SELECT c.id, c.campaign_id, c.platform, c.login, c.channel_id, c.source, s.state, s.state_detail, s.state_at,
       c.heard_at, c.heard_lag_ms, c.created_at, c.chatroom_id, c.is_live, c.live_since, c.title
  FROM channels c
  JOIN channel_standings s ON s.channel_id = c.id
 WHERE c.id = $1;

-- name: campaign_of
-- Whose channel it is: asked before the campaign is locked.
SELECT campaign_id FROM channels WHERE id = $1;

-- name: delete
-- A channel leaves its campaign; results of past polls keep its login.
DELETE FROM channels WHERE id = $1 AND campaign_id = $2 RETURNING id;

-- name: give_up_seats
-- A channel leaves polls that may still take votes; their results keep its login.
UPDATE poll_channel_links AS l SET channel_id = NULL
  FROM poll_instances AS i
 WHERE i.id = l.poll_instance_id AND i.campaign_id = $2 AND l.channel_id = $1
   AND i.state IN ('open', 'closing');

-- name: set_platform_id
-- The platform told its id of a channel known by login only; nothing happens when another row has it.
UPDATE channels c
   SET channel_id = $2, updated_at = now()
 WHERE c.id = $1
   AND c.channel_id = 'login:' || c.login
   AND NOT EXISTS (
       SELECT FROM channels other
        WHERE other.campaign_id = c.campaign_id AND other.platform = c.platform
          AND other.channel_id = $2 AND other.id <> c.id)
RETURNING c.id;

-- name: heard
-- When the last line of each channel arrived and its age then, the newest wins; who is not read but speaks is connected.
UPDATE channels c
   SET heard_at = v.heard_at, heard_lag_ms = v.lag_ms, updated_at = now(),
       state = CASE WHEN v.is_unread THEN 'connected' ELSE c.state END,
       state_detail = CASE WHEN v.is_unread THEN '' ELSE c.state_detail END
  FROM (SELECT v.id, v.heard_at, v.lag_ms,
               d.source = 'api' OR (d.platform = 'kick' AND d.source = 'webhook') AS is_unread
          FROM unnest($1::uuid[], $2::timestamptz[], $3::integer[]) AS v (id, heard_at, lag_ms)
          JOIN channels AS d ON d.id = v.id) AS v
 WHERE c.id = v.id AND (c.heard_at IS NULL OR c.heard_at < v.heard_at);

-- name: campaigns_of
-- Where a channel of a platform takes part; a crowd that only plays one is no channel of it.
SELECT DISTINCT campaign_id FROM channels
 WHERE platform = $1 AND channel_id = $2 AND source <> 'simulated';

-- name: wanted
-- Every Kick channel that takes deliveries, once: whose account is linked here, and when something last came.
SELECT c.channel_id AS broadcaster_id,
       EXISTS (SELECT FROM auth_providers a WHERE a.provider = 'kick' AND a.provider_user_id = c.channel_id) AS is_linked,
       max(c.heard_at) AS heard_at, min(c.created_at) AS since
  FROM channels c
 WHERE c.platform = 'kick' AND c.source IN ('webhook', 'pusher') AND c.channel_id ~ '^[1-9][0-9]{0,19}$'
 GROUP BY c.channel_id
 ORDER BY c.channel_id;

-- name: has_channels
-- Whether any Kick channel takes deliveries.
SELECT EXISTS (SELECT FROM channels WHERE platform = 'kick' AND source IN ('webhook', 'pusher'));

-- name: nameless
-- Kick channels of which only the login is known; $1: those that were looked up in vain, too.
SELECT id, login FROM channels
 WHERE platform = 'kick' AND source IN ('webhook', 'pusher') AND channel_id = left('login:' || login, 64)
   AND ($1 OR source = 'pusher' OR state = 'waiting')
 ORDER BY id LIMIT 500;

-- name: fresh
-- Whether a channel, or an account that was linked, has never been asked for.
SELECT EXISTS (
    SELECT FROM channels c
     WHERE c.platform = 'kick' AND c.source IN ('webhook', 'pusher')
       AND (c.channel_id = left('login:' || c.login, 64) AND c.state = 'waiting' AND c.source = 'webhook'
            OR c.channel_id ~ '^[1-9][0-9]{0,19}$'
               AND (SELECT count(*) FROM kick_subscriptions s WHERE s.broadcaster_id = c.channel_id)
                 < CASE WHEN EXISTS (SELECT FROM auth_providers a
                                      WHERE a.provider = 'kick' AND a.provider_user_id = c.channel_id)
                        THEN $1::integer ELSE $2::integer END));

-- name: known
-- What we know of our subscriptions.
SELECT broadcaster_id, event, subscription_id, error, lost_at FROM kick_subscriptions;

-- name: of_broadcaster
-- What we know of the subscriptions of one channel.
SELECT broadcaster_id, event, subscription_id, error, lost_at FROM kick_subscriptions WHERE broadcaster_id = $1;

-- name: note
-- What has become of subscriptions; one that was held and is not any more was lost.
INSERT INTO kick_subscriptions (broadcaster_id, event, subscription_id, error, lost_at, asked_at)
SELECT v.broadcaster_id, v.event, nullif(v.subscription_id, ''), v.error,
       CASE WHEN v.is_lost THEN clock_timestamp() END, clock_timestamp()
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[])
       AS v (broadcaster_id, event, subscription_id, error, is_lost)
ON CONFLICT (broadcaster_id, event) DO UPDATE
   SET subscription_id = excluded.subscription_id, error = excluded.error, asked_at = excluded.asked_at,
       lost_at = coalesce(excluded.lost_at, kick_subscriptions.lost_at);

-- name: forget
-- Subscriptions that nobody wants any more.
DELETE FROM kick_subscriptions AS s USING unnest($1::text[], $2::text[]) AS v (broadcaster_id, event)
 WHERE s.broadcaster_id = v.broadcaster_id AND s.event = v.event;

-- name: tell
-- How the deliveries for channels go; the moment moves only when the state or its words do.
UPDATE channels c
   SET state = v.state, state_detail = v.detail, state_at = clock_timestamp()
  FROM unnest($1::text[], $2::text[], $3::text[]) AS v (channel_id, state, detail)
 WHERE c.platform = 'kick' AND c.source = 'webhook' AND c.channel_id = v.channel_id
   AND (c.state, c.state_detail) IS DISTINCT FROM (v.state, v.detail);

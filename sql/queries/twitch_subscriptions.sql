-- name: accounts
-- Accounts that are linked and take part in a show: what was granted, and whose channels they are.
SELECT p.provider_user_id AS account_id, t.scopes, t.version,
       array_agg(c.id ORDER BY c.id) AS channels,
       bool_or(c.source = 'eventsub') AS reads_chat
  FROM auth_providers p
  JOIN oauth_tokens t ON t.auth_provider_id = p.id AND t.state = 'valid'
  JOIN channels c ON c.platform = 'twitch' AND c.channel_id = p.provider_user_id AND c.source <> 'simulated'
 WHERE p.provider = 'twitch'
 GROUP BY p.id, t.scopes, t.version
 ORDER BY p.provider_user_id;

-- name: want
-- What we want to be told from now on; rows with the same transport and version are not even locked, being most.
INSERT INTO twitch_subscriptions AS s (broadcaster_id, type, version, transport)
SELECT w.* FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS w (broadcaster_id, type, version, transport)
 WHERE NOT EXISTS (SELECT FROM twitch_subscriptions AS h
                    WHERE (h.broadcaster_id, h.type, h.version, h.transport)
                        = (w.broadcaster_id, w.type, w.version, w.transport))
 ORDER BY 1, 2
ON CONFLICT (broadcaster_id, type) DO UPDATE
   SET version = excluded.version, transport = excluded.transport, subscription_id = NULL, state = 'wanted',
       detail = '', token_version = NULL, state_at = now()
 WHERE (s.version, s.transport) IS DISTINCT FROM (excluded.version, excluded.transport);

-- name: unwant
-- Forgets all but these, and what is to come by another way; answers what Twitch may still hold of it.
DELETE FROM twitch_subscriptions AS s
 WHERE NOT EXISTS (SELECT FROM unnest($1::text[], $2::text[], $3::text[]) AS w (broadcaster_id, type, transport)
                    WHERE w.broadcaster_id = s.broadcaster_id AND w.type = s.type AND w.transport = s.transport)
RETURNING subscription_id, transport;

-- name: all
-- Everything that is wanted, and how far it is.
SELECT broadcaster_id, type, version, transport, subscription_id, state, detail, token_version, state_at
  FROM twitch_subscriptions ORDER BY broadcaster_id, type;

-- name: of_broadcasters
-- The same of some channels.
SELECT broadcaster_id, type, version, transport, subscription_id, state, detail, token_version, state_at
  FROM twitch_subscriptions WHERE broadcaster_id = ANY ($1::text[]) ORDER BY broadcaster_id, type;

-- name: tell
-- How far some are; the moment moves only with state or words. A webhook whose challenge was answered first is held.
UPDATE twitch_subscriptions AS s
   SET subscription_id = v.subscription_id,
       state = CASE WHEN v.state = 'pending' AND s.state = 'held' AND s.subscription_id = v.subscription_id
                    THEN 'held' ELSE v.state END, detail = v.detail, token_version = v.token_version,
       state_at = CASE WHEN (s.state, s.detail) IS DISTINCT FROM (v.state, v.detail) THEN now() ELSE s.state_at END
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::integer[])
       AS v (broadcaster_id, type, subscription_id, state, detail, token_version)
 WHERE s.broadcaster_id = v.broadcaster_id AND s.type = v.type;

-- name: confirmed
-- Twitch had its challenge answered, maybe before whoever asked for the subscription heard its id.
UPDATE twitch_subscriptions SET state = 'held', subscription_id = $1, detail = '', state_at = now()
 WHERE broadcaster_id = $2 AND type = $3 AND transport = 'webhook' AND state IN ('wanted', 'pending');

-- name: revoked
-- Twitch took one away; answers whose it was.
UPDATE twitch_subscriptions SET state = 'revoked', detail = $2, subscription_id = NULL, state_at = now()
 WHERE subscription_id = $1
RETURNING broadcaster_id, type;

-- name: channels_of
-- The channels in shows that these accounts are.
SELECT id, channel_id FROM channels
 WHERE platform = 'twitch' AND channel_id = ANY ($1::text[]) AND source <> 'simulated';

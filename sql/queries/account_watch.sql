-- name: twitch
-- Twitch accounts that play in a show and whose token is good, and whether somebody asks to look again.
SELECT DISTINCT a.provider_user_id AS account_id, t.version,
       EXISTS (SELECT FROM account_issues AS i
                WHERE i.platform = 'twitch' AND i.account_id = a.provider_user_id AND i.asked_at IS NOT NULL) AS is_asked
  FROM auth_providers AS a
  JOIN oauth_tokens AS t ON t.auth_provider_id = a.id AND t.state = 'valid'
  JOIN channels AS c ON c.platform = 'twitch' AND c.channel_id = a.provider_user_id
 WHERE a.provider = 'twitch'
 ORDER BY is_asked DESC, account_id LIMIT $1;

-- name: kick_held
-- Somebody asked, and Kick has been asked since and holds the subscription: what was lost is past.
UPDATE kick_subscriptions AS s SET lost_at = NULL
  FROM account_issues AS i
 WHERE i.platform = 'kick' AND i.account_id = s.broadcaster_id AND i.code = 'webhook_off'
   AND s.event = 'chat.message.sent' AND s.subscription_id IS NOT NULL AND s.asked_at > i.asked_at;

-- name: kick_off
-- Channels whose chat Kick does not hold for us, or had dropped and has brought nothing of since.
WITH off AS (
    SELECT s.broadcaster_id FROM kick_subscriptions AS s
     WHERE s.event = 'chat.message.sent'
       AND (s.subscription_id IS NULL
            OR s.lost_at > coalesce((SELECT max(c.heard_at) FROM channels AS c
                                      WHERE c.platform = 'kick' AND c.channel_id = s.broadcaster_id), '-infinity'))
), right_again AS (
    DELETE FROM account_issues AS i
     WHERE i.platform = 'kick' AND i.code = 'webhook_off' AND i.account_id NOT IN (SELECT broadcaster_id FROM off)
)
INSERT INTO account_issues (platform, account_id, code)
SELECT 'kick', broadcaster_id, 'webhook_off' FROM off
ON CONFLICT (platform, account_id, code) DO NOTHING;

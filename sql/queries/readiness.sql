-- name: channels
-- The channels of a show, whoever stands for each, and what its account's token allows.
-- The show's owner has those that are nobody else's; a crowd is nobody's.
SELECT coalesce(v.membership_id, o.id) AS membership_id, v.platform, v.login,
       v.platform_user_id AS channel_id, v.account_user_id IS NOT NULL AS has_account,
       CASE WHEN t.state = 'valid' THEN t.scopes END AS scopes
  FROM channel_members AS v
  JOIN channels AS c ON c.id = v.channel_id
  LEFT JOIN campaign_memberships AS o ON o.campaign_id = v.campaign_id AND o.role = 'owner'
       AND (v.account_user_id IS NULL OR v.account_user_id = o.user_id)
  LEFT JOIN auth_providers AS a ON a.provider = v.platform AND a.provider_user_id = v.platform_user_id
  LEFT JOIN oauth_tokens AS t ON t.auth_provider_id = a.id
 WHERE v.campaign_id = $1 AND c.source <> 'simulated'
 ORDER BY v.channel_id;

-- name: issues
-- What is wrong with the accounts of a show's channels, each thing once.
SELECT DISTINCT s.platform, s.account_id, s.code, s.detail
  FROM account_states AS s
  JOIN channels AS c ON c.platform = s.platform AND c.channel_id = s.account_id
 WHERE c.campaign_id = $1
 ORDER BY s.platform, s.account_id, s.code, s.detail;

-- name: report
-- Something is wrong with an account; since when stays, and that somebody asked is answered.
INSERT INTO account_issues (platform, account_id, code, detail) VALUES ($1, $2, $3, $4)
ON CONFLICT (platform, account_id, code) DO UPDATE SET detail = excluded.detail, asked_at = NULL;

-- name: clear
-- It is right again.
DELETE FROM account_issues WHERE platform = $1 AND account_id = $2 AND code = ANY($3::text[]);

-- name: ask
-- Somebody says that it has been mended: whoever wrote the row is to look again.
UPDATE account_issues SET asked_at = now() WHERE platform = $1 AND account_id = $2 AND code = $3 RETURNING code;

-- name: asked
-- What somebody asks to be looked at again, longest first.
SELECT platform, account_id, code FROM account_issues
 WHERE asked_at IS NOT NULL AND code = ANY($1::text[]) ORDER BY asked_at LIMIT $2;

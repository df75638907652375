-- name: note
-- Who did what; `detail` never holds a secret.
INSERT INTO admin_log (id, actor, campaign_id, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6);

-- name: latest
-- The last acts in a campaign, newest first.
SELECT id, at, actor, action, subject, detail
FROM admin_log WHERE campaign_id = $1 ORDER BY at DESC, id DESC LIMIT $2;

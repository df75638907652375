-- name: note
-- Who did what; `detail` never holds a secret.
INSERT INTO admin_log (id, actor, campaign_id, action, subject, detail) VALUES ($1, $2, $3, $4, $5, $6);

-- name: of_actor
-- The last acts of one actor, newest first.
SELECT id, at, actor, action, subject, detail FROM admin_log WHERE actor = $1 ORDER BY at DESC, id DESC LIMIT $2;

-- name: forget_attempts
-- Failed logins and ended sessions of long ago: strangers can make any number of them.
DELETE FROM admin_log
WHERE action IN ('login.failed', 'login.locked', 'session.expired', 'account.register', 'account.reset_requested')
  AND at < now() - interval '90 days';

-- name: latest
-- The last acts in a campaign, newest first.
SELECT id, at, actor, action, subject, detail
FROM admin_log WHERE campaign_id = $1 ORDER BY at DESC, id DESC LIMIT $2;

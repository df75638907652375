-- name: create
-- Saves a question to be asked again.
INSERT INTO poll_templates (id, campaign_id, label, question, options, duration_s, settings)
VALUES ($1, $2, $3, $4, $5, $6, $7)
RETURNING id, campaign_id, label, question, options, duration_s, settings, created_at;

-- name: list_of_campaign
-- Saved templates of a campaign by label.
SELECT id, campaign_id, label, question, options, duration_s, settings, created_at
FROM poll_templates WHERE campaign_id = $1 ORDER BY lower(label), id;

-- name: delete
-- Removes a template within the scope; answers its campaign when it was there.
DELETE FROM poll_templates WHERE id = $1 AND campaign_id = ANY($2::uuid[]) RETURNING campaign_id;

-- name: of_campaign
-- What a campaign decided about its alerts, by kind.
SELECT kind, is_shown, minimum, template, lasts_ms FROM alert_rules WHERE campaign_id = $1;

-- name: save
-- Writes what a campaign decided about the alerts of a kind.
INSERT INTO alert_rules (campaign_id, kind, is_shown, minimum, template, lasts_ms)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (campaign_id, kind) DO UPDATE
SET is_shown = excluded.is_shown, minimum = excluded.minimum, template = excluded.template,
    lasts_ms = excluded.lasts_ms, updated_at = now();

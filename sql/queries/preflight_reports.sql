-- name: keep
-- A report, as it was told.
INSERT INTO preflight_reports (id, campaign_id, source, actor, healthy, warnings, checks, took_ms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8);

-- name: forget
-- All but the newest $2 of a show.
DELETE FROM preflight_reports WHERE campaign_id = $1 AND id NOT IN (
    SELECT id FROM preflight_reports WHERE campaign_id = $1 ORDER BY id DESC LIMIT $2);

-- name: page
-- Reports of a show, newest first, older than one.
SELECT id, source, actor, healthy, warnings, checks, took_ms, created_at FROM preflight_reports
 WHERE campaign_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3;

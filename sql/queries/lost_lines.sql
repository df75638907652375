-- name: note
-- Lines of campaigns that a process has given up; what was deleted meanwhile is left out.
INSERT INTO lost_lines (id, campaign_id, lines)
SELECT v.id, v.campaign_id, v.lines
  FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS v (id, campaign_id, lines)
  JOIN campaigns c ON c.id = v.campaign_id
 ORDER BY c.id
   FOR KEY SHARE OF c;

-- name: of_campaign
-- How many lines of a campaign were lost in the last minute, and in the last day.
SELECT coalesce(sum(lines) FILTER (WHERE at > now() - interval '1 minute'), 0)::bigint AS minute,
       coalesce(sum(lines), 0)::bigint AS day
FROM lost_lines WHERE campaign_id = $1 AND at > now() - interval '1 day';

-- name: forget
-- What is older than a day is told nowhere.
DELETE FROM lost_lines WHERE at < now() - interval '1 day';

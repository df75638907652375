-- name: shows
-- Shows of a person, and those in which they take part.
SELECT c.id, c.name, c.description, c.owner_id = $1 AS is_owner, m.role, m.status, m.created_at AS member_since
FROM campaigns AS c LEFT JOIN campaign_memberships AS m ON m.campaign_id = c.id AND m.user_id = $1
WHERE c.owner_id = $1 OR m.id IS NOT NULL
ORDER BY c.id;

-- name: keys
-- The bearer keys of a person.
SELECT id, name, created_at, last_used_at, revoked_at FROM api_keys WHERE user_id = $1 ORDER BY id;

-- name: viewer
-- What is known of an account as a viewer.
SELECT platform, platform_user_id, login, name, person_id, created_at
FROM viewers WHERE platform = $1 AND platform_user_id = $2;

-- name: votes
-- The votes of an account that count, newest poll first: by the key of the table where one counts, else all are read.
SELECT p.id AS poll_id, p.question, p.options[v.choice] AS answer, v.sent_at
FROM poll_instances AS p
JOIN LATERAL (
    SELECT one.choice, one.sent_at FROM poll_votes AS one
    WHERE p.rule = 'one_vote' AND one.poll_instance_id = p.id AND one.platform = $1 AND one.ballot = $2
    UNION ALL
    SELECT each.choice, each.sent_at FROM poll_votes AS each
    WHERE p.rule = 'every_message' AND each.poll_instance_id = p.id AND each.platform = $1
      AND each.platform_user_id = $2
) AS v ON true
WHERE p.state <> 'draft'
ORDER BY p.id DESC, v.sent_at DESC LIMIT 10000;

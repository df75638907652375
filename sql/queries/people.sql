-- name: kin
-- Accounts that were one person at $4, as a show sees it, with any of these, and these. By account, never by time.
WITH asked AS (
    SELECT DISTINCT l.person_id
    FROM unnest($2::text[], $3::text[]) AS a (platform, id)
    CROSS JOIN LATERAL (SELECT * FROM person_links WHERE platform = a.platform AND platform_user_id = a.id OFFSET 0) AS l
    WHERE l.since <= $4 AND coalesce(l.until, 'infinity') > $4
)
SELECT l.platform, l.platform_user_id, l.person_id
FROM asked JOIN person_links AS l USING (person_id)
WHERE l.since <= $4 AND coalesce(l.until, 'infinity') > $4
  AND NOT EXISTS (SELECT FROM person_splits AS s
                  WHERE s.campaign_id = $1 AND s.person_id = l.person_id
                    AND s.since <= $4 AND coalesce(s.until, 'infinity') > $4);

-- name: create
-- Somebody of whom nothing is known yet.
INSERT INTO people (id) VALUES ($1) ON CONFLICT DO NOTHING;

-- name: link
-- From now on the account is this person's.
INSERT INTO person_links (id, person_id, platform, platform_user_id, since)
VALUES ($1, $2, $3, $4, clock_timestamp());

-- name: name_viewer
-- What is known of an account: whose it is, and how it is called.
INSERT INTO viewers (platform, platform_user_id, person_id, login, name) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (platform, platform_user_id) DO UPDATE
SET person_id = excluded.person_id, login = excluded.login, name = excluded.name, updated_at = now();

-- name: of_account
-- The accounts of the person whose account this is now.
SELECT l.person_id, l.platform, l.platform_user_id, v.login, v.name, l.since
FROM person_links AS mine
JOIN person_links AS l ON l.person_id = mine.person_id AND l.until IS NULL
JOIN viewers AS v ON v.platform = l.platform AND v.platform_user_id = l.platform_user_id
WHERE mine.platform = $1 AND mine.platform_user_id = $2 AND mine.until IS NULL
ORDER BY l.platform DESC;

-- name: part
-- The accounts of a person are nobody's from now on.
WITH moment AS MATERIALIZED (
    SELECT greatest(max(since), clock_timestamp()) AS at FROM person_links WHERE person_id = $1 AND until IS NULL
), ended AS (
    UPDATE person_links SET until = moment.at, ended_by = $2, ended_user = $3
    FROM moment WHERE person_id = $1 AND until IS NULL
    RETURNING platform, platform_user_id
), freed AS (
    UPDATE viewers AS v SET person_id = NULL, updated_at = now() FROM ended
    WHERE v.platform = ended.platform AND v.platform_user_id = ended.platform_user_id
)
SELECT platform, platform_user_id FROM ended;

-- name: parted
-- The accounts of the person whom $1 has ended less than a day ago, if none of them is anybody's since.
SELECT l.person_id, l.platform, l.platform_user_id, v.login, v.name, l.until
FROM person_links AS l
JOIN viewers AS v ON v.platform = l.platform AND v.platform_user_id = l.platform_user_id
WHERE (l.person_id, l.until) = (SELECT m.person_id, m.until FROM person_links AS m
                                WHERE m.ended_user = $1 ORDER BY m.until DESC LIMIT 1)
  AND l.until > clock_timestamp() - interval '1 day'
  AND NOT EXISTS (SELECT FROM person_links AS o JOIN person_links AS n USING (platform, platform_user_id)
                  WHERE o.person_id = l.person_id AND n.until IS NULL)
ORDER BY l.platform DESC;

-- name: running
-- Shows in which a poll that counts persons takes votes.
SELECT campaign_id FROM poll_instances WHERE state IN ('open', 'closing') AND per_person ORDER BY campaign_id;

-- name: split
-- A show counts the accounts of a person apart from now on.
INSERT INTO person_splits (id, campaign_id, person_id, since) VALUES ($1, $2, $3, $4);

-- name: rejoin
-- A show counts them together again.
UPDATE person_splits SET until = greatest(since, $3) WHERE campaign_id = $1 AND person_id = $2 AND until IS NULL
RETURNING id;

-- name: seen
-- Persons whose accounts have voted side by side in polls of a show, or that it counts apart; by id, after $2.
SELECT l.person_id, s.since AS split_at,
       array_agg(l.platform ORDER BY l.platform DESC) AS platforms,
       array_agg(l.platform_user_id ORDER BY l.platform DESC) AS ids,
       array_agg(v.login ORDER BY l.platform DESC) AS logins,
       array_agg(v.name ORDER BY l.platform DESC) AS names
FROM person_links AS l
JOIN viewers AS v ON v.platform = l.platform AND v.platform_user_id = l.platform_user_id
LEFT JOIN person_splits AS s ON s.campaign_id = $1 AND s.person_id = l.person_id AND s.until IS NULL
WHERE l.until IS NULL AND l.person_id = ANY (
        SELECT k.person_id FROM poll_instances AS i
        JOIN poll_persons AS p ON p.poll_instance_id = i.id
        JOIN person_links AS k ON k.platform = p.platform AND k.platform_user_id = p.ballot AND k.until IS NULL
        WHERE i.campaign_id = $1 AND i.per_person
        UNION
        SELECT a.person_id FROM person_splits AS a WHERE a.campaign_id = $1 AND a.until IS NULL)
  AND ($2::uuid IS NULL OR l.person_id > $2)
  AND ($3::uuid IS NULL OR l.person_id = $3)
GROUP BY l.person_id, s.since
ORDER BY l.person_id LIMIT $4;

-- name: links_of
-- Every link of an account that is remembered, for whoever asks what is kept about them.
SELECT person_id, platform, platform_user_id, since, until, ended_by FROM person_links
WHERE platform = $1 AND platform_user_id = $2 ORDER BY since;

-- name: forget_account
-- Links of an account that has left for good.
DELETE FROM person_links WHERE platform = $1 AND platform_user_id = $2;

-- name: forget_ended
-- Links that ended more than a day ago: no poll runs that long, and nobody takes it back any more.
DELETE FROM person_links WHERE until < clock_timestamp() - interval '1 day';

-- name: forget_empty
-- People of whom no account is left.
DELETE FROM people AS p
WHERE created_at < now() - interval '1 day'
  AND NOT EXISTS (SELECT FROM person_links AS l WHERE l.person_id = p.id)
  AND NOT EXISTS (SELECT FROM viewers AS v WHERE v.person_id = p.id);

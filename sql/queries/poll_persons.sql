-- name: stances
-- Accounts of a poll that are one person there with any of these, and these.
SELECT p.platform, p.ballot, p.person, p.counts FROM poll_persons AS p
WHERE p.poll_instance_id = $1 AND p.person IN (
    SELECT q.person FROM unnest($2::text[], $3::text[]) AS a (platform, ballot)
    JOIN poll_persons AS q ON q.poll_instance_id = $1 AND q.platform = a.platform AND q.ballot = a.ballot);

-- name: drop
-- These accounts stand for themselves in the poll, until the same transaction says otherwise.
DELETE FROM poll_persons AS p USING unnest($2::text[], $3::text[]) AS a (platform, ballot)
WHERE p.poll_instance_id = $1 AND p.platform = a.platform AND p.ballot = a.ballot;

-- name: put
-- These accounts are one person in the poll, and of each person one counts.
INSERT INTO poll_persons (poll_instance_id, platform, ballot, person, counts)
SELECT $1, a.* FROM unnest($2::text[], $3::text[], $4::bytea[], $5::boolean[]) AS a;

-- name: append
-- A row of the part of the ledger that says whose votes do not count.
INSERT INTO poll_person_ledger (poll_instance_id, n, voter, person, counts, at, hash)
SELECT $1, e.* FROM unnest($2::bigint[], $3::bytea[], $4::bytea[], $5::boolean[], $6::timestamptz[], $7::bytea[]) AS e;

-- name: ledger
-- All that the ledger says about whose votes do not count, in order.
SELECT n, voter, person, counts, at, hash FROM poll_person_ledger WHERE poll_instance_id = $1 ORDER BY n;

-- name: linked_voters
-- Voters of a poll who are somebody's account at $2, or are one with others in the poll.
SELECT v.platform, v.ballot FROM poll_votes AS v
JOIN person_links AS l ON l.platform = v.platform AND l.platform_user_id = v.ballot
WHERE v.poll_instance_id = $1 AND l.since <= $2 AND coalesce(l.until, 'infinity') > $2
UNION
SELECT platform, ballot FROM poll_persons WHERE poll_instance_id = $1;

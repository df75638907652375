-- name: held
-- The votes that the ballots of a platform hold now; ballots joined by U+001F. Always through the index.
SELECT ballot, slot, choice, sent_at, message_id FROM poll_votes
WHERE poll_instance_id = $1 AND platform = $2 AND ballot = ANY (string_to_array($3, E'\x1f'));

-- name: move
-- Writes the votes that ballots hold from now on that held another before.
INSERT INTO poll_votes (poll_instance_id, platform, ballot, platform_user_id, slot, choice, sent_at, message_id)
SELECT $1, b.*
FROM unnest($2::text[], $3::text[], $4::text[], $5::smallint[], $6::smallint[], $7::timestamptz[], $8::text[]) AS b
ON CONFLICT (poll_instance_id, platform, ballot) DO UPDATE
SET slot = excluded.slot, choice = excluded.choice, sent_at = excluded.sent_at, message_id = excluded.message_id;

-- name: add_result
-- Writes the running totals of the pairs (channel, option) that changed.
INSERT INTO poll_results (poll_instance_id, slot, choice, votes)
SELECT $1, t.* FROM unnest($2::smallint[], $3::smallint[], $4::bigint[]) AS t
ON CONFLICT (poll_instance_id, slot, choice) DO UPDATE SET votes = excluded.votes;

-- name: count
-- The truth: counts the votes themselves.
SELECT slot, choice, count(*) AS votes FROM poll_votes WHERE poll_instance_id = $1 GROUP BY slot, choice;

-- name: count_of_persons
-- The same without the votes of accounts whose person votes with another.
SELECT v.slot, v.choice, count(*) AS votes FROM poll_votes AS v
WHERE v.poll_instance_id = $1
  AND NOT EXISTS (SELECT FROM poll_persons AS p
                  WHERE p.poll_instance_id = $1 AND p.platform = v.platform AND p.ballot = v.ballot AND NOT p.counts)
GROUP BY v.slot, v.choice;

-- name: ledger
-- A page of the ledger after row $2, in order.
SELECT n, voter, slot, choice, sent_at, received_at, message_id, hash FROM poll_vote_ledger
WHERE poll_instance_id = $1 AND n > $2 ORDER BY n LIMIT $3;

-- name: rate
-- Votes per second and channel slot over the last $2 seconds.
SELECT slot, (count(*) / $2::float8)::float8 AS per_s FROM poll_vote_ledger
WHERE poll_instance_id = $1 AND n > $3 AND received_at > clock_timestamp() - make_interval(secs => $2::float8)
GROUP BY slot;

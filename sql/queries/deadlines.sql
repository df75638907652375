-- name: arm
-- Sets when time acts on a board next, in place of what was set before.
INSERT INTO deadlines (board_id, kind, campaign_id, due_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (board_id, kind) DO UPDATE
SET due_at = excluded.due_at, state = 'armed', fired_at = NULL;

-- name: disarm_others
-- Calls off what no longer applies.
UPDATE deadlines SET state = 'disarmed'
WHERE board_id = $1 AND state = 'armed' AND kind <> $2;

-- name: fire
-- Compare-and-set: exactly one process gets a row back.
UPDATE deadlines SET state = 'fired', fired_at = clock_timestamp()
WHERE board_id = $1 AND kind = $2 AND campaign_id = $3 AND state = 'armed' AND due_at <= clock_timestamp()
RETURNING due_at, fired_at;

-- name: due
-- What is overdue, the oldest first, but for some campaigns and some boards.
SELECT board_id, kind, campaign_id, due_at FROM deadlines
WHERE state = 'armed' AND due_at <= clock_timestamp()
  AND campaign_id <> ALL($2::uuid[]) AND board_id <> ALL($3::uuid[])
ORDER BY due_at LIMIT $1;

-- name: next
-- Seconds until the next deadline of the others, negative when it is overdue.
SELECT extract(epoch FROM min(due_at) - clock_timestamp())::float8 FROM deadlines
WHERE state = 'armed' AND campaign_id <> ALL($1::uuid[]) AND board_id <> ALL($2::uuid[]);

-- name: forget
-- Drops deadlines that are over.
DELETE FROM deadlines WHERE state <> 'armed' AND due_at < now() - make_interval(secs => $1);

-- name: need_not_last
-- Who is at work is asked again in a moment: this transaction does not wait for the disk.
SELECT set_config('synchronous_commit', 'off', true);

-- name: take
-- Takes a duty that nobody has, or goes on with it; answers when somebody was last at it, and nothing when others are.
WITH before AS (SELECT done_until FROM duties WHERE name = $1)
INSERT INTO duties AS d (name, holder, expires_at, done_until)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3), clock_timestamp())
ON CONFLICT (name) DO UPDATE
   SET holder = excluded.holder, expires_at = excluded.expires_at, done_until = excluded.done_until
 WHERE d.holder = excluded.holder OR d.holder IS NULL OR d.expires_at <= clock_timestamp()
RETURNING (SELECT done_until FROM before) AS done_until, clock_timestamp() AS now;

-- name: leave
-- Gives a duty back: others need not wait until its holder is taken for dead.
UPDATE duties SET holder = NULL, expires_at = clock_timestamp() WHERE name = $1 AND holder = $2;

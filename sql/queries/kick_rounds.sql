-- name: take
-- A round that is due is this process's, and nobody else's for $2 s; answers nothing when it is not due.
INSERT INTO kick_rounds AS r (name, due_at, began_at)
VALUES ($1, clock_timestamp() + make_interval(secs => $2), clock_timestamp())
ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at, began_at = excluded.began_at
 WHERE r.due_at <= clock_timestamp()
RETURNING name;

-- name: put_off
-- It was done: the next one in $2 s, unless somebody has asked for it meanwhile.
UPDATE kick_rounds SET due_at = clock_timestamp() + make_interval(secs => $2)
 WHERE name = $1 AND due_at > clock_timestamp();

-- name: hasten
-- Somebody wants it now; it is not done again within $2 s all the same.
UPDATE kick_rounds
   SET due_at = least(due_at, greatest(clock_timestamp(),
                                       began_at + make_interval(secs => $2)))
 WHERE name = $1;

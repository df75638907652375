-- name: take
-- A round that is due is this process's, and nobody else's for $2 s; answers nothing when it is not due.
UPDATE kick_rounds SET due_at = clock_timestamp() + make_interval(secs => $2), began_at = clock_timestamp()
 WHERE name = $1 AND due_at <= clock_timestamp()
RETURNING name;

-- name: put_off
-- It was done: the next one in $2 s, unless somebody has asked for it meanwhile.
UPDATE kick_rounds SET due_at = clock_timestamp() + make_interval(secs => $2)
 WHERE name = $1 AND due_at > clock_timestamp();

-- name: hasten
-- Somebody wants it now; it is not done again within $2 s all the same.
UPDATE kick_rounds
   SET due_at = least(due_at, greatest(clock_timestamp(),
                                       coalesce(began_at, '-infinity') + make_interval(secs => $2)))
 WHERE name = $1;

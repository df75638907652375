-- name: locked
-- For how many seconds one of the keys is locked (none is: null); the keys are held until the transaction ends.
WITH held AS (
    SELECT locked_until FROM login_failures WHERE key_hash = ANY ($1::bytea[]) ORDER BY key_hash FOR UPDATE
)
SELECT extract(epoch FROM max(locked_until) - now())::float8 AS wait_s FROM held WHERE locked_until > now();

-- name: count
-- One try more for every key: failures of long ago do not count, $3 lock for $4 s, each further one twice as long.
-- A key that another try has locked meanwhile is left as it is, and missing in the answer.
INSERT INTO login_failures AS f (key_hash, failures, last_at)
SELECT DISTINCT k, 1, now() FROM unnest($1::bytea[]) AS k ORDER BY k
ON CONFLICT (key_hash) DO UPDATE
SET (failures, last_at, locked_until) = (
    SELECT n, now(),
           CASE WHEN n >= $3::integer
                THEN now() + make_interval(secs => least($5::float8, $4::float8 * 2 ^ least(n - $3::integer, 20))) END
    FROM (SELECT CASE WHEN greatest(f.last_at, f.locked_until) < now() - make_interval(secs => $2::float8)
                      THEN 1 ELSE f.failures + 1 END AS n) AS counted)
WHERE f.locked_until IS NULL OR f.locked_until <= now()
RETURNING coalesce(extract(epoch FROM locked_until - now()), 0)::float8 AS lock_s;

-- name: give_back
-- A try that was none: without it there is no lock, since there was none before it.
WITH only_one AS (DELETE FROM login_failures WHERE key_hash = $1 AND failures = 1)
UPDATE login_failures SET failures = failures - 1, locked_until = NULL WHERE key_hash = $1 AND failures > 1;

-- name: forgive
-- Nothing is held against this key any more.
DELETE FROM login_failures WHERE key_hash = $1;

-- name: sweep
-- Forgets what does not count any more.
DELETE FROM login_failures WHERE greatest(last_at, locked_until) < now() - make_interval(secs => $1);

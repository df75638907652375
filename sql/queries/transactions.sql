-- name: idle_at_most
-- Ends the transaction of a process that gives no sign, and frees what it holds: one stopped, or cut off.
SET LOCAL idle_in_transaction_session_timeout = '5s';

-- name: locks_at_most
-- Whoever waits for a lock gives up before the client does, and not because of it: a client may be stopped.
SET LOCAL lock_timeout = '3s';

-- name: wait_at_most
-- The same for one transaction that has less time.
SELECT set_config('lock_timeout', $1, true);

-- name: still_here
-- A sign of life.
SELECT 1;

-- name: end_abandoned
-- Ends sessions of ours that have waited for their process in the middle of a statement for longer than any lasts.
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = current_user
  AND application_name = current_setting('application_name')
  AND state = 'active' AND wait_event_type = 'Client' AND xact_start IS NOT NULL
  AND query_start < clock_timestamp() - interval '5 s';

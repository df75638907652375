-- name: outbox
-- What waits to leave, and how long the oldest has been waiting. Commands wait for a table, and end without one.
SELECT count(*) FILTER (WHERE state IN ('pending', 'leased')) AS waiting,
       count(*) FILTER (WHERE state = 'needs_person' OR (state = 'dead' AND kind <> 'vtt.command')) AS stuck,
       coalesce(extract(epoch FROM clock_timestamp() - min(created_at)
                FILTER (WHERE state IN ('pending', 'leased') AND kind <> 'vtt.command')), 0)::float8 AS oldest_s
FROM outbox;

-- name: overdue
-- How long the oldest deadline has been waiting to be fired; 0 when none is due.
SELECT greatest(0, extract(epoch FROM clock_timestamp() - min(due_at)))::float8
FROM deadlines WHERE state = 'armed' AND due_at <= clock_timestamp();

-- name: channels
-- How the chats that reach us are doing: their states, and the age of lines when they came in the last minute.
SELECT c.platform, s.state, count(*) AS number,
       coalesce(max(c.heard_lag_ms) FILTER (WHERE c.heard_at > now() - interval '1 minute'), 0) AS lag_ms
  FROM channels c
  JOIN channel_standings s ON s.channel_id = c.id
 WHERE c.source IN ('irc', 'pusher') OR (c.platform = 'kick' AND c.source = 'webhook')
 GROUP BY c.platform, s.state;

-- name: connectors
-- Processes that read chats and are alive.
SELECT count(*) FROM connectors WHERE 'irc' = ANY(kinds) AND expires_at > clock_timestamp();

-- name: rows
-- The size of the tables that could grow, as PostgreSQL's own statistics have it: no table is read.
SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE relname = ANY($1::text[]);

-- name: polls_running
-- Polls that take votes, or the last of them; the built-in probe's is nobody's.
SELECT count(*) FROM poll_instances WHERE state IN ('open', 'closing') AND campaign_id <> $1;

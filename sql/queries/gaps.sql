-- name: watch
-- Of the processes that watch these chats one does it at a time; answers when anybody last did.
SELECT pg_try_advisory_xact_lock(hashtextextended('channel_gaps:' || $1::text, 0)) AS is_ours,
       (SELECT done_until FROM duties WHERE name = $1::text) AS watched_until;

-- name: watched
-- Somebody has watched just now.
INSERT INTO duties (name, expires_at, done_until) VALUES ($1, clock_timestamp(), clock_timestamp())
ON CONFLICT (name) DO UPDATE SET done_until = excluded.done_until, expires_at = excluded.expires_at;

-- name: note_chat
-- A chat that nobody hears any more has a gap; one that is heard again has none any more.
-- The gap begins when its last reader heard it, or when anybody last watched ($2).
WITH heard AS (
    SELECT c.id, c.is_heard AS was,
           EXISTS (SELECT FROM channel_readers r JOIN connectors p ON p.id = r.connector_id
                    WHERE r.channel_id = c.id AND r.state = 'connected'
                      AND p.expires_at > clock_timestamp()) AS is_now
      FROM channels c WHERE c.source = ANY ($1::text[])),
changed AS (
    UPDATE channels c SET is_heard = h.is_now FROM heard h
     WHERE c.id = h.id AND h.was <> h.is_now AND c.is_heard <> h.is_now
 RETURNING c.id, c.is_heard),
over AS (
    UPDATE channel_gaps g SET ended_at = greatest(g.began_at, clock_timestamp()) FROM changed c
     WHERE g.channel_id = c.id AND c.is_heard AND g.part = 'chat' AND g.ended_at IS NULL)
INSERT INTO channel_gaps (id, channel_id, part, began_at, reason, detail)
SELECT gen_random_uuid(), c.id, 'chat',
       least(coalesce(l.heard_until, $2::timestamptz, clock_timestamp()), clock_timestamp()),
       coalesce(nullif(l.loss, ''), CASE WHEN l.channel_id IS NULL THEN 'no_process' ELSE 'lost' END),
       coalesce(l.state_detail, '')
  FROM changed c
  LEFT JOIN LATERAL (
       SELECT r.channel_id, r.heard_until, r.loss, r.state_detail
         FROM channel_readers r JOIN connectors p ON p.id = r.connector_id
        WHERE r.channel_id = c.id AND p.expires_at > clock_timestamp() AND r.state <> 'waiting'
        ORDER BY coalesce(r.heard_until, r.state_at) DESC LIMIT 1) l ON true
 WHERE NOT c.is_heard
ON CONFLICT DO NOTHING;

-- name: open
-- Channels are not heard from a moment on; one of which that is known already stays as it is.
INSERT INTO channel_gaps (id, channel_id, part, began_at, reason, detail)
SELECT gen_random_uuid(), c.id, $2, least($3::timestamptz, clock_timestamp()), $4, $5
  FROM channels c WHERE c.id = ANY ($1::uuid[])
ON CONFLICT DO NOTHING;

-- name: close
-- Channels are heard again.
UPDATE channel_gaps SET ended_at = greatest(began_at, clock_timestamp())
 WHERE channel_id = ANY ($1::uuid[]) AND part = $2 AND ended_at IS NULL;

-- name: to_repair
-- Gaps that are over and of which nobody has read yet what was missed, with the platform's id of their channel.
SELECT g.id, c.platform, c.channel_id FROM channel_gaps g JOIN channels c ON c.id = g.channel_id
 WHERE g.part = 'events' AND g.ended_at IS NOT NULL AND g.repaired_at IS NULL AND c.platform = $1
 ORDER BY g.ended_at LIMIT 1000;

-- name: repaired
-- What was missed in these gaps has been read.
UPDATE channel_gaps SET repaired_at = clock_timestamp() WHERE id = ANY ($1::uuid[]);

-- name: of_campaign
-- Gaps of a campaign that are not over, or ended in the last $2 seconds, newest first.
SELECT g.channel_id, c.platform, c.login, g.part, g.began_at, g.ended_at, g.reason, g.detail, g.repaired_at
  FROM channel_gaps g JOIN channels c ON c.id = g.channel_id
 WHERE c.campaign_id = $1
   AND (g.ended_at IS NULL OR g.ended_at > clock_timestamp() - make_interval(secs => $2))
 ORDER BY g.began_at DESC, g.id LIMIT 200;

-- name: of_polls
-- Gaps that fall into the time in which polls took votes, of channels that were counted.
SELECT i.id AS poll_id, g.channel_id, c.platform, c.login, g.part, g.began_at, g.ended_at, g.reason, g.detail,
       g.repaired_at
  FROM poll_instances i
  JOIN poll_channel_links l ON l.poll_instance_id = i.id AND l.counts = 'chat'
  JOIN channel_gaps g ON g.channel_id = l.channel_id AND g.part = 'chat'
  JOIN channels c ON c.id = g.channel_id
 WHERE i.id = ANY ($1::uuid[]) AND i.opens_at IS NOT NULL
   AND g.began_at < i.closes_at AND (g.ended_at IS NULL OR g.ended_at > i.opens_at)
 ORDER BY i.id, g.began_at, g.id;

-- name: forget
-- Drops gaps that were over long ago; those of polls say for a year why a result has fewer votes.
DELETE FROM channel_gaps WHERE id IN (
    SELECT id FROM channel_gaps WHERE ended_at < now() - interval '365 days' LIMIT $1);

-- name: add
-- A command for a paired table of this campaign;
-- nothing when the same one was ordered before, or there is no such table.
WITH item AS (
    INSERT INTO outbox (id, campaign_id, kind, dedupe_key, payload)
    SELECT $1, c.campaign_id, 'vtt.command', $4, $5 FROM vtt_connections AS c
     WHERE c.id = $3 AND c.campaign_id = $2 AND c.provider = 'foundry' AND c.status = 'active'
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id
)
INSERT INTO vtt_commands (outbox_id, connection_id, request_id, expires_at)
SELECT id, $3, $6, now() + make_interval(secs => $7) FROM item
RETURNING outbox_id;

-- name: by_key
-- The command that was ordered under this key.
SELECT id FROM outbox WHERE dedupe_key = $1 AND kind = 'vtt.command';

-- name: claim
-- Takes the next command of a table: from this commit on it counts as told, so that it is told once at most.
WITH next AS (
    SELECT o.id FROM vtt_commands AS m JOIN outbox AS o ON o.id = m.outbox_id
     WHERE m.connection_id = $1 AND m.told_at IS NULL AND m.expires_at > now()
       AND o.state = 'pending' AND o.next_at <= now()
     ORDER BY o.id LIMIT 1
       FOR UPDATE OF o SKIP LOCKED
), leased AS (
    UPDATE outbox AS o
       SET state = 'leased', lease_until = now() + make_interval(secs => $2), attempts = o.attempts + 1,
           updated_at = now()
      FROM next WHERE o.id = next.id AND o.state = 'pending'
    RETURNING o.id, o.payload
)
UPDATE vtt_commands AS m SET told_at = now() FROM leased WHERE m.outbox_id = leased.id
RETURNING m.outbox_id, m.request_id, leased.payload, m.told_at;

-- name: finish
-- It was given to a browser of the table.
UPDATE outbox SET state = 'done', lease_until = NULL, updated_at = now() WHERE id = $1 AND state = 'leased';

-- name: give_back
-- It was not: nothing of it has left.
WITH back AS (
    UPDATE outbox SET state = 'pending', lease_until = NULL, updated_at = now()
     WHERE id = $1 AND state = 'leased' RETURNING id
)
UPDATE vtt_commands AS m SET told_at = NULL FROM back WHERE m.outbox_id = back.id;

-- name: settle
-- Commands that no table came for, and those of which nobody knows whether they left.
UPDATE outbox AS o
   SET state = CASE WHEN o.state = 'pending' THEN 'dead' ELSE 'needs_person' END, lease_until = NULL,
       last_error = CASE WHEN o.state = 'pending' THEN 'The table was not there in time.'
                         ELSE 'The server ended while it was being told: look at the table, then try again.' END,
       updated_at = now()
  FROM vtt_commands AS m
 WHERE m.outbox_id = o.id AND o.kind = 'vtt.command'
   AND (o.state = 'pending' AND m.expires_at <= now() OR o.state = 'leased' AND o.lease_until <= now());

-- name: told_rolls
-- Rolls that these tables were told to make within so many seconds, oldest first.
SELECT m.connection_id, m.request_id, o.payload -> 'data' ->> 'formula' AS formula,
       (o.payload -> 'data' ->> 'forcedResult')::integer AS forced,
       coalesce(o.payload -> 'data' -> 'speaker' ->> 'actorId', '') AS actor_id, m.told_at, m.report
  FROM vtt_commands AS m JOIN outbox AS o ON o.id = m.outbox_id
 WHERE m.connection_id = ANY ($1::uuid[]) AND m.told_at > now() - make_interval(secs => $2)
   AND o.payload ->> 'command' = 'roll_dice'
 ORDER BY m.told_at, m.outbox_id;

-- name: report
-- What came back that only this command can have caused; the first report stays.
UPDATE vtt_commands SET reported_at = now(), report = $3
 WHERE connection_id = $1 AND request_id = $2 AND told_at IS NOT NULL AND reported_at IS NULL;

-- name: list_page
-- Commands of a campaign, newest first.
SELECT o.id, o.campaign_id, m.connection_id, m.request_id, o.payload, o.state, o.last_error, o.created_at,
       m.expires_at, m.told_at, m.reported_at, m.report
  FROM vtt_commands AS m JOIN outbox AS o ON o.id = m.outbox_id
 WHERE o.campaign_id = $1 AND ($2::uuid IS NULL OR o.id < $2)
 ORDER BY o.id DESC LIMIT $3;

-- name: get
-- One command within the scope.
SELECT o.id, o.campaign_id, m.connection_id, m.request_id, o.payload, o.state, o.last_error, o.created_at,
       m.expires_at, m.told_at, m.reported_at, m.report
  FROM vtt_commands AS m JOIN outbox AS o ON o.id = m.outbox_id
 WHERE o.id = $1 AND o.campaign_id = ANY ($2::uuid[]);

-- name: retry
-- A person has decided: it is told once more, by whoever reaches the table in time.
WITH again AS (
    UPDATE outbox SET state = 'pending', last_error = '', next_at = now(), updated_at = now()
     WHERE id = $1 AND state IN ('dead', 'needs_person') RETURNING id
)
UPDATE vtt_commands AS m
   SET told_at = NULL, reported_at = NULL, report = '', expires_at = now() + make_interval(secs => $2)
  FROM again WHERE m.outbox_id = again.id;

-- name: forget
-- Drops commands that are long over, a bounded number at a time; those that wait for a person stay.
DELETE FROM outbox WHERE ctid = ANY (ARRAY(
    SELECT o.ctid FROM vtt_commands AS m JOIN outbox AS o ON o.id = m.outbox_id
     WHERE o.state IN ('done', 'dead') AND m.expires_at < now() - make_interval(secs => $1) LIMIT $2));

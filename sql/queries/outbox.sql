-- name: add
-- Something must leave; nothing when the same was ordered before.
INSERT INTO outbox (id, campaign_id, kind, dedupe_key, payload, order_key, expires_at, next_at)
VALUES ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7), now() + make_interval(secs => $8))
ON CONFLICT (dedupe_key) DO NOTHING
RETURNING id;

-- name: by_key
-- What was ordered under this key.
SELECT id FROM outbox WHERE dedupe_key = $1;

-- name: claim
-- Takes what may leave now: what is due or was left by its holder, and is first of those with its order key.
WITH next AS (
    SELECT o.id FROM outbox AS o
     WHERE o.kind = ANY ($1::text[])
       AND (o.state = 'pending' AND o.next_at <= clock_timestamp()
            OR o.state = 'leased' AND o.lease_until <= clock_timestamp())
       AND (o.expires_at IS NULL OR o.expires_at > clock_timestamp())
       AND (o.order_key IS NULL OR NOT EXISTS (
            SELECT FROM outbox AS e
             WHERE e.order_key = o.order_key AND e.id <> o.id
               AND (e.state = 'leased' AND e.lease_until > clock_timestamp()
                    OR e.state IN ('pending', 'leased') AND e.place < o.place)))
     ORDER BY o.next_at LIMIT $4
       FOR UPDATE SKIP LOCKED
)
UPDATE outbox AS o
   SET state = 'leased', lease_by = $2, lease_until = clock_timestamp() + make_interval(secs => $3),
       attempts = o.attempts + 1, updated_at = clock_timestamp()
  FROM next WHERE o.id = next.id
RETURNING o.id, o.campaign_id, o.kind, o.payload, o.attempts - 1 AS tried, o.created_at, o.attempts - o.forgiven AS tries,
          o.order_key, o.place;

-- name: claim_behind
-- Takes those that come right behind one that was just taken: of its kind, due, with none in between that are not.
WITH behind AS (
    SELECT o.id, o.place FROM outbox AS o
     WHERE o.order_key = $1 AND o.kind = $2 AND o.place > $3
       AND (o.state = 'pending' AND o.next_at <= clock_timestamp()
            OR o.state = 'leased' AND o.lease_until <= clock_timestamp())
       AND (o.expires_at IS NULL OR o.expires_at > clock_timestamp())
       AND NOT EXISTS (
            SELECT FROM outbox AS e
             WHERE e.order_key = $1 AND e.place > $3 AND e.place < o.place AND e.state IN ('pending', 'leased')
               AND (e.kind <> $2 OR e.expires_at <= clock_timestamp()
                    OR e.state = 'pending' AND e.next_at > clock_timestamp()
                    OR e.state = 'leased' AND e.lease_until > clock_timestamp()))
     ORDER BY o.place LIMIT $6
       FOR UPDATE SKIP LOCKED
)
UPDATE outbox AS o
   SET state = 'leased', lease_by = $4, lease_until = clock_timestamp() + make_interval(secs => $5),
       attempts = o.attempts + 1, updated_at = clock_timestamp()
  FROM behind WHERE o.id = behind.id
RETURNING o.id, o.campaign_id, o.kind, o.payload, o.attempts - 1 AS tried, o.created_at, o.attempts - o.forgiven AS tries,
          o.order_key, o.place;

-- name: hold
-- A sign of life of whoever delivers these; answers those that are still theirs.
UPDATE outbox SET lease_until = clock_timestamp() + make_interval(secs => $3)
 WHERE id = ANY ($2::uuid[]) AND lease_by = $1 AND state = 'leased'
RETURNING id;

-- name: settle
-- What became of a try, if whoever tells it still holds the item; one that came too late is dead.
UPDATE outbox
   SET state = CASE WHEN $3 = 'pending' AND expires_at <= clock_timestamp() + make_interval(secs => $5) THEN 'dead'
                    ELSE $3 END,
       last_error = $4, lease_until = NULL, lease_by = NULL, attempts = attempts - CASE WHEN $6 THEN 0 ELSE 1 END,
       next_at = clock_timestamp() + make_interval(secs => $5),
       order_key = CASE WHEN $7 THEN NULL ELSE order_key END, updated_at = clock_timestamp()
 WHERE id = $1 AND lease_by = $2 AND state = 'leased';

-- name: expire
-- What is not worth anything any more, whoever had it.
UPDATE outbox
   SET state = 'dead', lease_until = NULL, lease_by = NULL, updated_at = clock_timestamp(),
       last_error = CASE WHEN state = 'leased' THEN 'The server ended while it was being sent: it may have arrived.'
                         WHEN last_error = '' THEN 'It came too late.'
                         ELSE left('It came too late: ' || last_error, 500) END
 WHERE expires_at <= clock_timestamp()
   AND (state = 'pending' OR state = 'leased' AND lease_until <= clock_timestamp());

-- name: seconds_to_next
-- How long until something of these kinds is due; NULL: nothing waits.
SELECT extract(epoch FROM min(next_at) - clock_timestamp())::float8
  FROM outbox WHERE kind = ANY ($1::text[]) AND state = 'pending';

-- name: list_page
-- Items of a campaign in these states, newest first; those that a person has decided only when asked for.
SELECT id, campaign_id, kind, payload, state, attempts, last_error, created_at, next_at, expires_at, decision, decided_at
  FROM outbox
 WHERE campaign_id = $1 AND state = ANY ($2::text[]) AND ($3 OR decision IS NULL) AND ($4::uuid IS NULL OR id < $4)
 ORDER BY id DESC LIMIT $5;

-- name: get
-- One item within the scope.
SELECT id, campaign_id, kind, payload, state, attempts, last_error, created_at, next_at, expires_at, decision, decided_at
  FROM outbox WHERE id = $1 AND campaign_id = ANY ($2::uuid[]);

-- name: retry
-- A person says "try again": earlier tries are forgiven, and it has so many seconds if it had an end.
UPDATE outbox
   SET state = 'pending', next_at = clock_timestamp(), forgiven = attempts, decision = NULL, decided_by = NULL,
       decided_at = NULL, updated_at = clock_timestamp(),
       expires_at = CASE WHEN expires_at IS NULL THEN NULL ELSE clock_timestamp() + make_interval(secs => $2) END
 WHERE id = $1 AND state IN ('dead', 'needs_person');

-- name: decide
-- A person says what became of it: done by hand, or not wanted any more.
UPDATE outbox
   SET state = CASE $2 WHEN 'by_hand' THEN 'done' ELSE 'dead' END, decision = $2, decided_by = $3,
       decided_at = clock_timestamp(), lease_until = NULL, lease_by = NULL, updated_at = clock_timestamp()
 WHERE id = $1 AND state IN ('pending', 'dead', 'needs_person') AND decision IS NULL;

-- name: forget
-- Drops what is over for so long, a bounded number at a time; what waits for a person stays.
DELETE FROM outbox WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM outbox
     WHERE kind <> 'vtt.command' AND state IN ('done', 'dead')
       AND updated_at < now() - make_interval(secs => $1) LIMIT $2));

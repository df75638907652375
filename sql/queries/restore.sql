-- name: identity
-- Which database this is: it changes with a restored dump, a new server, a recovery to a point in time, a failover.
SELECT concat_ws('/', s.system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8), d.oid,
                 'campaign_heads'::regclass::oid)
FROM pg_control_system() AS s, pg_database AS d
WHERE d.datname = current_database();

-- name: known
-- The identity that was noted last, held until the transaction ends: of several that look, one acts.
SELECT value FROM settings WHERE key = 'database.identity' FOR UPDATE;

-- name: make_room
-- The row of that note.
INSERT INTO settings (key, value) VALUES ('database.identity', 'null') ON CONFLICT (key) DO NOTHING;

-- name: note
-- From now on this is the database.
UPDATE settings SET value = $1, updated_at = now() WHERE key = 'database.identity';

-- name: renew_all
-- Every campaign starts a new stream: a browser that has seen more than this database knows gets a snapshot.
WITH held AS (
    SELECT campaign_id FROM campaign_heads ORDER BY campaign_id FOR UPDATE
)
UPDATE campaign_heads SET epoch = gen_random_uuid()
FROM held WHERE campaign_heads.campaign_id = held.campaign_id;

-- name: renew
-- One campaign starts a new stream, unless somebody else has just made it do so.
UPDATE campaign_heads SET epoch = gen_random_uuid() WHERE campaign_id = $1 AND epoch = $2;

-- name: hold_outbox
-- What was on its way out when the backup was made may have arrived since: a person decides.
UPDATE outbox
SET state = CASE WHEN expires_at <= now() THEN 'dead' ELSE 'needs_person' END, lease_until = NULL, lease_by = NULL,
    updated_at = now(), last_error = 'restored from a backup: it may have been done already'
WHERE state IN ('pending', 'leased');

-- name: doubt_tokens
-- Refresh tokens of a backup may have been used up since: whoever is refused with one knows why.
UPDATE oauth_tokens SET rotating_since = now(), rotating_by = NULL, rotating_until = NULL
WHERE state = 'valid' AND rotating_since IS NULL;

-- name: create
-- A table that may send dice to a campaign.
INSERT INTO vtt_connections (id, campaign_id, provider, name, visibility, origins, is_trusted, signing_secret,
                             ingest_hash, world_id, world_name, module_version, game_system)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: count
-- How many tables a campaign has.
SELECT count(*) FROM vtt_connections WHERE campaign_id = $1;

-- name: list_of_campaign
-- The tables of a campaign, oldest first.
SELECT * FROM vtt_connection_views WHERE campaign_id = $1 ORDER BY created_at, id;

-- name: get
-- One table within the scope.
SELECT * FROM vtt_connection_views WHERE id = $1 AND campaign_id = ANY ($2::uuid[]);

-- name: lock
-- Takes one table within the scope until the transaction ends, so that two changes follow each other.
SELECT campaign_id FROM vtt_connections WHERE id = $1 AND campaign_id = ANY ($2::uuid[]) FOR UPDATE;

-- name: update
-- Renames, or decides anew who may send and what it counts for.
UPDATE vtt_connections
   SET name = $2, visibility = $3, origins = $4, is_trusted = $5, updated_at = now()
 WHERE id = $1;

-- name: rotate
-- New secrets; those that were new until now stay good for so many seconds.
UPDATE vtt_connections
   SET older_signing_secret = $3, older_ingest_hash = ingest_hash, older_until = now() + make_interval(secs => $5),
       signing_secret = $2, ingest_hash = $4, updated_at = now()
 WHERE id = $1;

-- name: revoke
-- Nothing that this table has proves it any more, from this commit on.
UPDATE vtt_connections
   SET status = 'revoked', revoked_at = now(), revoked_reason = $2, token_version = token_version + 1,
       signing_secret = NULL, ingest_hash = NULL, parked = NULL, parked_until = NULL,
       older_signing_secret = NULL, older_ingest_hash = NULL, older_until = NULL, updated_at = now()
 WHERE id = $1 AND status = 'active';

-- name: reauthorize
-- A revoked table may come back, with other secrets.
UPDATE vtt_connections
   SET status = 'active', revoked_at = NULL, revoked_reason = '', token_version = token_version + 1,
       signing_secret = $2, ingest_hash = $3, updated_at = now()
 WHERE id = $1 AND status = 'revoked';

-- name: drop_double_rolls
-- Rolls that another table, which is gone by now, has told as well: without a table they would be the same roll.
DELETE FROM dice_rolls AS r
 WHERE r.connection_id = $1
   AND EXISTS (SELECT FROM dice_rolls AS other
                WHERE other.campaign_id = r.campaign_id AND other.connection_id IS NULL
                  AND other.instance_id = r.instance_id AND other.roll_id = r.roll_id);

-- name: adopt_rolls
-- Rolls of characters that a table, which is gone by now, has told as well go to those of the one that goes now.
UPDATE dice_rolls AS r SET character_id = newer.id
  FROM characters AS newer
  JOIN characters AS older ON older.campaign_id = newer.campaign_id AND older.vtt_id = newer.vtt_id
                          AND older.connection_id IS NULL
 WHERE newer.connection_id = $1 AND r.character_id = older.id;

-- name: end_commands
-- What still waits for a table that goes will not be done any more.
UPDATE outbox AS o
   SET state = 'dead', lease_until = NULL, lease_by = NULL, last_error = 'The table was deleted.', updated_at = now()
  FROM vtt_commands AS c
 WHERE c.outbox_id = o.id AND c.connection_id = $1 AND o.state IN ('pending', 'leased');

-- name: drop_double_characters
-- Characters without a table of which the table that goes now has a newer record.
DELETE FROM characters AS older
 USING characters AS newer
 WHERE newer.connection_id = $1 AND older.campaign_id = newer.campaign_id AND older.vtt_id = newer.vtt_id
   AND older.connection_id IS NULL;

-- name: delete
-- A table goes; its rolls and characters stay.
DELETE FROM vtt_connections WHERE id = $1;

-- name: gate
-- What a delivery must prove, the older secrets as long as they are good, and the database clock.
SELECT c.id, c.campaign_id, c.provider, c.status = 'active' AS is_active, c.signing_secret, c.ingest_hash,
       CASE WHEN c.older_until > now() THEN c.older_signing_secret END AS older_signing_secret,
       CASE WHEN c.older_until > now() THEN c.older_ingest_hash END AS older_ingest_hash,
       coalesce(c.world_id, '') AS world_id, c.visibility, c.origins, c.is_trusted, clock_timestamp() AS now
  FROM vtt_connections AS c
 WHERE c.id = $1;

-- name: origins
-- From which origins browsers may send to a table.
SELECT origins FROM vtt_connections WHERE id = $1;

-- name: heard
-- When each table last sent something that was genuine; the newest wins.
UPDATE vtt_connections AS c SET heard_at = v.heard_at
  FROM unnest($1::uuid[], $2::timestamptz[]) AS v (id, heard_at)
 WHERE c.id = v.id AND (c.heard_at IS NULL OR c.heard_at < v.heard_at);

-- name: active
-- Which of some tables may send to a campaign; they stay until the transaction ends.
SELECT id FROM vtt_connections
 WHERE campaign_id = $1 AND id = ANY($2::uuid[]) AND status = 'active' FOR KEY SHARE;

-- name: create
-- A donation page that may send to a campaign.
INSERT INTO donation_connections (id, campaign_id, service, name, signing_secret, token_hash)
VALUES ($1, $2, $3, $4, $5, $6);

-- name: count
-- How many donation pages a campaign has.
SELECT count(*) FROM donation_connections WHERE campaign_id = $1;

-- name: list_of_campaign
-- The donation pages of a campaign, oldest first.
SELECT id, campaign_id, service, name, status, CASE WHEN older_until > now() THEN older_until END AS older_until,
       heard_at, created_at
  FROM donation_connections WHERE campaign_id = $1 ORDER BY created_at, id;

-- name: get
-- One donation page within the scope.
SELECT id, campaign_id, service, name, status, CASE WHEN older_until > now() THEN older_until END AS older_until,
       heard_at, created_at
  FROM donation_connections WHERE id = $1 AND campaign_id = ANY ($2::uuid[]);

-- name: lock
-- One donation page within the scope, as it is stored, until the transaction ends.
SELECT signing_secret, token_hash FROM donation_connections WHERE id = $1 AND campaign_id = ANY ($2::uuid[]) FOR UPDATE;

-- name: rename
-- Another name for a donation page.
UPDATE donation_connections SET name = $2, updated_at = now() WHERE id = $1;

-- name: rotate
-- New secrets; those of now stay good for so many seconds, where there are any.
UPDATE donation_connections
   SET older_signing_secret = $3, older_token_hash = token_hash,
       older_until = CASE WHEN token_hash IS NOT NULL THEN now() + make_interval(secs => $5) END,
       signing_secret = $2, token_hash = $4, status = 'active', updated_at = now()
 WHERE id = $1;

-- name: revoke
-- Nothing proves this page any more, from this commit on.
UPDATE donation_connections
   SET status = 'revoked', signing_secret = NULL, token_hash = NULL, older_signing_secret = NULL,
       older_token_hash = NULL, older_until = NULL, updated_at = now()
 WHERE id = $1 AND status = 'active';

-- name: delete
-- A donation page goes; what it told stays.
DELETE FROM donation_connections WHERE id = $1;

-- name: gate
-- What a delivery must prove, the older secrets while they are good, and the database clock; of a show that stays.
SELECT d.id, d.campaign_id, d.service, d.status = 'active' AS is_active, d.signing_secret, d.token_hash,
       CASE WHEN d.older_until > now() THEN d.older_signing_secret END AS older_signing_secret,
       CASE WHEN d.older_until > now() THEN d.older_token_hash END AS older_token_hash, clock_timestamp() AS now
  FROM donation_connections AS d JOIN campaigns AS c ON c.id = d.campaign_id
 WHERE d.id = $1 AND c.deleted_at IS NULL;

-- name: active
-- Which of some donation pages may tell a campaign something; they stay until the transaction ends.
SELECT id, service FROM donation_connections
 WHERE campaign_id = $1 AND id = ANY ($2::uuid[]) AND status = 'active' FOR KEY SHARE;

-- name: heard
-- When a donation page last sent something genuine; the newest wins.
UPDATE donation_connections SET heard_at = $2 WHERE id = $1 AND (heard_at IS NULL OR heard_at < $2);

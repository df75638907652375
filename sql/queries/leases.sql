-- name: claim
-- Takes free and expired leases, renews own ones, and tells every channel the holder reads from now on.
WITH held AS (
    INSERT INTO channel_leases (channel_id, holder, expires_at)
    SELECT id, $1, clock_timestamp() + $2::interval
      FROM channels
     WHERE source = ANY($3::text[])
     ORDER BY id
        ON CONFLICT (channel_id) DO UPDATE
       SET holder = excluded.holder, expires_at = clock_timestamp() + $2::interval
     WHERE channel_leases.holder = excluded.holder OR channel_leases.expires_at <= clock_timestamp()
    RETURNING channel_id
)
SELECT c.id, c.campaign_id, c.platform, c.login, c.channel_id, c.source, c.state, c.state_detail, c.state_at,
       c.heard_at, c.heard_lag_ms, c.created_at
  FROM held
  JOIN channels c ON c.id = held.channel_id
 ORDER BY c.id;

-- name: release
-- A process that leaves politely: whoever asks next may read its channels at once.
DELETE FROM channel_leases WHERE holder = $1;

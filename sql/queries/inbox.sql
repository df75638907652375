-- name: take_in
-- Notes deliveries of a source, ids joined by U+001F; answers the new ones, or NULL when all $5 are new.
WITH fresh AS (
    INSERT INTO inbox (campaign_id, source, message_id, received_at)
    SELECT $1, $2::text, d.message_id, $4::timestamptz
    FROM unnest(string_to_array($3::text, E'\x1f')) AS d (message_id)
    ON CONFLICT DO NOTHING
    RETURNING message_id
)
SELECT CASE WHEN count(*) < $5::bigint THEN coalesce(string_agg(message_id, E'\x1f'), '') END FROM fresh;

-- name: forget
-- Drops ids older than the promise (30 days), a bounded number at a time.
DELETE FROM inbox WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM inbox WHERE received_at < now() - make_interval(secs => $1) LIMIT $2));

-- name: take_in
-- Notes deliveries; answers the ones that are new.
INSERT INTO inbox (campaign_id, source, message_id, received_at)
SELECT $1, d.source, d.message_id, d.received_at
FROM unnest($2::text[], $3::text[], $4::timestamptz[]) AS d (source, message_id, received_at)
ON CONFLICT DO NOTHING
RETURNING source, message_id;

-- name: forget
-- Drops ids older than the promise (30 days), a bounded number at a time.
DELETE FROM inbox WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM inbox WHERE received_at < now() - make_interval(secs => $1) LIMIT $2));

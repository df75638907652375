-- name: note
-- Says of browser sources that they are open now; overlays that were deleted meanwhile are passed over.
INSERT INTO overlay_sources (overlay_id, connection, name, obs, width, height, connected_at, seen_at)
SELECT s.overlay_id, s.connection, s.name, s.obs, s.width, s.height, now(), now()
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::integer[], $6::integer[])
     AS s (overlay_id, connection, name, obs, width, height)
JOIN overlay_configs AS o ON o.id = s.overlay_id
ORDER BY s.overlay_id, s.connection
FOR KEY SHARE OF o
ON CONFLICT (overlay_id, connection) DO UPDATE SET seen_at = excluded.seen_at;

-- name: forget
-- Browser sources that were closed, and those whose server died without saying so.
DELETE FROM overlay_sources
WHERE connection = ANY($1::uuid[]) OR seen_at < now() - make_interval(secs => $2);

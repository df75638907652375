-- name: by_hash
-- The overlays that these keys open, with where their campaigns stand.
SELECT o.id, o.campaign_id, o.name, o.layout, o.key_hash, h.token_version, h.epoch, h.seq
FROM overlay_configs AS o JOIN campaign_heads AS h USING (campaign_id)
WHERE o.key_hash = ANY($1::bytea[]);

-- name: by_id
-- The same for overlays that are connected, to see which keys still open them.
SELECT o.id, o.campaign_id, o.name, o.layout, o.key_hash, h.token_version, h.epoch, h.seq
FROM overlay_configs AS o JOIN campaign_heads AS h USING (campaign_id)
WHERE o.id = ANY($1::uuid[]);

-- name: list_of_campaign
-- The rules of a campaign in the order in which they are asked.
SELECT id, campaign_id, preset_key, edited, category, subcategory, item_type, match_field, match_value, label,
       description, icon, color, is_targetable, weight, priority, is_enabled
FROM campaign_item_category_rules WHERE campaign_id = $1 ORDER BY priority DESC, id;

-- name: get
-- One rule within the scope.
SELECT id, campaign_id, preset_key, edited, category, subcategory, item_type, match_field, match_value, label,
       description, icon, color, is_targetable, weight, priority, is_enabled
FROM campaign_item_category_rules WHERE id = $1 AND campaign_id = ANY($2::uuid[]);

-- name: save
-- A rule, new or changed.
INSERT INTO campaign_item_category_rules
    (id, campaign_id, preset_key, edited, category, subcategory, item_type, match_field, match_value, label,
     description, icon, color, is_targetable, weight, priority, is_enabled)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
ON CONFLICT (id) DO UPDATE
SET preset_key = excluded.preset_key, edited = excluded.edited, category = excluded.category,
    subcategory = excluded.subcategory, item_type = excluded.item_type, match_field = excluded.match_field,
    match_value = excluded.match_value, label = excluded.label, description = excluded.description,
    icon = excluded.icon, color = excluded.color, is_targetable = excluded.is_targetable,
    weight = excluded.weight, priority = excluded.priority, is_enabled = excluded.is_enabled,
    updated_at = now();

-- name: delete
-- Removes rules.
DELETE FROM campaign_item_category_rules WHERE campaign_id = $1 AND id = ANY($2::uuid[]);

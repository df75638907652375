-- name: list_of_campaign
-- The rules of a campaign in the order in which they were made.
SELECT id, campaign_id, preset_key, is_system_preset, edited, dice_formula, result_field, result_condition,
       critical_type, severity, label, description, category, dice_group, symbol, also, kinds, priority, is_enabled
FROM campaign_criticality_rules WHERE campaign_id = $1 ORDER BY place, id;

-- name: get
-- One rule within the scope.
SELECT id, campaign_id, preset_key, is_system_preset, edited, dice_formula, result_field, result_condition,
       critical_type, severity, label, description, category, dice_group, symbol, also, kinds, priority, is_enabled
FROM campaign_criticality_rules WHERE id = $1 AND campaign_id = ANY($2::uuid[]);

-- name: save
-- A rule, new or changed. Its place is behind those that were there when it came.
INSERT INTO campaign_criticality_rules
    (id, campaign_id, preset_key, is_system_preset, edited, dice_formula, result_field, result_condition,
     critical_type, severity, label, description, category, dice_group, symbol, also, kinds, priority, is_enabled,
     place)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
       coalesce(max(place) + 1, 0)
FROM campaign_criticality_rules WHERE campaign_id = $2
ON CONFLICT (id) DO UPDATE
SET preset_key = excluded.preset_key, is_system_preset = excluded.is_system_preset, edited = excluded.edited,
    dice_formula = excluded.dice_formula, result_field = excluded.result_field,
    result_condition = excluded.result_condition, critical_type = excluded.critical_type,
    severity = excluded.severity, label = excluded.label, description = excluded.description,
    category = excluded.category, dice_group = excluded.dice_group, symbol = excluded.symbol,
    also = excluded.also, kinds = excluded.kinds, priority = excluded.priority,
    is_enabled = excluded.is_enabled, updated_at = now();

-- name: delete
-- Removes rules.
DELETE FROM campaign_criticality_rules WHERE campaign_id = $1 AND id = ANY($2::uuid[]);

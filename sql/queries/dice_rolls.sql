-- name: known
-- Those of the rolls named by three arrays that are stored.
SELECT d.id, d.campaign_id, d.connection_id, d.view_id, d.roll, d.attribution, d.rolled_at,
       d.received_at, d.character_id, d.channel_id, d.critical_type, d.severity, d.critical_label,
       d.rule_id, d.category, d.details, d.inconsistencies, d.anomalies, d.command_id, d.commitment, d.nonce,
       d.simulated, d.shown_at, d.revealed_at, d.effects_at
FROM unnest($2::uuid[], $3::text[], $4::text[]) AS k (connection_id, instance_id, roll_id)
JOIN dice_rolls AS d ON d.campaign_id = $1 AND d.roll_id = k.roll_id AND d.instance_id = k.instance_id
    AND d.connection_id IS NOT DISTINCT FROM k.connection_id;

-- name: insert
-- Adds rolls, a column an array.
INSERT INTO dice_rolls (id, campaign_id, connection_id, instance_id, roll_id, view_id, system,
                        player_key, character_id, channel_id, attribution, command_id, simulated,
                        received_at, revision, visibility, roll, critical_type, severity,
                        critical_label, category, rule_id, details, inconsistencies, verified,
                        commitment, nonce, shown_at, revealed_at, effects_at, rolled_at, anomalies)
SELECT n.id, n.campaign_id, n.connection_id, n.instance_id, n.roll_id, n.view_id, n.system,
       n.player_key, n.character_id, n.channel_id, n.attribution, n.command_id, n.simulated,
       n.received_at, n.revision, n.visibility, n.roll::jsonb, n.critical_type, n.severity,
       n.critical_label, n.category, n.rule_id, n.details::jsonb,
       coalesce(string_to_array(nullif(n.inconsistencies, ''), E'\x1f'), '{}'), n.verified,
       n.commitment, n.nonce, n.shown_at, n.revealed_at, n.effects_at, n.rolled_at,
       coalesce(string_to_array(nullif(n.anomalies, ''), E'\x1f'), '{}')
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::text[],
            $8::text[], $9::uuid[], $10::uuid[], $11::text[], $12::uuid[], $13::boolean[],
            $14::timestamptz[], $15::integer[], $16::text[], $17::text[], $18::text[], $19::text[],
            $20::text[], $21::text[], $22::text[], $23::text[], $24::text[], $25::boolean[],
            $26::text[], $27::bytea[], $28::timestamptz[], $29::timestamptz[], $30::timestamptz[],
            $31::timestamptz[], $32::text[])
     AS n (id, campaign_id, connection_id, instance_id, roll_id, view_id, system, player_key,
           character_id, channel_id, attribution, command_id, simulated, received_at, revision,
           visibility, roll, critical_type, severity, critical_label, category, rule_id, details,
           inconsistencies, verified, commitment, nonce, shown_at, revealed_at, effects_at, rolled_at,
           anomalies);

-- name: revise
-- A higher revision of a roll in place of the one before.
UPDATE dice_rolls
SET revision = $3, visibility = $4, roll = $5::text::jsonb, critical_type = $6, severity = $7,
    critical_label = $8, category = $9, rule_id = $10, details = $11::text::jsonb,
    inconsistencies = coalesce(string_to_array(nullif($12::text, ''), E'\x1f'), '{}'),
    verified = $13, commitment = $14, nonce = $15, shown_at = $16, revealed_at = $17, effects_at = $18,
    rolled_at = $19, anomalies = coalesce(string_to_array(nullif($20::text, ''), E'\x1f'), '{}'), updated_at = now()
WHERE id = $1 AND campaign_id = $2 AND revision < $3;

-- name: settle
-- A pending roll is somebody's, or nobody's, once.
UPDATE dice_rolls
SET attribution = $3, character_id = $4, channel_id = $5, roll = $6::text::jsonb, updated_at = now()
WHERE id = $1 AND campaign_id = $2 AND attribution = 'pending'
RETURNING id;

-- name: mark
-- When a roll was shown and revealed and had its effects.
UPDATE dice_rolls SET shown_at = $3, revealed_at = $4, effects_at = $5, updated_at = now()
WHERE id = $1 AND campaign_id = $2;

-- name: get
-- One roll.
SELECT id, campaign_id, connection_id, view_id, roll, attribution, rolled_at, received_at, character_id,
       channel_id, critical_type, severity, critical_label, rule_id, category, details, inconsistencies,
       anomalies, command_id, commitment, nonce, simulated, shown_at, revealed_at, effects_at
FROM dice_rolls WHERE id = $1;

-- name: page
-- Rolls of a campaign, newest first, below a cursor; without secret ones when $3.
SELECT id, campaign_id, connection_id, view_id, roll, attribution, rolled_at, received_at, character_id,
       channel_id, critical_type, severity, critical_label, rule_id, category, details, inconsistencies,
       anomalies, command_id, commitment, nonce, simulated, shown_at, revealed_at, effects_at
FROM dice_rolls
WHERE campaign_id = $1 AND ($2::uuid IS NULL OR id < $2)
  AND (NOT $3::boolean OR visibility = 'public' OR revealed_at IS NOT NULL)
ORDER BY id DESC LIMIT $4;

-- name: page_pending
-- As page, those that wait for the game master.
SELECT id, campaign_id, connection_id, view_id, roll, attribution, rolled_at, received_at, character_id,
       channel_id, critical_type, severity, critical_label, rule_id, category, details, inconsistencies,
       anomalies, command_id, commitment, nonce, simulated, shown_at, revealed_at, effects_at
FROM dice_rolls
WHERE campaign_id = $1 AND ($2::uuid IS NULL OR id < $2) AND attribution = 'pending'
  AND (NOT $3::boolean OR visibility = 'public' OR revealed_at IS NOT NULL)
ORDER BY id DESC LIMIT $4;

-- name: lately
-- The newest rolls of some tables before a moment, at most $3 of each.
SELECT c.id AS connection_id, r.instance_id, r.roll_id, r.player_name, r.rolled_at, r.groups
FROM unnest($1::uuid[]) AS c (id)
CROSS JOIN LATERAL (
    SELECT instance_id, roll_id, roll -> 'actor' ->> 0 AS player_name, rolled_at, roll -> 'groups' AS groups
    FROM dice_rolls
    WHERE connection_id = c.id AND received_at > $2::timestamptz - interval '10 minutes'
    ORDER BY received_at DESC LIMIT $3
) AS r;

-- name: fell
-- The dice of the newest $2 rolls that fell by chance, by who threw them, whether everybody may know, and kind; and how many rolls that are.
WITH newest AS (
    SELECT id, player_key, roll, simulated OR command_id IS NOT NULL AS is_left_out,
           (visibility <> 'public' AND revealed_at IS NULL)
           OR coalesce(roll -> 'redact' ?| array['dice', 'total', 'character_name'], false) AS is_hidden
    FROM dice_rolls WHERE campaign_id = $1 ORDER BY id DESC LIMIT $2
), counted AS (
    SELECT * FROM newest WHERE NOT is_left_out
)
SELECT n.player_key, n.is_hidden, g.value ->> 'sides' AS sides,
       (array_agg(n.roll -> 'actor' ->> 0 ORDER BY n.id DESC))[1] AS player_name, min(n.id::text) AS first_id,
       array_agg(CASE jsonb_typeof(d.value) WHEN 'number' THEN d.value ELSE d.value -> 'value' END::bigint
                 ORDER BY n.id, g.ordinality, d.ordinality) AS faces,
       (SELECT count(*) FROM counted) AS rolls
FROM counted AS n
CROSS JOIN LATERAL jsonb_array_elements(n.roll -> 'groups') WITH ORDINALITY AS g
CROSS JOIN LATERAL jsonb_array_elements(g.value -> 'dice') WITH ORDINALITY AS d
WHERE g.value ->> 'sides' <> 'custom'
GROUP BY n.player_key, n.is_hidden, g.value ->> 'sides'
ORDER BY first_id, sides;

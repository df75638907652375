-- name: get
-- One character, and whose it is.
SELECT c.id, c.campaign_id, c.connection_id, c.vtt_id, c.name, c.avatar, c.kind, c.kind_override, c.hit_points,
       c.conditions, c.in_party, c.hides_points, c.item_summary, c.synced_at, c.created_at, a.channel_id,
       a.character_id IS NOT NULL AND a.channel_id IS NULL AS is_game_masters
FROM characters AS c LEFT JOIN character_assignments AS a ON a.character_id = c.id
WHERE c.id = $1;

-- name: page
-- Characters of a campaign, newest first, below a cursor; when $4 player characters and the party alone.
SELECT c.id, c.campaign_id, c.connection_id, c.vtt_id, c.name, c.avatar, c.kind, c.kind_override, c.hit_points,
       c.conditions, c.in_party, c.hides_points, c.item_summary, c.synced_at, c.created_at, a.channel_id,
       a.character_id IS NOT NULL AND a.channel_id IS NULL AS is_game_masters
FROM characters AS c LEFT JOIN character_assignments AS a ON a.character_id = c.id
WHERE c.campaign_id = $1 AND ($2::uuid IS NULL OR c.id < $2)
  AND (NOT $4::boolean OR (c.kind = 'pc' AND NOT c.is_unannounced) OR c.in_party)
ORDER BY c.id DESC LIMIT $3;

-- name: roster
-- All characters of a campaign, as rolls find them.
SELECT c.id, c.connection_id, c.vtt_id, c.name, c.kind, c.is_unannounced, a.channel_id,
       a.character_id IS NOT NULL AND a.channel_id IS NULL AS is_game_masters
FROM characters AS c LEFT JOIN character_assignments AS a ON a.character_id = c.id
WHERE c.campaign_id = $1 ORDER BY c.id;

-- name: aliases
-- What else tables call the characters of a campaign.
SELECT connection_id, vtt_id, character_id FROM character_aliases WHERE campaign_id = $1;

-- name: alias
-- Remembers what else tables call characters.
INSERT INTO character_aliases (campaign_id, connection_id, vtt_id, character_id)
SELECT $1, a.connection_id, a.vtt_id, a.character_id
FROM unnest($2::uuid[], $3::text[], $4::uuid[]) AS a (connection_id, vtt_id, character_id)
ON CONFLICT (campaign_id, connection_id, vtt_id) DO UPDATE SET character_id = excluded.character_id;

-- name: adopt
-- A character is another table's now; the one before goes on knowing it by its own id.
WITH before AS (
    SELECT id, campaign_id, connection_id, vtt_id FROM characters WHERE id = $1 AND campaign_id = $2
), forgotten AS (
    DELETE FROM character_aliases WHERE campaign_id = $2 AND connection_id = $3 AND vtt_id = $4
), kept AS (
    INSERT INTO character_aliases (campaign_id, connection_id, vtt_id, character_id)
    SELECT campaign_id, connection_id, vtt_id, id FROM before WHERE connection_id IS NOT NULL
    ON CONFLICT (campaign_id, connection_id, vtt_id) DO NOTHING
)
UPDATE characters SET connection_id = $3, vtt_id = $4, updated_at = now() WHERE id = $1 AND campaign_id = $2;

-- name: announce
-- Everybody may know of these player characters now.
UPDATE characters SET in_party = true, is_unannounced = false, updated_at = now()
WHERE campaign_id = $1 AND id = ANY($2::uuid[]);

-- name: meet
-- Characters heard of in rolls; those that are there stay as they are.
INSERT INTO characters (id, campaign_id, connection_id, vtt_id, name, kind, in_party, is_unannounced)
SELECT m.id, $1, m.connection_id, m.vtt_id, m.name, m.kind, m.kind = 'pc' AND NOT m.is_secret,
       m.kind = 'pc' AND m.is_secret
FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::boolean[])
     AS m (id, connection_id, vtt_id, name, kind, is_secret)
ON CONFLICT (campaign_id, connection_id, vtt_id) DO UPDATE SET updated_at = characters.updated_at
RETURNING id, connection_id, vtt_id;

-- name: rename
-- Characters that their tables call otherwise now.
UPDATE characters SET name = n.name, updated_at = now()
FROM unnest($2::uuid[], $3::text[]) AS n (id, name)
WHERE characters.id = n.id AND characters.campaign_id = $1;

-- name: sheets
-- What is stored of the characters named by two arrays.
SELECT c.id, c.connection_id, c.vtt_id, c.name, c.avatar, c.kind, c.content, c.content_hash, c.item_hash,
       c.hit_points, c.conditions
FROM unnest($2::uuid[], $3::text[]) AS k (connection_id, vtt_id)
JOIN characters AS c ON c.campaign_id = $1 AND c.connection_id = k.connection_id AND c.vtt_id = k.vtt_id;

-- name: all_sheets
-- What is stored of all characters that a table has sent.
SELECT id, connection_id, vtt_id, name, avatar, kind, content, content_hash, item_hash, hit_points, conditions
FROM characters WHERE campaign_id = $1 AND content_hash <> '' ORDER BY id;

-- name: save_sheet
-- What a table sent of a character. A player character has no override; a new one joins the party, and so does one of whom only rolls were known.
INSERT INTO characters (id, campaign_id, connection_id, vtt_id, name, avatar, kind, content, content_hash,
                        item_summary, item_hash, hit_points, conditions, in_party, synced_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $7 = 'pc', $14)
ON CONFLICT (campaign_id, connection_id, vtt_id) DO UPDATE
SET name = excluded.name, avatar = excluded.avatar, kind = excluded.kind,
    kind_override = CASE WHEN excluded.kind = 'pc' THEN NULL ELSE characters.kind_override END,
    content = excluded.content, content_hash = excluded.content_hash,
    item_summary = excluded.item_summary, item_hash = excluded.item_hash,
    hit_points = excluded.hit_points, conditions = excluded.conditions,
    in_party = characters.in_party OR (characters.content_hash = '' AND excluded.kind = 'pc'),
    is_unannounced = false, synced_at = excluded.synced_at, updated_at = now()
RETURNING id;

-- name: save_summaries
-- The items of characters, counted anew.
UPDATE characters SET item_summary = s.summary::jsonb, item_hash = s.hash, updated_at = now()
FROM unnest($2::uuid[], $3::text[], $4::text[]) AS s (id, summary, hash)
WHERE characters.id = s.id AND characters.campaign_id = $1;

-- name: hurt
-- Hit points as a fight tells them, of player characters.
UPDATE characters SET hit_points = h.points::jsonb, updated_at = now()
FROM unnest($3::text[], $4::text[]) AS h (vtt_id, points)
WHERE characters.campaign_id = $1
  AND ((characters.connection_id = $2 AND characters.vtt_id = h.vtt_id)
       OR characters.id = (SELECT a.character_id FROM character_aliases AS a
                            WHERE a.campaign_id = $1 AND a.connection_id = $2 AND a.vtt_id = h.vtt_id))
  AND characters.kind = 'pc' AND characters.hit_points IS DISTINCT FROM h.points::jsonb
RETURNING characters.id;

-- name: create
-- A character made by hand.
INSERT INTO characters (id, campaign_id, vtt_id, name, kind, hit_points, conditions, in_party, hides_points)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: namesakes
-- Who there is, and whether tables send them whole or only tell of their rolls.
SELECT id, name, kind, content_hash <> '' AS is_synced, connection_id IS NOT NULL AS has_table
FROM characters WHERE campaign_id = $1;

-- name: write_down
-- Somebody of whom only rolls told, as the game master writes it down.
UPDATE characters
SET name = $3, kind = $4, kind_override = NULL, hit_points = $5, conditions = $6, in_party = $7, hides_points = $8,
    is_unannounced = false, updated_at = now()
WHERE id = $1 AND campaign_id = $2;

-- name: merge_rolls
-- Rolls of one character are another one's.
UPDATE dice_rolls SET character_id = $3 WHERE campaign_id = $1 AND character_id = $2;

-- name: merge_aliases
-- What tables call one character means another one.
WITH named AS (
    INSERT INTO character_aliases (campaign_id, connection_id, vtt_id, character_id)
    SELECT campaign_id, connection_id, vtt_id, $3 FROM characters
     WHERE campaign_id = $1 AND id = $2 AND connection_id IS NOT NULL
    ON CONFLICT (campaign_id, connection_id, vtt_id) DO UPDATE SET character_id = excluded.character_id
)
UPDATE character_aliases SET character_id = $3 WHERE campaign_id = $1 AND character_id = $2;

-- name: merge_assignment
-- Who plays one character plays another one, if nobody does.
UPDATE character_assignments SET character_id = $3
WHERE campaign_id = $1 AND character_id = $2
  AND NOT EXISTS (SELECT FROM character_assignments WHERE character_id = $3);

-- name: merge_sheet
-- One that no table sent gets what it sent of another one; either's place in the party stays.
UPDATE characters AS c
SET in_party = c.in_party OR o.in_party, is_unannounced = c.is_unannounced AND o.is_unannounced,
    avatar = CASE WHEN c.content_hash = '' THEN o.avatar ELSE c.avatar END,
    kind = CASE WHEN c.content_hash = '' THEN o.kind ELSE c.kind END,
    kind_override = CASE WHEN c.content_hash = '' THEN o.kind_override ELSE c.kind_override END,
    content = CASE WHEN c.content_hash = '' THEN o.content ELSE c.content END,
    item_summary = CASE WHEN c.content_hash = '' THEN o.item_summary ELSE c.item_summary END,
    item_hash = CASE WHEN c.content_hash = '' THEN o.item_hash ELSE c.item_hash END,
    synced_at = CASE WHEN c.content_hash = '' THEN o.synced_at ELSE c.synced_at END,
    content_hash = CASE WHEN c.content_hash = '' THEN o.content_hash ELSE c.content_hash END,
    hit_points = coalesce(c.hit_points, o.hit_points),
    conditions = CASE WHEN c.conditions = '{}' THEN o.conditions ELSE c.conditions END,
    updated_at = now()
FROM characters AS o
WHERE c.campaign_id = $1 AND o.campaign_id = $1 AND o.id = $2 AND c.id = $3;

-- name: change
-- What the desk changes of a character.
UPDATE characters
SET name = $3, kind_override = $4, hit_points = $5, conditions = $6, in_party = $7, hides_points = $8,
    is_unannounced = is_unannounced AND in_party = $7, updated_at = now()
WHERE id = $1 AND campaign_id = $2;

-- name: free_game_master
-- The game master lets go of whom he plays, unless it is this one.
DELETE FROM character_assignments WHERE campaign_id = $1 AND channel_id IS NULL AND character_id <> $2;

-- name: free_channel
-- A streamer lets go of the character before.
DELETE FROM character_assignments WHERE campaign_id = $1 AND channel_id = $3 AND character_id <> $2;

-- name: assign
-- A character is a channel's, or (null) the game master's. It joins the party.
WITH joined AS (
    UPDATE characters SET in_party = true, is_unannounced = false, updated_at = now()
     WHERE id = $1 AND campaign_id = $2 RETURNING id
)
INSERT INTO character_assignments (character_id, campaign_id, channel_id)
SELECT id, $2::uuid, $3::uuid FROM joined
ON CONFLICT (character_id) DO UPDATE SET channel_id = excluded.channel_id;

-- name: free
-- A character is nobody's.
DELETE FROM character_assignments WHERE character_id = $1 AND campaign_id = $2;

-- name: delete
-- Removes a character.
DELETE FROM characters WHERE id = $1 AND campaign_id = $2;

-- name: count
-- How many characters a campaign has.
SELECT count(*) FROM characters WHERE campaign_id = $1;

-- name: party
-- Who is in the party, and who plays them.
SELECT c.id, c.name, coalesce(ch.login, '') AS player, c.hit_points, c.hides_points, c.conditions
FROM characters AS c
LEFT JOIN character_assignments AS a ON a.character_id = c.id
LEFT JOIN channels AS ch ON ch.id = a.channel_id
WHERE c.campaign_id = $1 AND c.in_party ORDER BY c.id;

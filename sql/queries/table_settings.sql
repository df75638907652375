-- name: get
-- How a campaign plays.
SELECT game_system, shows_secret, seals_secret, shows_dice, shows_party, shows_initiative, holds_pending,
       rewards_unverified, conceals_monsters
FROM table_settings WHERE campaign_id = $1;

-- name: save
-- Writes all settings of a campaign.
INSERT INTO table_settings (campaign_id, game_system, shows_secret, seals_secret, shows_dice, shows_party,
                            shows_initiative, holds_pending, rewards_unverified, conceals_monsters)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (campaign_id) DO UPDATE
SET game_system = excluded.game_system, shows_secret = excluded.shows_secret,
    seals_secret = excluded.seals_secret, shows_dice = excluded.shows_dice,
    shows_party = excluded.shows_party, shows_initiative = excluded.shows_initiative,
    holds_pending = excluded.holds_pending, rewards_unverified = excluded.rewards_unverified,
    conceals_monsters = excluded.conceals_monsters, updated_at = now();

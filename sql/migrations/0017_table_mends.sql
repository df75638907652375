-- Reason: what a game master hides of a fight; and a roll that we ordered does not forget it.
-- When:   before the roll-out of the code that uses it.

-- Of a fight the audience learns who the monsters are when the game master shows them.
ALTER TABLE table_settings ADD COLUMN conceals_monsters boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN table_settings.conceals_monsters IS 'combatants that are no player characters are "???" until they are shown';
ALTER TABLE combats
    ADD COLUMN concealments jsonb NOT NULL DEFAULT '{}'
    CONSTRAINT combats_concealments CHECK (jsonb_typeof(concealments) = 'object');
COMMENT ON COLUMN combats.concealments IS 'by combatant, whether the game master hides or shows it, whatever the table says';

-- A forced roll stays one when its command is forgotten, or its table deleted: it never counts as a player's.
ALTER TABLE dice_rolls DROP CONSTRAINT dice_rolls_command_id_fkey;

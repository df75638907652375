-- Reason: one character however many tables, and ids of one table, tell of it; what is odd about a roll.
-- When:   before the roll-out of the code that uses it.

-- What else tables call a character: `characters` has the id of the table that last sent it whole.
CREATE TABLE character_aliases (
    campaign_id    uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    connection_id  uuid NOT NULL REFERENCES vtt_connections ON DELETE CASCADE,
    vtt_id         text NOT NULL CHECK (char_length(vtt_id) BETWEEN 1 AND 128),
    character_id   uuid NOT NULL REFERENCES characters ON DELETE CASCADE,
    PRIMARY KEY (campaign_id, connection_id, vtt_id)
);
CREATE INDEX character_aliases_connection ON character_aliases (connection_id);
CREATE INDEX character_aliases_character ON character_aliases (character_id);

-- Player characters join the party with their first roll; of a secret one the party bar must tell nothing.
ALTER TABLE characters ADD COLUMN is_unannounced boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN characters.is_unannounced IS 'only secret rolls told of it: it joins the party with the first public one';

-- What is odd about a roll whose sender could make it up, for the game master.
ALTER TABLE dice_rolls
    ADD COLUMN anomalies text[] NOT NULL DEFAULT '{}'
    CONSTRAINT dice_rolls_anomalies CHECK (anomalies <@ '{late,out_of_order,repeated,changed}'::text[]);
COMMENT ON COLUMN dice_rolls.anomalies IS 'notes of rules.anomalies: fell long ago, before one that came earlier, repeats another one, changed its value';

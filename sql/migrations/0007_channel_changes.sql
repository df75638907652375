-- Reason: connector processes ask for what changed among the channels, twice a second, instead of for all of them.
-- When:   before the roll-out of the code that uses it.

-- One row, changed by every transaction that changes channels: their versions are in order of commits.
CREATE TABLE channel_changes (
    one_row  boolean PRIMARY KEY DEFAULT true CHECK (one_row),
    version  bigint NOT NULL CHECK (version >= 0)
) WITH (fillfactor = 50);
INSERT INTO channel_changes (version) VALUES (1);

ALTER TABLE channels ADD COLUMN version bigint NOT NULL DEFAULT 1;
CREATE INDEX channels_version ON channels (version);
COMMENT ON COLUMN channels.version IS 'channel_changes.version when a reader''s view of the channel last changed';

CREATE FUNCTION channels_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE channel_changes SET version = version + 1 RETURNING version INTO NEW.version;
    RETURN NEW;
END $$;
CREATE TRIGGER channels_change_new BEFORE INSERT ON channels
    FOR EACH ROW EXECUTE FUNCTION channels_change();
CREATE TRIGGER channels_change_old BEFORE UPDATE OF login, channel_id, source ON channels
    FOR EACH ROW EXECUTE FUNCTION channels_change();

CREATE FUNCTION channels_go() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE channel_changes SET version = version + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER channels_go AFTER DELETE ON channels FOR EACH STATEMENT EXECUTE FUNCTION channels_go();

-- Reason: half of what a vote cost in the database were four foreign keys, looked up row by row.
-- When:   before the roll-out of the code that uses it.

-- Their rows are locked by the transaction anyway. The same is now checked once a statement, whole batches by COPY.

ALTER TABLE inbox DROP CONSTRAINT inbox_campaign_id_fkey;
ALTER TABLE poll_votes
    DROP CONSTRAINT poll_votes_poll_instance_id_fkey,
    DROP CONSTRAINT poll_votes_poll_instance_id_slot_fkey;
ALTER TABLE poll_vote_ledger DROP CONSTRAINT poll_vote_ledger_poll_instance_id_fkey;

-- The parents are locked as a foreign key locks them, so none can be deleted while its children are written.

CREATE FUNCTION inbox_needs_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        WITH asked AS (SELECT DISTINCT campaign_id AS id FROM written),
             found AS MATERIALIZED (SELECT c.id FROM campaigns AS c JOIN asked USING (id) FOR KEY SHARE OF c)
        SELECT id FROM asked EXCEPT SELECT id FROM found
    ) THEN
        RAISE foreign_key_violation USING MESSAGE = 'inbox: no such campaign';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER inbox_needs_campaign_new AFTER INSERT ON inbox
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION inbox_needs_campaign();
CREATE TRIGGER inbox_needs_campaign_moved AFTER UPDATE ON inbox
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION inbox_needs_campaign();

CREATE FUNCTION poll_votes_need_seat() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        WITH asked AS (SELECT DISTINCT poll_instance_id, slot FROM written),
             found AS MATERIALIZED (
                 SELECT l.poll_instance_id, l.slot FROM poll_channel_links AS l
                 JOIN asked USING (poll_instance_id, slot) FOR KEY SHARE OF l
             )
        SELECT poll_instance_id, slot FROM asked EXCEPT SELECT poll_instance_id, slot FROM found
    ) THEN
        RAISE foreign_key_violation USING MESSAGE = 'poll_votes: no such seat';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER poll_votes_need_seat_new AFTER INSERT ON poll_votes
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION poll_votes_need_seat();
CREATE TRIGGER poll_votes_need_seat_moved AFTER UPDATE ON poll_votes
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION poll_votes_need_seat();

CREATE FUNCTION poll_vote_ledger_needs_poll() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        WITH asked AS (SELECT DISTINCT poll_instance_id AS id FROM written),
             found AS MATERIALIZED (SELECT p.id FROM poll_instances AS p JOIN asked USING (id) FOR KEY SHARE OF p)
        SELECT id FROM asked EXCEPT SELECT id FROM found
    ) THEN
        RAISE foreign_key_violation USING MESSAGE = 'poll_vote_ledger: no such poll';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER poll_vote_ledger_needs_poll AFTER INSERT ON poll_vote_ledger
    REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION poll_vote_ledger_needs_poll();

-- When a parent goes: the inbox and the votes go with it, a ledger keeps it.

CREATE FUNCTION campaigns_take_inbox_along() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM inbox USING gone WHERE campaign_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER campaigns_take_inbox_along AFTER DELETE ON campaigns
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION campaigns_take_inbox_along();

CREATE FUNCTION poll_instances_take_votes_along() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM poll_vote_ledger AS l JOIN gone ON l.poll_instance_id = gone.id) THEN
        RAISE foreign_key_violation USING MESSAGE = 'poll_instances: the poll has a vote ledger';
    END IF;
    DELETE FROM poll_votes USING gone WHERE poll_instance_id = gone.id;
    RETURN NULL;
END $$;
CREATE TRIGGER poll_instances_take_votes_along AFTER DELETE ON poll_instances
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION poll_instances_take_votes_along();

-- A seat alone cannot go while votes refer to it; with its poll it can.
CREATE FUNCTION poll_channel_links_keep_seats() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM poll_votes AS v JOIN gone USING (poll_instance_id, slot)
        JOIN poll_instances AS p ON p.id = gone.poll_instance_id
    ) THEN
        RAISE foreign_key_violation USING MESSAGE = 'poll_channel_links: votes refer to the seat';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER poll_channel_links_keep_seats AFTER DELETE ON poll_channel_links
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION poll_channel_links_keep_seats();

CREATE FUNCTION refuse_orphans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'this table cannot be emptied at one blow: the vote ledger is append-only';
END $$;
CREATE TRIGGER campaigns_no_truncate BEFORE TRUNCATE ON campaigns
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_orphans();
CREATE TRIGGER poll_instances_no_truncate BEFORE TRUNCATE ON poll_instances
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_orphans();
CREATE TRIGGER poll_channel_links_no_truncate BEFORE TRUNCATE ON poll_channel_links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_orphans();

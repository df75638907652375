-- Reason: the built-in probe votes every 10 s for as long as the installation lives, in real polls of a show of its own.
-- When:   before the roll-out of the code that uses it.

-- Its polls are simulated, in no list and decide nothing; kept, they would be 3 million rows a year and process.
-- So the ledgers of that one show may go, with their polls. Everybody else's stay append-only, as they were: an
-- UPDATE or a TRUNCATE is refused whatever it is about, a DELETE is taken back when any of its rows is not the probe's.
DROP TRIGGER poll_vote_ledger_append_only ON poll_vote_ledger;
CREATE TRIGGER poll_vote_ledger_append_only BEFORE UPDATE OR TRUNCATE ON poll_vote_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE FUNCTION refuse_ledger_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM gone LEFT JOIN poll_instances AS p ON p.id = gone.poll_instance_id
        WHERE p.campaign_id IS DISTINCT FROM '0190a000-0000-7000-8000-70726f626501' OR NOT p.simulated
    ) THEN
        RAISE EXCEPTION 'the vote ledger is append-only';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER poll_vote_ledger_keeps_rows AFTER DELETE ON poll_vote_ledger
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_delete();

-- The probe's show as it was before it had polls.
UPDATE channels SET source = 'simulated' WHERE id = '0190a000-0000-7000-8000-70726f626502';
DELETE FROM boards WHERE board_id = '0190a000-0000-7000-8000-70726f626504';

-- Reason: chat lines that a process gave up are told on every desk, whichever process had read them.
-- When:   before the roll-out of the code that uses it.

CREATE TABLE lost_lines (
    id           uuid PRIMARY KEY,
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    at           timestamptz NOT NULL DEFAULT now(),
    lines        bigint NOT NULL CHECK (lines > 0)
);
COMMENT ON TABLE lost_lines IS 'one row for every two seconds in which a process gave lines of a campaign up; kept for a day';
CREATE INDEX lost_lines_campaign ON lost_lines (campaign_id, at);

-- Reason: reports of "Check everything" are kept, so that one can see later what was known before a show.
-- When:   before the roll-out of the code that uses it.

CREATE TABLE preflight_reports (
    id           uuid PRIMARY KEY,
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    source       text NOT NULL CHECK (source IN ('desk', 'launch', 'doctor')),
    actor        text NOT NULL CHECK (char_length(actor) <= 100),
    healthy      boolean NOT NULL,
    warnings     integer NOT NULL CHECK (warnings >= 0),
    checks       jsonb NOT NULL CHECK (jsonb_typeof(checks) = 'array'),
    took_ms      integer NOT NULL CHECK (took_ms >= 0),
    created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE preflight_reports IS 'the last fifty of each show';
COMMENT ON COLUMN preflight_reports.healthy IS 'no check failed; warnings may stand beside it';
CREATE INDEX preflight_reports_campaign ON preflight_reports (campaign_id, id);

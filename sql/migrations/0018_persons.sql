-- Reason: one vote per person: accounts that somebody has shown to be theirs, and polls that count people.
-- When:   before the roll-out of the code that uses it.

-- Which accounts were one person's, from when to when. `viewers.person_id` says the same of now.
CREATE TABLE person_links (
    id                uuid PRIMARY KEY,
    person_id         uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    platform          text NOT NULL CHECK (platform IN ('twitch', 'kick')),
    platform_user_id  text NOT NULL CHECK (char_length(platform_user_id) BETWEEN 1 AND 64),
    since             timestamptz NOT NULL,
    until             timestamptz CHECK (until >= since),
    ended_by          text CHECK (ended_by IN ('person', 'account')),
    ended_user        uuid REFERENCES users ON DELETE SET NULL,
    CHECK ((until IS NULL) = (ended_by IS NULL)),
    CHECK (ended_user IS NULL OR ended_by IS NOT DISTINCT FROM 'person')
);
COMMENT ON TABLE person_links IS 'polls ask who was one person when they closed; what has ended is forgotten after a day';
COMMENT ON COLUMN person_links.ended_by IS 'person: they said so; account: nobody signs in by one of the accounts any more';
COMMENT ON COLUMN person_links.ended_user IS 'who said so, and alone may take it back without signing in to both again';
CREATE UNIQUE INDEX person_links_one_person ON person_links (platform, platform_user_id) WHERE until IS NULL;
CREATE UNIQUE INDEX person_links_one_account ON person_links (person_id, platform) WHERE until IS NULL;
CREATE INDEX person_links_account ON person_links (platform, platform_user_id);
CREATE INDEX person_links_person ON person_links (person_id);
CREATE INDEX person_links_ended_user ON person_links (ended_user) WHERE ended_user IS NOT NULL;
CREATE INDEX person_links_ended ON person_links (until) WHERE until IS NOT NULL;

-- Shows whose moderators count the accounts of a person apart, because they hold the link for a mistake.
CREATE TABLE person_splits (
    id           uuid PRIMARY KEY,
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    person_id    uuid NOT NULL REFERENCES people ON DELETE CASCADE,
    since        timestamptz NOT NULL,
    until        timestamptz CHECK (until >= since)
);
CREATE UNIQUE INDEX person_splits_one ON person_splits (campaign_id, person_id) WHERE until IS NULL;
CREATE INDEX person_splits_person ON person_splits (person_id);
CREATE INDEX person_splits_campaign ON person_splits (campaign_id);

ALTER TABLE poll_instances
    ADD COLUMN per_person boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT poll_instances_per_person CHECK (NOT per_person OR rule = 'one_vote');
COMMENT ON COLUMN poll_instances.per_person IS 'of the accounts of a person one votes: decided before the launch';

-- Accounts that vote in a poll and are one person there, and which of them counts. Votes stay in poll_votes as they are.
CREATE TABLE poll_persons (
    poll_instance_id  uuid NOT NULL REFERENCES poll_instances ON DELETE CASCADE,
    platform          text NOT NULL,
    ballot            text NOT NULL,
    person            bytea NOT NULL CHECK (octet_length(person) = 16),
    counts            boolean NOT NULL,
    PRIMARY KEY (poll_instance_id, platform, ballot)
);
COMMENT ON COLUMN poll_persons.person IS 'keyed digest of the person: the poll names nobody';
CREATE INDEX poll_persons_person ON poll_persons (poll_instance_id, person);
CREATE UNIQUE INDEX poll_persons_one_vote ON poll_persons (poll_instance_id, person) WHERE counts;

-- The part of the vote ledger that says whose votes do not count: its rows are numbered and sealed with the votes.
CREATE TABLE poll_person_ledger (
    poll_instance_id  uuid NOT NULL REFERENCES poll_instances,
    n                 bigint NOT NULL CHECK (n > 0),
    voter             bytea NOT NULL CHECK (octet_length(voter) = 16),
    person            bytea CHECK (octet_length(person) = 16),
    counts            boolean NOT NULL,
    at                timestamptz NOT NULL,
    hash              bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (poll_instance_id, n),
    CHECK (counts OR person IS NOT NULL)
);
COMMENT ON COLUMN poll_person_ledger.person IS 'null: the account stands for itself again';
CREATE TRIGGER poll_person_ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON poll_person_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- To show that a second account is theirs, somebody signs in by it; nothing but who it is is asked.
ALTER TABLE oauth_link_states
    DROP CONSTRAINT oauth_link_states_wants_check,
    ADD CONSTRAINT oauth_link_states_wants_check CHECK (wants IN ('identity', 'channel', 'person'));
COMMENT ON COLUMN oauth_link_states.wants IS 'identity: the grant is looked at and let go; channel: it is kept; '
    'person: as identity, and both accounts are one person';

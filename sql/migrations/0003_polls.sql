-- Reason: polls from definition to result, with a vote ledger that can be checked by a stranger.
-- When:   before the roll-out of the code that uses it.

CREATE FUNCTION texts_fit(texts text[], longest integer) RETURNS boolean
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS 'SELECT coalesce(bool_and(t IS NOT NULL AND char_length(t) BETWEEN 1 AND longest), true) FROM unnest(texts) AS t';

-- A rundown: several polls prepared and launched in turn (the seeds' session).
CREATE TABLE poll_sessions (
    id           uuid PRIMARY KEY,
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 100),
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX poll_sessions_campaign ON poll_sessions (campaign_id);

CREATE TABLE poll_templates (
    id           uuid PRIMARY KEY,
    campaign_id  uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    label        text NOT NULL CHECK (char_length(label) BETWEEN 1 AND 60),
    question     text NOT NULL CHECK (char_length(question) BETWEEN 1 AND 120),
    options      text[] NOT NULL CHECK (cardinality(options) BETWEEN 2 AND 10 AND texts_fit(options, 80)),
    duration_s   integer NOT NULL CHECK (duration_s BETWEEN 10 AND 3600),
    settings     jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    UNIQUE (campaign_id, label)
);

-- The definition: what is asked, with its place in a rundown. Editing it never alters history.
CREATE TABLE polls (
    id                uuid PRIMARY KEY,
    campaign_id       uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    session_id        uuid REFERENCES poll_sessions ON DELETE SET NULL,
    order_index       integer NOT NULL DEFAULT 0,
    question          text NOT NULL CHECK (char_length(question) BETWEEN 1 AND 120),
    options           text[] NOT NULL CHECK (cardinality(options) BETWEEN 2 AND 10 AND texts_fit(options, 80)),
    duration_s        integer NOT NULL CHECK (duration_s BETWEEN 10 AND 3600),
    settings          jsonb NOT NULL DEFAULT '{}',
    last_launched_at  timestamptz,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX polls_rundown ON polls (campaign_id, session_id, order_index);

-- One launch of a definition. Its id is the poll's id for the world outside.
CREATE TABLE poll_instances (
    id              uuid PRIMARY KEY,
    campaign_id     uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    poll_id         uuid REFERENCES polls ON DELETE SET NULL,
    question        text NOT NULL CHECK (char_length(question) BETWEEN 1 AND 120),
    options         text[] NOT NULL CHECK (cardinality(options) BETWEEN 2 AND 10 AND texts_fit(options, 80)),
    duration_s      integer NOT NULL CHECK (duration_s BETWEEN 10 AND 3600),
    rule            text NOT NULL CHECK (rule IN ('one_vote', 'every_message')),
    changeable      boolean NOT NULL,
    tie             text NOT NULL CHECK (tie IN ('gm', 'first', 'random', 'none')),
    secret          boolean NOT NULL,
    words           text NOT NULL CHECK (words IN ('off', 'exact', 'any_case')),
    weighting       text NOT NULL CHECK (weighting IN ('sum', 'channel', 'capped', 'per_head')),
    cap_percent     integer NOT NULL CHECK (cap_percent BETWEEN 1 AND 100),
    grace_s         integer CHECK (grace_s BETWEEN 0 AND 60),
    hold_s          integer NOT NULL CHECK (hold_s BETWEEN 3 AND 600),
    auto_reveal_s   integer CHECK (auto_reveal_s BETWEEN 0 AND 600),
    simulated       boolean NOT NULL DEFAULT false,
    state           text NOT NULL DEFAULT 'draft'
                    CHECK (state IN ('draft', 'open', 'closing', 'closed', 'revealed', 'cancelled')),
    opens_at        timestamptz,
    closes_at       timestamptz,
    phase_at        timestamptz,
    pauses          timestamptz[] NOT NULL DEFAULT '{}' CHECK (cardinality(pauses) % 2 = 0),
    on_screen       boolean NOT NULL DEFAULT false,
    cancelled_from  text CHECK (cancelled_from IN ('open', 'closing', 'closed')),
    tied            smallint[] NOT NULL DEFAULT '{}',
    winner          smallint,
    seed            bytea CHECK (octet_length(seed) = 32),
    voter_key       bytea CHECK (octet_length(voter_key) = 32),
    ledger_rows     bigint NOT NULL DEFAULT 0 CHECK (ledger_rows >= 0),
    ledger_head     bytea CHECK (octet_length(ledger_head) = 32),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CHECK (winner IS NULL OR winner BETWEEN 1 AND cardinality(options)),
    CHECK (winner IS NULL OR state IN ('closed', 'revealed')),
    CHECK ((state = 'draft') = (opens_at IS NULL)),
    CHECK ((opens_at IS NULL) = (closes_at IS NULL) AND (opens_at IS NULL) = (phase_at IS NULL)
           AND (opens_at IS NULL) = (seed IS NULL) AND (opens_at IS NULL) = (ledger_head IS NULL)),
    CHECK (closes_at >= opens_at),
    CHECK ((state = 'cancelled') = (cancelled_from IS NOT NULL)),
    CHECK (state = 'draft' OR grace_s IS NOT NULL)
) WITH (fillfactor = 70);
COMMENT ON COLUMN poll_instances.grace_s IS 'NULL in a draft: decided at launch, 15 s with a Kick channel, else 3 s';
COMMENT ON COLUMN poll_instances.pauses IS 'pairs (cancelled, resumed): votes sent in between do not count';
COMMENT ON COLUMN poll_instances.voter_key IS 'keys the voter digests of the ledger; never leaves the server';
COMMENT ON COLUMN poll_instances.seed IS 'decides a tie by chance; its SHA-256 is shown from the launch on';
CREATE UNIQUE INDEX poll_instances_one_open ON poll_instances (campaign_id) WHERE state IN ('open', 'closing');
CREATE INDEX poll_instances_campaign ON poll_instances (campaign_id, id DESC);
CREATE INDEX poll_instances_definition ON poll_instances (poll_id);

-- Which channels a launch counts, fixed when it opens.
CREATE TABLE poll_channel_links (
    poll_instance_id  uuid NOT NULL REFERENCES poll_instances ON DELETE CASCADE,
    slot              smallint NOT NULL CHECK (slot >= 0),
    channel_id        uuid REFERENCES channels ON DELETE SET NULL,
    platform          text NOT NULL,
    login             text NOT NULL,
    PRIMARY KEY (poll_instance_id, slot)
);
COMMENT ON COLUMN poll_channel_links.slot IS 'number of the channel inside this poll; votes and results refer to it';

-- The votes that count now: one row a voter, or one a message under `every_message`.
CREATE TABLE poll_votes (
    poll_instance_id  uuid NOT NULL REFERENCES poll_instances ON DELETE CASCADE,
    platform          text NOT NULL,
    ballot            text NOT NULL,
    platform_user_id  text NOT NULL,
    slot              smallint NOT NULL,
    choice            smallint NOT NULL CHECK (choice BETWEEN 1 AND 10),
    sent_at           timestamptz NOT NULL,
    message_id        text NOT NULL,
    PRIMARY KEY (poll_instance_id, platform, ballot),
    FOREIGN KEY (poll_instance_id, slot) REFERENCES poll_channel_links (poll_instance_id, slot)
) WITH (fillfactor = 90);
COMMENT ON COLUMN poll_votes.ballot IS 'the voter''s platform id, or the message id under `every_message`';

-- Every vote that was taken, in order, each row sealed by the hash of all before it.
CREATE TABLE poll_vote_ledger (
    poll_instance_id  uuid NOT NULL REFERENCES poll_instances,
    n                 bigint NOT NULL CHECK (n > 0),
    voter             bytea NOT NULL CHECK (octet_length(voter) = 16),
    slot              smallint NOT NULL,
    choice            smallint NOT NULL CHECK (choice BETWEEN 1 AND 10),
    sent_at           timestamptz NOT NULL,
    received_at       timestamptz NOT NULL,
    message_id        text NOT NULL,
    hash              bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (poll_instance_id, n)
);
COMMENT ON COLUMN poll_vote_ledger.voter IS 'keyed digest of the account: the ledger names nobody';

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the vote ledger is append-only';
END $$;
CREATE TRIGGER poll_vote_ledger_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON poll_vote_ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- Totals per channel and option, kept beside the votes; at close they are counted anew from poll_votes.
CREATE TABLE poll_results (
    poll_instance_id  uuid NOT NULL REFERENCES poll_instances ON DELETE CASCADE,
    slot              smallint NOT NULL,
    choice            smallint NOT NULL CHECK (choice BETWEEN 1 AND 10),
    votes             bigint NOT NULL CHECK (votes >= 0),
    PRIMARY KEY (poll_instance_id, slot, choice),
    FOREIGN KEY (poll_instance_id, slot) REFERENCES poll_channel_links (poll_instance_id, slot)
) WITH (fillfactor = 50);

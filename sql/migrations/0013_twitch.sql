-- Reason: what Twitch tells beside chat: what is asked of it, who listens, what was missed, and polls that it runs.
-- When:   before the roll-out of the code that uses it.

-- Work that one process does for all of them; whoever dies is replaced when its time is over.
CREATE TABLE duties (
    name        text PRIMARY KEY CHECK (name ~ '^[a-z_.]{1,64}$'),
    holder      uuid,
    expires_at  timestamptz NOT NULL,
    done_until  timestamptz
) WITH (fillfactor = 50);
COMMENT ON COLUMN duties.done_until IS 'the last sign of life of whoever had it: nothing was missed until then';

-- What we want to be told of a channel, and how far that is. One row a type: there is one condition for each.
CREATE TABLE twitch_subscriptions (
    broadcaster_id   text NOT NULL CHECK (char_length(broadcaster_id) BETWEEN 1 AND 64),
    type             text NOT NULL CHECK (type ~ '^[a-z_.]{1,100}$'),
    version          text NOT NULL CHECK (char_length(version) BETWEEN 1 AND 16),
    transport        text NOT NULL CHECK (transport IN ('socket', 'webhook', 'conduit')),
    subscription_id  text CHECK (char_length(subscription_id) BETWEEN 1 AND 64),
    state            text NOT NULL DEFAULT 'wanted'
                     CHECK (state IN ('wanted', 'pending', 'held', 'refused', 'revoked')),
    detail           text NOT NULL DEFAULT '' CHECK (char_length(detail) <= 300),
    -- The token that was good enough, or was not: with another one it is tried again.
    token_version    integer,
    state_at         timestamptz NOT NULL DEFAULT now(),
    created_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (broadcaster_id, type),
    CHECK (state <> 'pending' OR subscription_id IS NOT NULL),
    CHECK (state <> 'pending' OR transport = 'webhook'),
    CHECK (state IN ('refused', 'revoked') = (detail <> ''))
);
COMMENT ON COLUMN twitch_subscriptions.state IS 'pending: Twitch has not had its challenge answered yet';
COMMENT ON COLUMN twitch_subscriptions.subscription_id IS 'Twitch''s; a socket''s ends with the socket';
CREATE INDEX twitch_subscriptions_id ON twitch_subscriptions (subscription_id) WHERE subscription_id IS NOT NULL;

-- When a channel was not heard although it should have been.
CREATE TABLE channel_gaps (
    id           uuid PRIMARY KEY,
    channel_id   uuid NOT NULL REFERENCES channels ON DELETE CASCADE,
    part         text NOT NULL CHECK (part IN ('chat', 'events')),
    began_at     timestamptz NOT NULL,
    ended_at     timestamptz,
    reason       text NOT NULL CHECK (reason IN ('lost', 'silent', 'no_process', 'revoked', 'not_stored')),
    detail       text NOT NULL DEFAULT '' CHECK (char_length(detail) <= 300),
    repaired_at  timestamptz,
    CHECK (ended_at >= began_at),
    CHECK (repaired_at IS NULL OR (part = 'events' AND ended_at IS NOT NULL))
);
COMMENT ON COLUMN channel_gaps.part IS 'chat: its lines are gone; events: redemptions and the stream can be read afterwards';
COMMENT ON COLUMN channel_gaps.reason IS 'lost: the connection ended; silent: it said nothing any more; no_process: whoever listened was gone';
CREATE UNIQUE INDEX channel_gaps_one_open ON channel_gaps (channel_id, part) WHERE ended_at IS NULL;
CREATE INDEX channel_gaps_channel ON channel_gaps (channel_id, began_at DESC);
CREATE INDEX channel_gaps_to_repair ON channel_gaps (ended_at) WHERE part = 'events' AND repaired_at IS NULL;

-- Whether a chat was heard when we last looked: a gap begins with a channel that was.
ALTER TABLE channels ADD COLUMN is_heard boolean NOT NULL DEFAULT false;
-- How far back the silence of a reader reaches, when it noticed late.
ALTER TABLE channel_readers ADD COLUMN heard_until timestamptz, ADD COLUMN loss text NOT NULL DEFAULT ''
    CHECK (loss IN ('', 'lost', 'silent'));

-- Polls on the platform beside ours.
ALTER TABLE poll_instances
    ADD COLUMN native text NOT NULL DEFAULT 'off' CHECK (native IN ('off', 'beside', 'points')),
    ADD COLUMN points_per_vote integer NOT NULL DEFAULT 100 CHECK (points_per_vote BETWEEN 1 AND 1000000);
ALTER TABLE poll_channel_links
    ADD COLUMN counts text NOT NULL DEFAULT 'chat' CHECK (counts IN ('chat', 'points'));
COMMENT ON COLUMN poll_channel_links.counts IS 'points: votes that were paid with channel points in the platform''s own poll';

CREATE TABLE native_polls (
    poll_instance_id  uuid NOT NULL REFERENCES poll_instances ON DELETE CASCADE,
    broadcaster_id    text NOT NULL CHECK (char_length(broadcaster_id) BETWEEN 1 AND 64),
    channel_id        uuid REFERENCES channels ON DELETE SET NULL,
    login             text NOT NULL,
    slot              smallint,
    native_id         text CHECK (char_length(native_id) BETWEEN 1 AND 64),
    choice_ids        text[] NOT NULL DEFAULT '{}',
    state             text NOT NULL DEFAULT 'wanted'
                      CHECK (state IN ('wanted', 'running', 'completed', 'terminated', 'archived', 'refused')),
    detail            text NOT NULL DEFAULT '' CHECK (char_length(detail) <= 300),
    votes             bigint[] NOT NULL DEFAULT '{}',
    points            bigint[] NOT NULL DEFAULT '{}',
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (poll_instance_id, broadcaster_id),
    FOREIGN KEY (poll_instance_id, slot) REFERENCES poll_channel_links (poll_instance_id, slot),
    CHECK (cardinality(votes) = cardinality(choice_ids) AND cardinality(points) = cardinality(choice_ids)),
    CHECK ((state IN ('wanted', 'refused')) = (native_id IS NULL)),
    CHECK ((native_id IS NULL) = (cardinality(choice_ids) = 0)),
    CHECK ((state = 'refused') = (detail <> ''))
);
COMMENT ON COLUMN native_polls.slot IS 'the seat of its votes by channel points; null when they do not count';
COMMENT ON COLUMN native_polls.votes IS 'by choice: all ways of voting together, as the platform last told';
CREATE UNIQUE INDEX native_polls_native ON native_polls (broadcaster_id, native_id) WHERE native_id IS NOT NULL;

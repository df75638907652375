-- Reason: rewards that viewers buy with a platform's points, what they bought, and what a campaign makes of it.
-- When:   before the roll-out of the code that uses it.

-- A reward as the campaign wants it. What the platform has is made equal to it, revision by revision.
CREATE TABLE channel_rewards (
    id                  uuid PRIMARY KEY,
    campaign_id         uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    platform            text NOT NULL CHECK (platform IN ('twitch', 'kick', 'custom')),
    channel_id          text NOT NULL CHECK (char_length(channel_id) BETWEEN 1 AND 64),
    platform_reward_id  text CHECK (char_length(platform_reward_id) BETWEEN 1 AND 64),
    title               text NOT NULL CHECK (char_length(title) BETWEEN 1 AND 45),
    cost                integer NOT NULL CHECK (cost BETWEEN 1 AND 1000000000),
    prompt              text NOT NULL DEFAULT '' CHECK (char_length(prompt) <= 200),
    color               text NOT NULL DEFAULT '' CHECK (color ~ '^(#[0-9A-Fa-f]{6})?$'),
    asks_input          boolean NOT NULL DEFAULT false,
    max_per_stream      integer CHECK (max_per_stream BETWEEN 1 AND 1000000),
    max_per_viewer      integer CHECK (max_per_viewer BETWEEN 1 AND 1000000),
    cooldown_s          integer CHECK (cooldown_s BETWEEN 1 AND 604800),
    wanted              text NOT NULL DEFAULT 'live' CHECK (wanted IN ('live', 'paused', 'deleted')),
    revision            integer NOT NULL DEFAULT 1 CHECK (revision > 0),
    synced_revision     integer NOT NULL DEFAULT 0 CHECK (synced_revision >= 0),
    outbox_id           uuid REFERENCES outbox ON DELETE SET NULL,
    simulated           boolean NOT NULL DEFAULT false,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CHECK (synced_revision <= revision),
    UNIQUE (platform, channel_id, platform_reward_id)
);
COMMENT ON COLUMN channel_rewards.channel_id IS 'the platform''s id of the channel, as in channels.channel_id';
COMMENT ON COLUMN channel_rewards.synced_revision IS 'the platform has had this one';
COMMENT ON COLUMN channel_rewards.outbox_id IS 'what brings the latest revision to the platform';
CREATE INDEX channel_rewards_campaign ON channel_rewards (campaign_id);
CREATE INDEX channel_rewards_outbox ON channel_rewards (outbox_id) WHERE outbox_id IS NOT NULL;
-- A platform refuses two rewards of one name on a channel.
CREATE UNIQUE INDEX channel_rewards_title ON channel_rewards (platform, channel_id, lower(title))
    WHERE wanted <> 'deleted' AND NOT simulated;

-- Rewards on a channel that were made by this installation and that no campaign knows any more.
CREATE TABLE orphaned_rewards (
    platform            text NOT NULL CHECK (platform IN ('twitch', 'kick')),
    channel_id          text NOT NULL CHECK (char_length(channel_id) BETWEEN 1 AND 64),
    platform_reward_id  text NOT NULL CHECK (char_length(platform_reward_id) BETWEEN 1 AND 64),
    title               text NOT NULL CHECK (char_length(title) <= 100),
    cost                integer NOT NULL CHECK (cost >= 0),
    found_at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (platform, channel_id, platform_reward_id)
);

-- When somebody last compared what a channel has with what we know.
CREATE TABLE reward_checks (
    platform    text NOT NULL CHECK (platform IN ('twitch', 'kick')),
    channel_id  text NOT NULL CHECK (char_length(channel_id) BETWEEN 1 AND 64),
    checked_at  timestamptz NOT NULL,
    PRIMARY KEY (platform, channel_id)
);

-- Points that a viewer spent: what the platform says of them, what we decided, and how far that has come.
CREATE TABLE redemptions (
    id             uuid PRIMARY KEY,
    campaign_id    uuid NOT NULL REFERENCES campaigns ON DELETE CASCADE,
    platform       text NOT NULL CHECK (platform IN ('twitch', 'kick', 'custom')),
    channel_id     text NOT NULL CHECK (char_length(channel_id) BETWEEN 1 AND 64),
    redemption_id  text NOT NULL CHECK (char_length(redemption_id) BETWEEN 1 AND 64),
    reward_id      text NOT NULL CHECK (char_length(reward_id) BETWEEN 1 AND 64),
    reward_title   text NOT NULL DEFAULT '' CHECK (char_length(reward_title) <= 100),
    cost           bigint NOT NULL CHECK (cost >= 0),
    user_id        text NOT NULL CHECK (char_length(user_id) BETWEEN 1 AND 64),
    user_login     text NOT NULL DEFAULT '' CHECK (char_length(user_login) <= 64),
    user_name      text NOT NULL DEFAULT '' CHECK (char_length(user_name) <= 64),
    user_input     text NOT NULL DEFAULT '' CHECK (char_length(user_input) <= 500),
    status         text NOT NULL CHECK (status IN ('unfulfilled', 'fulfilled', 'canceled')),
    decision       text NOT NULL DEFAULT 'none' CHECK (decision IN ('none', 'fulfil', 'refund')),
    settlement     text NOT NULL DEFAULT 'open' CHECK (settlement IN ('open', 'asked', 'done', 'needs_person')),
    reason         text NOT NULL DEFAULT '' CHECK (char_length(reason) <= 200),
    outbox_id      uuid REFERENCES outbox ON DELETE SET NULL,
    simulated      boolean NOT NULL DEFAULT false,
    redeemed_at    timestamptz NOT NULL,
    decided_at     timestamptz,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (campaign_id, platform, redemption_id),
    CHECK ((decision = 'none') = (settlement = 'open')),
    CHECK ((decision = 'none') = (decided_at IS NULL)),
    CHECK (outbox_id IS NULL OR decision <> 'none'),
    CHECK (NOT simulated OR outbox_id IS NULL)
);
COMMENT ON COLUMN redemptions.status IS 'as the platform last told it; once final it does not change';
COMMENT ON COLUMN redemptions.outbox_id IS 'what tells the platform of our decision';
CREATE INDEX redemptions_newest ON redemptions (campaign_id, id DESC);
CREATE INDEX redemptions_open ON redemptions (campaign_id, platform, channel_id, reward_id)
    WHERE decision = 'none' AND status = 'unfulfilled';
CREATE INDEX redemptions_asked ON redemptions (platform, channel_id, reward_id) WHERE settlement = 'asked';
CREATE INDEX redemptions_outbox ON redemptions (outbox_id) WHERE outbox_id IS NOT NULL;
CREATE INDEX redemptions_age ON redemptions USING brin (created_at);

-- How far a decision has come is what became of its item in the outbox, whoever changes that: the delivery, a person,
-- or a restored backup; what a person gave up is settled, too. One statement changes both, so that they cannot disagree.
CREATE FUNCTION settle_redemption() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE redemptions
       SET settlement = CASE WHEN NEW.state = 'done' OR NEW.decision IS NOT NULL THEN 'done'
                             WHEN NEW.state IN ('pending', 'leased') THEN 'asked' ELSE 'needs_person' END,
           updated_at = now()
     WHERE outbox_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_settles_redemption AFTER UPDATE OF state, decision ON outbox FOR EACH ROW
    WHEN (NEW.kind IN ('twitch.redemption', 'kick.redemption')
          AND (OLD.state IS DISTINCT FROM NEW.state OR OLD.decision IS DISTINCT FROM NEW.decision)
          AND NOT (OLD.state IN ('pending', 'leased') AND NEW.state IN ('pending', 'leased')))
    EXECUTE FUNCTION settle_redemption();

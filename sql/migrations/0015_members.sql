-- Reason: who takes part in a show and as what, what each streamer has agreed to, and what stands in the way.
-- When:   before the roll-out of the code that uses it.

-- The account's name on its platform, as it was last told: who is invited by name is found by it.
ALTER TABLE auth_providers ADD COLUMN IF NOT EXISTS login text NOT NULL DEFAULT '';
CREATE INDEX auth_providers_name ON auth_providers (provider, login) WHERE login <> '';

-- A membership without a user is a ghost: somebody invited by a platform's name who never signed in here.
ALTER TABLE campaign_memberships
    ALTER COLUMN user_id DROP NOT NULL,
    ADD COLUMN platform text CHECK (platform IN ('twitch', 'kick')),
    ADD COLUMN login text CHECK (login = lower(login) AND char_length(login) BETWEEN 1 AND 64),
    ADD COLUMN platform_user_id text CHECK (char_length(platform_user_id) BETWEEN 1 AND 64),
    ADD COLUMN invited_by uuid REFERENCES users ON DELETE SET NULL,
    ADD COLUMN accepted_at timestamptz,
    ADD COLUMN reminded_at timestamptz,
    DROP CONSTRAINT campaign_memberships_role_check,
    ADD CONSTRAINT campaign_memberships_role_check
        CHECK (role IN ('owner', 'game_master', 'moderator', 'streamer', 'read_only'));
UPDATE campaign_memberships SET accepted_at = created_at WHERE status = 'active';
ALTER TABLE campaign_memberships
    ADD CONSTRAINT campaign_memberships_named CHECK ((platform IS NULL) = (login IS NULL)),
    ADD CONSTRAINT campaign_memberships_known CHECK (platform_user_id IS NULL OR platform IS NOT NULL),
    ADD CONSTRAINT campaign_memberships_ghost
        CHECK (user_id IS NOT NULL OR (status = 'pending' AND platform IS NOT NULL)),
    ADD CONSTRAINT campaign_memberships_accepted CHECK ((status = 'active') = (accepted_at IS NOT NULL)),
    ADD CONSTRAINT campaign_memberships_owner CHECK (role <> 'owner' OR status = 'active'),
    ADD CONSTRAINT campaign_memberships_reminded CHECK (reminded_at IS NULL OR status = 'active'),
    ADD UNIQUE (id, status);
COMMENT ON COLUMN campaign_memberships.user_id IS 'null: a ghost, until somebody signs in with that account';
COMMENT ON COLUMN campaign_memberships.platform_user_id IS 'null: known by name only';
CREATE UNIQUE INDEX campaign_memberships_one_owner ON campaign_memberships (campaign_id) WHERE role = 'owner';
CREATE UNIQUE INDEX campaign_memberships_account
    ON campaign_memberships (campaign_id, platform, platform_user_id) WHERE platform_user_id IS NOT NULL;
CREATE UNIQUE INDEX campaign_memberships_one_ghost
    ON campaign_memberships (campaign_id, platform, login) WHERE user_id IS NULL;
CREATE INDEX campaign_memberships_ghosts ON campaign_memberships (platform, login) WHERE user_id IS NULL;
CREATE INDEX campaign_memberships_user ON campaign_memberships (user_id);

-- What a member lets Hubbub do on their own channels, and until when. Only who has accepted can agree to anything.
CREATE TABLE campaign_consents (
    membership_id  uuid NOT NULL,
    member_status  text NOT NULL DEFAULT 'active' CHECK (member_status = 'active'),
    capability     text NOT NULL CHECK (capability IN ('polls', 'rewards', 'chat', 'scene')),
    granted_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    PRIMARY KEY (membership_id, capability),
    FOREIGN KEY (membership_id, member_status) REFERENCES campaign_memberships (id, status) ON DELETE CASCADE,
    CHECK (expires_at > granted_at AND expires_at <= granted_at + interval '72 hours'),
    CHECK (ended_at >= expires_at)
);
COMMENT ON COLUMN campaign_consents.ended_at IS 'when its end was acted on: rewards taken down, and so on';
CREATE INDEX campaign_consents_due ON campaign_consents (expires_at) WHERE ended_at IS NULL;

-- What is wrong with an account on its platform, as whoever deals with that platform has noticed.
CREATE TABLE account_issues (
    platform    text NOT NULL CHECK (platform IN ('twitch', 'kick')),
    account_id  text NOT NULL CHECK (char_length(account_id) BETWEEN 1 AND 64),
    code        text NOT NULL CHECK (code IN ('needs_relink', 'token_expired', 'scope_missing', 'not_affiliate',
                                              'shared_chat', 'webhook_off', 'account_inactive')),
    detail      text NOT NULL DEFAULT '' CHECK (char_length(detail) <= 300),
    since       timestamptz NOT NULL DEFAULT now(),
    asked_at    timestamptz,
    PRIMARY KEY (platform, account_id, code)
);
COMMENT ON COLUMN account_issues.asked_at IS 'somebody asks to look again: whoever wrote the row does, and takes it away or keeps it';
CREATE INDEX account_issues_asked ON account_issues (asked_at) WHERE asked_at IS NOT NULL;
COMMENT ON COLUMN account_issues.detail IS 'what exactly, for people: the names of missing scopes; never a secret';

-- Whose a channel of a show is: the account of that id, and the membership that stands for it in the show. A member
-- who is known by name only stands for the channel of that name.
CREATE VIEW channel_members AS
SELECT c.id AS channel_id, c.campaign_id, c.platform, c.login, c.channel_id AS platform_user_id,
       a.user_id AS account_user_id, o.owner_id, m.id AS membership_id, m.status, m.role
  FROM channels AS c
  JOIN campaigns AS o ON o.id = c.campaign_id
  LEFT JOIN LATERAL (
       SELECT p.user_id FROM auth_providers AS p
        WHERE p.provider = c.platform
          AND (p.provider_user_id = c.channel_id OR (c.channel_id = 'login:' || c.login AND p.login = c.login))
        ORDER BY p.provider_user_id = c.channel_id DESC, p.updated_at DESC LIMIT 1) AS a ON true
  LEFT JOIN LATERAL (
       SELECT s.id, s.status, s.role FROM campaign_memberships AS s
        WHERE s.campaign_id = c.campaign_id
          AND CASE WHEN s.user_id IS NOT NULL AND a.user_id IS NOT NULL THEN s.user_id = a.user_id
                   ELSE s.platform = c.platform
                        AND CASE WHEN s.platform_user_id IS NULL OR c.channel_id = 'login:' || c.login
                                 THEN s.login = c.login ELSE s.platform_user_id = c.channel_id END
              END
        ORDER BY s.user_id = a.user_id DESC NULLS LAST, s.status, s.id LIMIT 1) AS m ON true;

-- A show that is being deleted: it is nobody's any more, and goes with its ledgers when what it owes platforms has
-- been delivered. Everybody else's ledgers stay append-only, as they were.
ALTER TABLE campaigns ADD COLUMN deleted_at timestamptz;
CREATE INDEX campaigns_deleted ON campaigns (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE OR REPLACE FUNCTION refuse_ledger_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM gone LEFT JOIN poll_instances AS p ON p.id = gone.poll_instance_id
        LEFT JOIN campaigns AS c ON c.id = p.campaign_id
        WHERE c.deleted_at IS NULL
          AND (p.campaign_id IS DISTINCT FROM '0190a000-0000-7000-8000-70726f626501' OR NOT p.simulated)
    ) THEN
        RAISE EXCEPTION 'the vote ledger is append-only';
    END IF;
    RETURN NULL;
END $$;

-- A streamer plays one character of a show; of several the latest stays.
DELETE FROM character_assignments AS a USING character_assignments AS later
 WHERE a.channel_id = later.channel_id
   AND (later.created_at, later.character_id) > (a.created_at, a.character_id);
DROP INDEX character_assignments_channel;
CREATE UNIQUE INDEX character_assignments_channel
    ON character_assignments (channel_id) WHERE channel_id IS NOT NULL;

-- All that is wrong with accounts, whoever has noticed it: a token that is dead says so itself.
CREATE VIEW account_states AS
SELECT i.platform, i.account_id, i.code, i.detail, i.since FROM account_issues AS i
UNION ALL
SELECT a.provider, a.provider_user_id, 'needs_relink', '', t.updated_at
  FROM oauth_tokens AS t JOIN auth_providers AS a ON a.id = t.auth_provider_id
 WHERE t.state = 'needs_relink';

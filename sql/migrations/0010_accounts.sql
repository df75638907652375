-- Reason: people sign in with their accounts elsewhere or with an address and a password, and may leave for good.
-- When:   before the roll-out of the code that uses it.

-- An address in `users` is proven: whoever has it there could read its mail. No version has written one without proof.
UPDATE users SET email = NULL WHERE email IS NOT NULL;
ALTER TABLE users
    ADD COLUMN password_hash text CHECK (password_hash ~ '^\$argon2id\$' AND char_length(password_hash) <= 255),
    ADD COLUMN email_verified_at timestamptz,
    ADD COLUMN erased_at timestamptz,
    ADD CONSTRAINT users_email_length_check CHECK (char_length(email) BETWEEN 3 AND 254),
    ADD CONSTRAINT users_email_is_proven CHECK ((email IS NULL) = (email_verified_at IS NULL)),
    ADD CONSTRAINT users_password_has_email CHECK (password_hash IS NULL OR email IS NOT NULL),
    ADD CONSTRAINT users_erased_has_nothing CHECK (erased_at IS NULL OR (email IS NULL AND NOT is_owner));
COMMENT ON COLUMN users.password_hash IS 'argon2id with its parameters; null: no sign-in by password';
COMMENT ON COLUMN users.erased_at IS 'the person has left: the row stays for what refers to it, and names nobody';

ALTER TABLE auth_providers
    ADD COLUMN login text NOT NULL DEFAULT '' CHECK (login = lower(login) AND char_length(login) <= 64),
    ADD COLUMN email text CHECK (email = lower(email) AND char_length(email) BETWEEN 3 AND 254),
    ADD COLUMN last_login_at timestamptz;
COMMENT ON COLUMN auth_providers.email IS 'as the provider tells it; proves nothing';

ALTER TABLE sessions
    ADD COLUMN method text NOT NULL DEFAULT 'link'
        CHECK (method IN ('link', 'twitch', 'kick', 'google', 'password'));
COMMENT ON COLUMN sessions.method IS 'how the person came in; `link` is the one of the terminal';

-- One-time codes that reach a person by mail or by the terminal. A registration has no user yet: until the mailbox
-- is proven there is no account that somebody could have prepared for its owner.
ALTER TABLE verifications
    DROP CONSTRAINT verifications_purpose_check,
    ADD CONSTRAINT verifications_purpose_check CHECK (purpose IN ('login', 'register', 'reset', 'email')),
    ALTER COLUMN user_id DROP NOT NULL,
    ADD COLUMN email text CHECK (email = lower(email) AND char_length(email) BETWEEN 3 AND 254),
    ADD CONSTRAINT verifications_user_check CHECK ((purpose = 'register') = (user_id IS NULL)),
    ADD CONSTRAINT verifications_about_check CHECK ((purpose IN ('register', 'email')) = (email IS NOT NULL));
CREATE INDEX verifications_user ON verifications (user_id);
CREATE INDEX verifications_email ON verifications (email) WHERE email IS NOT NULL;

-- A way to a provider and back: ten minutes, one use, one browser, one provider.
CREATE TABLE oauth_link_states (
    state_hash    bytea PRIMARY KEY CHECK (octet_length(state_hash) = 32),
    provider      text NOT NULL CHECK (provider IN ('twitch', 'kick', 'google')),
    purpose       text NOT NULL CHECK (purpose IN ('login', 'link')),
    session_id    uuid REFERENCES sessions ON DELETE CASCADE,
    wants         text NOT NULL CHECK (wants IN ('identity', 'channel')),
    browser_hash  bytea NOT NULL CHECK (octet_length(browser_hash) = 32),
    verifier      bytea NOT NULL,
    return_to     text NOT NULL CHECK (return_to ~ '^/([A-Za-z0-9_.~-][A-Za-z0-9_.~/?&=#-]*)?$'
                                       AND return_to !~ '//' AND char_length(return_to) <= 200),
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    CHECK ((purpose = 'link') = (session_id IS NOT NULL)),
    CHECK (expires_at > created_at)
);
COMMENT ON COLUMN oauth_link_states.wants IS 'identity: the grant is looked at and let go; channel: it is kept';
COMMENT ON COLUMN oauth_link_states.browser_hash IS 'of the cookie that the browser was given at the start';
COMMENT ON COLUMN oauth_link_states.verifier IS 'the PKCE verifier, sealed';
CREATE INDEX oauth_link_states_age ON oauth_link_states (expires_at);
CREATE INDEX oauth_link_states_session ON oauth_link_states (session_id) WHERE session_id IS NOT NULL;

-- A sign-in that is confirmed on another device (RFC 8628), for installations that a provider cannot send back to.
CREATE TABLE device_sign_ins (
    id            uuid PRIMARY KEY,
    provider      text NOT NULL CHECK (provider IN ('twitch')),
    purpose       text NOT NULL CHECK (purpose IN ('login', 'link')),
    session_id    uuid REFERENCES sessions ON DELETE CASCADE,
    wants         text NOT NULL CHECK (wants IN ('identity', 'channel')),
    browser_hash  bytea NOT NULL CHECK (octet_length(browser_hash) = 32),
    device_code   bytea NOT NULL,
    interval_s    integer NOT NULL CHECK (interval_s BETWEEN 1 AND 60),
    next_at       timestamptz NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    expires_at    timestamptz NOT NULL,
    CHECK ((purpose = 'link') = (session_id IS NOT NULL)),
    CHECK (expires_at > created_at)
);
COMMENT ON COLUMN device_sign_ins.device_code IS 'sealed';
COMMENT ON COLUMN device_sign_ins.next_at IS 'the provider is not asked again before';
CREATE INDEX device_sign_ins_age ON device_sign_ins (expires_at);
CREATE INDEX device_sign_ins_session ON device_sign_ins (session_id) WHERE session_id IS NOT NULL;

-- Wrong passwords, by address and by address with e-mail, both as keyed digests. Here and not in Redis, so that no
-- process and no outage forgets them.
CREATE TABLE login_failures (
    key_hash      bytea PRIMARY KEY CHECK (octet_length(key_hash) = 32),
    failures      integer NOT NULL CHECK (failures > 0),
    last_at       timestamptz NOT NULL,
    locked_until  timestamptz
);
CREATE INDEX login_failures_age ON login_failures (last_at);

-- Platform accounts of people who have left: their votes are given a pseudonym, poll after poll. The row, and with it
-- the last place that names the account, goes when all that were there before are done.
CREATE TABLE erasures (
    id                uuid PRIMARY KEY,
    platform          text NOT NULL CHECK (platform IN ('twitch', 'kick', 'custom')),
    platform_user_id  text NOT NULL CHECK (char_length(platform_user_id) BETWEEN 1 AND 64),
    pseudonym         text NOT NULL CHECK (pseudonym ~ '^erased:[0-9a-f]{32}$'),
    done_to           uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    created_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN erasures.done_to IS 'polls up to this id are done; one that may still count votes is waited for';

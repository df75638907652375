-- name: forget_viewer
-- A viewer's account is called by nothing but its pseudonym any more, and belongs to no person.
UPDATE viewers SET platform_user_id = $3, login = '', name = '', person_id = NULL, updated_at = now()
WHERE platform = $1 AND platform_user_id = $2;

-- name: begin
-- An account whose votes are to be given a pseudonym.
INSERT INTO erasures (id, platform, platform_user_id, pseudonym) VALUES ($1, $2, $3, $4);

-- name: waiting
-- Accounts whose votes are not done yet; another process that is at one of them has it alone.
SELECT id, platform, platform_user_id, pseudonym, done_to, created_at
FROM erasures ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED;

-- name: polls_after
-- The next polls that were there before $2, up to the first that may still count votes, and to $5 votes to read.
WITH found AS (
    SELECT id,
           state IN ('open', 'closing')
               OR (state = 'cancelled' AND phase_at > now() - make_interval(secs => $4)) AS counts,
           coalesce(sum(ledger_rows) FILTER (WHERE rule = 'every_message')
                    OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS before
    FROM poll_instances WHERE id > $1 AND created_at <= $2 ORDER BY id LIMIT $3
)
SELECT id FROM found
WHERE before < $5 AND id < ALL (SELECT f.id FROM found AS f WHERE f.counts)
ORDER BY id;

-- name: rename_ballots
-- The votes of an account where one counts: found by the key of the table.
UPDATE poll_votes SET ballot = $4, platform_user_id = $4
WHERE poll_instance_id = ANY ($1::uuid[]) AND platform = $2 AND ballot = $3 AND platform_user_id = $3;

-- name: rename_messages
-- The votes of an account where every message counts.
UPDATE poll_votes AS v SET platform_user_id = $4
FROM poll_instances AS p
WHERE p.id = ANY ($1::uuid[]) AND p.rule = 'every_message'
  AND v.poll_instance_id = p.id AND v.platform = $2 AND v.platform_user_id = $3;

-- name: rename_persons
-- An account that is one person with others in a poll.
UPDATE poll_persons SET ballot = $4
WHERE poll_instance_id = ANY ($1::uuid[]) AND platform = $2 AND ballot = $3;

-- name: done_to
-- Polls up to this one are done.
UPDATE erasures SET done_to = $2 WHERE id = $1;

-- name: are_left
-- Whether a poll that was there before $2 is not done.
SELECT EXISTS (SELECT FROM poll_instances WHERE id > $1 AND created_at <= $2);

-- name: finish
-- The last row that named the account goes.
DELETE FROM erasures WHERE id = $1;

-- name: shows_alone
-- Shows of a person that nobody could take over.
SELECT c.id, c.name FROM campaigns AS c
WHERE c.owner_id = $1 AND c.deleted_at IS NULL
  AND NOT EXISTS (SELECT FROM campaign_memberships AS m
                  WHERE m.campaign_id = c.id AND m.user_id <> $1 AND m.status = 'active' AND m.role = 'game_master')
ORDER BY c.id;

-- name: forget_details
-- The record of acts in deleted shows is kept without names.
UPDATE admin_log SET detail = detail - 'name' - 'login' WHERE campaign_id = ANY ($1::uuid[]);

-- name: hand_over
-- Shows of a person go to whoever of their other game masters has been there longest.
WITH heirs AS (
    SELECT DISTINCT ON (m.campaign_id) m.id, m.campaign_id, m.user_id
    FROM campaign_memberships AS m JOIN campaigns AS c ON c.id = m.campaign_id
    WHERE c.owner_id = $1 AND m.user_id <> $1 AND m.status = 'active' AND m.role = 'game_master'
    ORDER BY m.campaign_id, m.created_at, m.id
), owners AS (
    UPDATE campaign_memberships SET role = 'owner', updated_at = now()
    FROM heirs WHERE campaign_memberships.id = heirs.id
)
UPDATE campaigns SET owner_id = heirs.user_id, updated_at = now() FROM heirs WHERE campaigns.id = heirs.campaign_id;

-- name: wipe_shows
-- Shows that nobody has taken over lose the words of their owner.
UPDATE campaigns SET name = 'Show of somebody who left', description = '', updated_at = now() WHERE owner_id = $1;

-- name: leave
-- The person takes part in no show any more.
DELETE FROM campaign_memberships WHERE user_id = $1;

-- name: channels_of
-- The channels of an account in all shows; before the platform has told its id, one is known by its login.
SELECT id, campaign_id FROM channels
WHERE platform = $1 AND (channel_id = $2 OR ($3::text <> '' AND channel_id = 'login:' || $3))
ORDER BY campaign_id, id;

-- name: forget_links
-- Past polls keep the slot of a channel, but not its name.
UPDATE poll_channel_links AS l SET login = 'somebody who left'
FROM channels AS c
WHERE l.channel_id = c.id AND c.platform = $1
  AND (c.channel_id = $2 OR ($3::text <> '' AND c.channel_id = 'login:' || $3));

-- name: forget_login
-- Acts upon a channel or a member are kept without the name of the account.
UPDATE admin_log SET detail = detail - 'login'
WHERE detail ->> 'login' = $2 AND coalesce(detail ->> 'platform', $1) = $1;

-- name: drop_keys
-- The bearer keys of a person.
DELETE FROM api_keys WHERE user_id = $1;

-- name: drop_answers
-- Answers that are kept for repeats of a person's requests; the one of this request is still to come.
DELETE FROM idempotency_keys WHERE actor = $1 AND status IS NOT NULL;

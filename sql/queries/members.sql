-- name: roles
-- In which shows a person has which role, but for $2; whoever owns the installation owns every show.
SELECT c.id,
       CASE WHEN c.owner_id = $1 OR u.is_owner THEN 'owner' ELSE m.role END AS role
  FROM users AS u
  CROSS JOIN campaigns AS c
  LEFT JOIN campaign_memberships AS m ON m.campaign_id = c.id AND m.user_id = u.id AND m.status = 'active'
 WHERE u.id = $1 AND c.id <> $2 AND c.deleted_at IS NULL AND (u.is_owner OR c.owner_id = u.id OR m.id IS NOT NULL);

-- name: campaign_of
-- Whose membership it is: asked before the campaign is locked.
SELECT campaign_id FROM campaign_memberships WHERE id = $1;

-- name: get
-- One membership.
SELECT m.id, m.campaign_id, m.user_id, m.role, m.status, m.platform, m.login, m.platform_user_id,
       coalesce(u.display_name, m.login, '') AS name, m.invited_by, m.created_at AS invited_at, m.accepted_at,
       m.reminded_at
  FROM campaign_memberships AS m LEFT JOIN users AS u ON u.id = m.user_id
 WHERE m.id = $1;

-- name: of_user
-- A person's membership in a show.
SELECT m.id, m.campaign_id, m.user_id, m.role, m.status, m.platform, m.login, m.platform_user_id,
       coalesce(u.display_name, m.login, '') AS name, m.invited_by, m.created_at AS invited_at, m.accepted_at,
       m.reminded_at
  FROM campaign_memberships AS m JOIN users AS u ON u.id = m.user_id
 WHERE m.campaign_id = $1 AND m.user_id = $2;

-- name: list_of_campaign
-- Everybody who takes part or was invited, in the order in which they came.
SELECT m.id, m.campaign_id, m.user_id, m.role, m.status, m.platform, m.login, m.platform_user_id,
       coalesce(u.display_name, m.login, '') AS name, m.invited_by, m.created_at AS invited_at, m.accepted_at,
       m.reminded_at
  FROM campaign_memberships AS m LEFT JOIN users AS u ON u.id = m.user_id
 WHERE m.campaign_id = $1
 ORDER BY m.created_at, m.id;

-- name: list_of_user
-- In which shows a person takes part or was invited by account.
SELECT m.id, m.campaign_id, m.user_id, m.role, m.status, m.platform, m.login, m.platform_user_id,
       u.display_name AS name, m.invited_by, m.created_at AS invited_at, m.accepted_at, m.reminded_at
  FROM campaign_memberships AS m JOIN users AS u ON u.id = m.user_id
 WHERE m.user_id = $1
 ORDER BY m.campaign_id;

-- name: invitations
-- What a person has been invited to: by account, or as a ghost that one of their accounts stands behind.
SELECT m.id, m.campaign_id, c.name AS campaign_name, m.role, coalesce(m.platform, '') AS platform,
       coalesce(m.login, '') AS login, coalesce(i.display_name, '') AS invited_by, m.created_at AS invited_at
  FROM campaign_memberships AS m
  JOIN campaigns AS c ON c.id = m.campaign_id
  LEFT JOIN users AS i ON i.id = m.invited_by
 WHERE m.status = 'pending' AND c.deleted_at IS NULL
   AND (m.user_id = $1
        OR m.user_id IS NULL AND EXISTS (
           SELECT FROM auth_providers AS a
            WHERE a.user_id = $1 AND a.provider = m.platform
              AND (a.provider_user_id = m.platform_user_id
                   OR m.platform_user_id IS NULL AND a.login = m.login)))
 ORDER BY m.created_at DESC, m.id DESC;

-- name: account
-- The account of this id on a platform, or else of this name; and who owns it.
SELECT a.provider_user_id, a.user_id
  FROM auth_providers AS a
 WHERE a.provider = $1 AND (a.provider_user_id = $2 OR ($2::text IS NULL AND a.login = $3))
 ORDER BY a.updated_at DESC LIMIT 1;

-- name: channel_id
-- The platform's id of a channel of this name in a show, if the platform has told it.
SELECT c.channel_id
  FROM channels AS c
 WHERE c.campaign_id = $1 AND c.platform = $2 AND c.login = $3 AND c.channel_id <> 'login:' || c.login;

-- name: is_there
-- Whether a show has this person, this account or a ghost of this name already.
SELECT EXISTS (
    SELECT FROM campaign_memberships AS m
     WHERE m.campaign_id = $1
       AND (m.user_id = $2
            OR m.platform = $3 AND m.platform_user_id = $4
            OR m.user_id IS NULL AND m.platform = $3 AND m.login = $5));

-- name: invite
-- Somebody is invited: a person who is known here, or (null) a ghost.
INSERT INTO campaign_memberships
       (id, campaign_id, user_id, role, status, platform, login, platform_user_id, invited_by)
VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8);

-- name: accept
-- An invited person takes part from now on.
UPDATE campaign_memberships SET status = 'active', accepted_at = now(), updated_at = now()
 WHERE id = $1 AND user_id = $2 AND status = 'pending' RETURNING id;

-- name: decline
-- An invitation is turned down; who takes part already stays.
DELETE FROM campaign_memberships WHERE id = $1 AND user_id = $2 AND status = 'pending' RETURNING id;

-- name: delete
-- Somebody takes no part any more, or an invitation is withdrawn; never the owner.
DELETE FROM campaign_memberships WHERE id = $1 AND role <> 'owner' RETURNING id;

-- name: set_role
-- Somebody is another thing in the show from now on; never the owner, and nobody becomes it.
UPDATE campaign_memberships SET role = $2, updated_at = now() WHERE id = $1 AND role <> 'owner' RETURNING id;

-- name: remind
-- A streamer is asked to get ready, unless that was done a moment ago.
UPDATE campaign_memberships SET reminded_at = now(), updated_at = now()
 WHERE id = $1 AND status = 'active'
   AND (reminded_at IS NULL OR reminded_at < now() - make_interval(secs => $2)) RETURNING id;

-- name: forget_reminder
-- A streamer has seen that they were asked.
UPDATE campaign_memberships SET reminded_at = NULL, updated_at = now()
 WHERE id = $1 AND reminded_at IS NOT NULL;

-- name: accounts
-- A person's accounts, as ghosts may have been invited by them.
SELECT provider, provider_user_id, lower(login) AS login FROM auth_providers WHERE user_id = $1 ORDER BY id;

-- name: campaigns_of_ghosts
-- The shows that invited this account before anybody signed in with it; locked in the order of their ids.
SELECT h.campaign_id
  FROM campaign_heads AS h
 WHERE h.campaign_id IN (
       SELECT g.campaign_id FROM campaign_memberships AS g
        WHERE g.user_id IS NULL AND g.platform = $1
          AND (g.platform_user_id = $2 OR g.platform_user_id IS NULL AND g.login = $3))
 ORDER BY h.campaign_id FOR UPDATE;

-- name: ghosts
-- Ghosts of this account, those known by its id first; their shows are locked.
SELECT g.id, g.campaign_id, g.role, m.id AS existing, m.role AS existing_role, m.status AS existing_status
  FROM campaign_memberships AS g
  LEFT JOIN campaign_memberships AS m ON m.campaign_id = g.campaign_id AND m.user_id = $4
 WHERE g.user_id IS NULL AND g.platform = $1
   AND (g.platform_user_id = $2 OR g.platform_user_id IS NULL AND g.login = $3)
 ORDER BY g.campaign_id, g.platform_user_id NULLS LAST, g.id;

-- name: become
-- A ghost is this person's invitation from now on; the platform's id is noted unless another membership has it.
UPDATE campaign_memberships AS g
   SET user_id = $2, login = $4, updated_at = now(),
       platform_user_id = CASE WHEN EXISTS (
           SELECT FROM campaign_memberships AS o
            WHERE o.campaign_id = g.campaign_id AND o.platform = g.platform AND o.platform_user_id = $3
              AND o.id <> g.id) THEN g.platform_user_id ELSE $3 END
 WHERE g.id = $1;

-- name: rename
-- The account is called so now.
UPDATE campaign_memberships SET login = $4, updated_at = now()
 WHERE user_id = $1 AND platform = $2 AND platform_user_id = $3 AND login <> $4;

-- name: channels
-- A member's channels in the show; the owner has those that are nobody else's, too.
SELECT v.channel_id
  FROM channel_members AS v JOIN campaign_memberships AS m ON m.campaign_id = v.campaign_id
 WHERE m.id = $1
   AND (v.membership_id = m.id
        OR m.role = 'owner' AND (v.account_user_id = m.user_id
                                 OR v.account_user_id IS NULL AND v.membership_id IS NULL))
 ORDER BY v.channel_id;

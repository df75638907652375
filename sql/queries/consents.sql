-- name: standing
-- How a channel stands in a show, for one capability.
SELECT v.account_user_id, v.owner_id, v.status, k.expires_at, v.login, clock_timestamp() AS now
  FROM channel_members AS v
  LEFT JOIN campaign_consents AS k ON k.membership_id = v.membership_id AND k.capability = $4
 WHERE v.campaign_id = $1 AND v.platform = $2 AND v.platform_user_id = $3;

-- name: standings
-- How all channels of a show stand, for one capability.
SELECT v.channel_id, v.account_user_id, v.owner_id, v.status, k.expires_at, v.login, clock_timestamp() AS now
  FROM channel_members AS v
  LEFT JOIN campaign_consents AS k ON k.membership_id = v.membership_id AND k.capability = $2
 WHERE v.campaign_id = $1
 ORDER BY v.channel_id;

-- name: grant
-- A member agrees for so many seconds from now; once more starts the time anew.
INSERT INTO campaign_consents (membership_id, capability, granted_at, expires_at)
SELECT $1, c.capability, now(), now() + make_interval(secs => $3)
  FROM unnest($2::text[]) AS c (capability)
ON CONFLICT (membership_id, capability) DO UPDATE
   SET granted_at = excluded.granted_at, expires_at = excluded.expires_at, ended_at = NULL;

-- name: revoke
-- A member takes back what was agreed to; answers what was still good.
DELETE FROM campaign_consents WHERE membership_id = $1 AND capability = ANY($2::text[])
RETURNING capability, ended_at IS NULL AS was_good;

-- name: of_member
-- What a member has agreed to, ended or not.
SELECT capability, granted_at, expires_at, expires_at > clock_timestamp() AS is_good
  FROM campaign_consents WHERE membership_id = $1 ORDER BY capability;

-- name: of_campaign
-- What all members of a show have agreed to, ended or not.
SELECT k.membership_id, k.capability, k.granted_at, k.expires_at, k.expires_at > clock_timestamp() AS is_good
  FROM campaign_consents AS k JOIN campaign_memberships AS m ON m.id = k.membership_id
 WHERE m.campaign_id = $1 ORDER BY k.membership_id, k.capability;

-- name: due
-- Shows in which somebody's consent has run out and nothing was done about it yet.
SELECT DISTINCT m.campaign_id
  FROM campaign_consents AS k JOIN campaign_memberships AS m ON m.id = k.membership_id
 WHERE k.ended_at IS NULL AND k.expires_at <= clock_timestamp()
 ORDER BY m.campaign_id LIMIT $1;

-- name: end
-- Takes what has run out in a show, once: whoever gets the rows acts on them. The show is locked.
UPDATE campaign_consents AS k SET ended_at = clock_timestamp()
  FROM campaign_memberships AS m
 WHERE m.id = k.membership_id AND m.campaign_id = $1
   AND k.ended_at IS NULL AND k.expires_at <= clock_timestamp()
RETURNING k.membership_id, k.capability;

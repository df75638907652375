-- name: known
-- What is stored of deeds, by their business identity.
SELECT m.id, m.platform, m.platform_channel_id, m.message_id, m.kind, m.fact, m.is_anonymous, m.platform_user_id,
       m.login, m.name, m.quantity, m.tier, m.months, m.amount_minor, m.currency, m.message, m.sent_at,
       m.received_at, m.is_test
  FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[])
       AS w (platform, platform_channel_id, kind, is_test, fact)
  JOIN monetization_events AS m USING (platform, platform_channel_id, kind, is_test, fact)
 WHERE m.campaign_id = $1;

-- name: put
-- A deed as all its tellings have it; a known one is told once more.
INSERT INTO monetization_events (id, campaign_id, channel_id, donation_connection_id, platform, platform_channel_id,
    kind, fact, is_test, message_id, is_anonymous, platform_user_id, login, name, quantity, tier, months,
    amount_minor, currency, message, tellings, sent_at, received_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
ON CONFLICT (campaign_id, platform, platform_channel_id, kind, is_test, fact) DO UPDATE
SET message_id = excluded.message_id, is_anonymous = excluded.is_anonymous,
    platform_user_id = excluded.platform_user_id, login = excluded.login, name = excluded.name,
    quantity = excluded.quantity, tier = excluded.tier, months = excluded.months,
    amount_minor = excluded.amount_minor, currency = excluded.currency, message = excluded.message,
    tellings = monetization_events.tellings + excluded.tellings,
    sent_at = excluded.sent_at, received_at = excluded.received_at, updated_at = now();

-- name: page
-- The feed: deeds of a campaign as they became known, newest first.
SELECT m.id, m.channel_id, m.donation_connection_id, m.platform, coalesce(c.login, d.name, '') AS place, m.kind,
       m.is_test, m.is_anonymous, m.platform_user_id, m.login, m.name, m.quantity, m.tier, m.months,
       m.amount_minor, m.currency, m.message, m.tellings, m.sent_at, m.received_at
  FROM monetization_events AS m
  LEFT JOIN channels AS c ON c.id = m.channel_id
  LEFT JOIN donation_connections AS d ON d.id = m.donation_connection_id
 WHERE m.campaign_id = $1 AND ($2::uuid IS NULL OR m.id < $2)
 ORDER BY m.id DESC LIMIT $3;

-- name: totals
-- What deeds since a moment add up to, by kind and currency; tests are no deeds.
SELECT kind, currency, count(*) AS deeds, sum(quantity)::bigint AS quantity,
       sum(amount_minor)::bigint AS amount_minor
  FROM monetization_events
 WHERE campaign_id = $1 AND NOT is_test AND sent_at >= $2
 GROUP BY kind, currency ORDER BY kind, currency;

-- name: stream_since
-- Since when the first of a campaign's channels that are live has been so; NULL when none is.
SELECT min(live_since) FROM channels WHERE campaign_id = $1 AND is_live;

-- name: stream_changed
-- Live or not, as the latest telling by the platform's clock has it; a title is told apart, where there is one.
UPDATE channels AS c
   SET is_live = CASE WHEN news.state THEN v.is_live ELSE c.is_live END,
       live_since = CASE WHEN news.state THEN v.live_since ELSE c.live_since END,
       live_told_at = CASE WHEN news.state THEN v.told_at ELSE c.live_told_at END,
       title = CASE WHEN news.title THEN v.title ELSE c.title END,
       title_told_at = CASE WHEN news.title THEN v.told_at ELSE c.title_told_at END,
       updated_at = now()
  FROM (SELECT $1::uuid AS id, $2::boolean AS is_live, $3::timestamptz AS live_since, $4::text AS title,
               $5::timestamptz AS told_at) AS v,
       LATERAL (SELECT c.live_told_at IS NULL OR (v.told_at, v.is_live) > (c.live_told_at, c.is_live)
                       OR (v.told_at, v.is_live) = (c.live_told_at, c.is_live) AND v.live_since < c.live_since
                       AS state,
                       v.title <> '' AND (c.title_told_at IS NULL OR (v.told_at, v.title) > (c.title_told_at, c.title))
                       AS title) AS news
 WHERE c.id = v.id AND (news.state OR news.title);

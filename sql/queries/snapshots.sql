-- name: heads
-- Where these campaigns stand; asked every second by every process (reliability §3.4 rule 6).
SELECT campaign_id, epoch, seq, token_version FROM campaign_heads WHERE campaign_id = ANY($1::uuid[]);

-- name: head
-- Where one campaign stands, with the database clock.
SELECT epoch, seq, token_version, clock_timestamp() AS now FROM campaign_heads WHERE campaign_id = $1;

-- name: boards
-- All boards on screen.
SELECT board_id, rev, data FROM boards WHERE campaign_id = $1;

-- name: boards_after
-- The boards that changed after a position.
SELECT board_id, rev, data FROM boards WHERE campaign_id = $1 AND rev > $2;

-- name: complete_from
-- The lowest position from which no step up to $3 is missing, looking back to $2; NULL when step $3 is.
SELECT min(seq) - 1
FROM (
    SELECT seq, seq + row_number() OVER (ORDER BY seq DESC) AS island
    FROM board_events WHERE campaign_id = $1 AND seq > $2 AND seq <= $3
) AS steps
WHERE island = $3 + 1;

-- name: passing_after
-- Steps after a position that the boards themselves do not tell of: what happened once, what went away.
SELECT seq, kind, board_id, payload, at
FROM board_events WHERE campaign_id = $1 AND seq > $2 AND seq <= $3 AND kind <> 'set'
ORDER BY seq;

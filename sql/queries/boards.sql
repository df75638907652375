-- name: put
-- Writes the public view of a board.
INSERT INTO boards (board_id, campaign_id, kind, phase, rev, data) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (board_id) DO UPDATE
SET phase = excluded.phase, rev = excluded.rev, data = excluded.data, updated_at = now();

-- name: get
-- The public view of a board.
SELECT data FROM boards WHERE board_id = $1 AND campaign_id = $2;

-- name: remove
-- Takes a board off the screen.
DELETE FROM boards WHERE board_id = $1 AND campaign_id = $2;

-- name: append_event
-- Adds one numbered step to the campaign's stream.
INSERT INTO board_events (campaign_id, seq, kind, board_id, payload, at) VALUES ($1, $2, $3, $4, $5, $6);

-- name: forget_events
-- Drops steps that no browser is owed any more.
DELETE FROM board_events WHERE at < now() - make_interval(secs => $1);

-- name: lock
-- Takes the campaign: whoever holds this row decides what happens next in it.
-- The clock is read outside: beside FOR UPDATE it would be read before the wait for the lock.
WITH head AS MATERIALIZED (
    SELECT epoch, seq, config_version FROM campaign_heads WHERE campaign_id = $1 FOR UPDATE
)
SELECT epoch, seq, config_version, clock_timestamp() AS now FROM head;

-- name: advance
-- Moves the position of the campaign's stream of frames.
UPDATE campaign_heads SET seq = $2 WHERE campaign_id = $1;

-- name: create
-- The head of a new campaign.
INSERT INTO campaign_heads (campaign_id, epoch) VALUES ($1, $2);

-- name: bump_config
-- Tells every process to load the campaign's channels anew; also takes the campaign's lock.
UPDATE campaign_heads SET config_version = config_version + 1 WHERE campaign_id = $1;

-- name: now
-- The clock that everything is judged by.
SELECT clock_timestamp();

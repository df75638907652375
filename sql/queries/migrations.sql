-- name: lock
-- One process migrates at a time; the others wait here.
SELECT pg_advisory_lock(7204816553126914);

-- name: unlock
-- Lets the next process look.
SELECT pg_advisory_unlock(7204816553126914);

-- name: table_exists
-- Whether anything was ever applied here.
SELECT to_regclass('schema_migrations') IS NOT NULL;

-- name: create_table
-- The record of what has been applied.
CREATE TABLE IF NOT EXISTS schema_migrations (
    version     integer PRIMARY KEY CHECK (version > 0),
    name        text NOT NULL,
    sha256      bytea NOT NULL CHECK (octet_length(sha256) = 32),
    applied_at  timestamptz NOT NULL DEFAULT now()
);

-- name: applied
-- What this database has, oldest first.
SELECT version, name, sha256 FROM schema_migrations ORDER BY version;

-- name: record
-- Notes that a migration is in.
INSERT INTO schema_migrations (version, name, sha256) VALUES ($1, $2, $3);

-- name: server_version
-- 150004 for PostgreSQL 15.4.
SELECT current_setting('server_version_num')::integer;

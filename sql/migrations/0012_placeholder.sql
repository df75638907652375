-- Reason: stands for the migration of another branch.
-- When:   never.

SELECT 1;

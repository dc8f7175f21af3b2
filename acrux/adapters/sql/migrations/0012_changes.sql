-- When an account or a scope map was last given something else, be it more, which ends no token and
-- raises no epoch; 0 where it never was.

ALTER TABLE accounts ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE scope_maps ADD COLUMN changed_at BIGINT NOT NULL DEFAULT 0;

-- Accounts beside the administrator: each with a scope map, a switch, and an epoch that its tokens
-- carry, so that raising it ends them all.

ALTER TABLE accounts ADD COLUMN scope_map TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE accounts ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;

-- Until now the administrator was the only account.
UPDATE accounts SET scope_map = '_admin';

ALTER TABLE passwords ADD COLUMN expires_at BIGINT;

CREATE TABLE scope_maps (
    name TEXT NOT NULL PRIMARY KEY,
    description TEXT NOT NULL,
    -- JSON: ["repositories/team/*/content/read"].
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Tokens of an account with an epoch below this one are worth nothing, though they be signed well.
CREATE TABLE revocations (
    account TEXT NOT NULL PRIMARY KEY,
    epoch BIGINT NOT NULL
);

CREATE INDEX revocations_by_epoch ON revocations (epoch);
CREATE INDEX accounts_by_epoch ON accounts (epoch);
CREATE INDEX accounts_by_scope_map ON accounts (scope_map);

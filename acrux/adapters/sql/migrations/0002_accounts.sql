-- Accounts and their passwords, of which only keyed hashes are kept.

CREATE TABLE accounts (
    name TEXT NOT NULL PRIMARY KEY
);

CREATE TABLE passwords (
    account TEXT NOT NULL REFERENCES accounts (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account, name)
);

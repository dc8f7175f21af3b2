-- Failed logins, by account and address, by address, and by account.

CREATE TABLE failures (
    -- A keyed hash of what is counted.
    subject TEXT NOT NULL PRIMARY KEY,
    -- A keyed hash of what was presented as a user name; empty for all of them.
    account TEXT NOT NULL,
    -- In clear, as in the log; empty for all of them.
    address TEXT NOT NULL,
    failed_at BIGINT NOT NULL,
    forgiven_at BIGINT NOT NULL,
    -- Grows with every change, so that workers find what is new.
    revision BIGINT NOT NULL
);

CREATE INDEX failures_by_revision ON failures (revision);
CREATE INDEX failures_by_end ON failures (forgiven_at);
CREATE INDEX failures_by_account ON failures (account);
CREATE INDEX failures_by_address ON failures (address);

-- Where accounts got in: a keyed hash of account and address.
CREATE TABLE known_places (
    subject TEXT NOT NULL PRIMARY KEY,
    seen_at BIGINT NOT NULL
);

CREATE INDEX known_places_by_time ON known_places (seen_at);

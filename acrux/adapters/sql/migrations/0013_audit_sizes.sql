-- How many bytes a record takes on the disk, with what leads to it, and how many those of an account
-- take together, and those of all of them under no name: the audit has a bound, and so has what one
-- account may add to it. Only of callers whom a credential proved; of the others so many records are
-- kept and no more.

ALTER TABLE journal ADD COLUMN size BIGINT NOT NULL DEFAULT 1024;

CREATE TABLE journal_sizes (
    account TEXT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL
);

CREATE INDEX journal_sizes_by_size ON journal_sizes (size);

INSERT INTO journal_sizes (account, size)
SELECT account, SUM(size) FROM journal WHERE proven = 1 GROUP BY account;

INSERT INTO journal_sizes (account, size)
SELECT '', SUM(size) FROM journal WHERE proven = 1 HAVING COUNT(*) > 0;

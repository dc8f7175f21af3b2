-- Who asked what, and what was decided why: added, looked for, pruned by age, never changed.

CREATE TABLE journal (
    -- The instant in microseconds since 1970 as 14 hexadecimal digits, then the process.
    id TEXT NOT NULL PRIMARY KEY,
    case_id TEXT,
    -- 1 where a credential proved who asked.
    proven INTEGER NOT NULL,
    account TEXT NOT NULL,
    proof TEXT NOT NULL,
    peer TEXT NOT NULL,
    repository TEXT NOT NULL,
    request TEXT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER NOT NULL,
    -- Scopes as a challenge writes them.
    asked TEXT NOT NULL,
    granted TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    -- JSON: {"name": "text"}.
    facts TEXT NOT NULL,
    correlation TEXT NOT NULL
);

CREATE INDEX journal_by_account ON journal (account, id);
CREATE INDEX journal_by_repository ON journal (repository, id);
CREATE INDEX journal_by_case ON journal (case_id) WHERE case_id IS NOT NULL;
CREATE INDEX journal_of_strangers ON journal (id) WHERE proven = 0;

-- People, with passwords they chose, beside the accounts whose passwords are generated. What is a
-- person's, and what an htpasswd file's, `kind` says: token, user or htpasswd.

ALTER TABLE accounts ADD COLUMN kind TEXT NOT NULL DEFAULT 'token';

CREATE INDEX accounts_by_kind ON accounts (kind, name);

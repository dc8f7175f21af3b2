-- Trusts in outside OpenID issuers. Whoever one lets in has no account: the tokens carry the
-- trust's epoch, and its revocations stand under 'trusts/' and its name.

CREATE TABLE trusts (
    name TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    audience TEXT NOT NULL,
    -- JSON: [["repository", "org/*"], ["ref", "refs/heads/main"]].
    rules TEXT NOT NULL,
    -- Either the name of a scope map, or JSON: ["repositories/{repository}/content/read"].
    scope_map TEXT NOT NULL,
    permissions TEXT NOT NULL,
    lifetime BIGINT NOT NULL, -- microseconds
    enabled INTEGER NOT NULL,
    epoch BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE INDEX trusts_by_issuer ON trusts (issuer, name);
CREATE INDEX trusts_by_scope_map ON trusts (scope_map);
CREATE INDEX trusts_by_epoch ON trusts (epoch);

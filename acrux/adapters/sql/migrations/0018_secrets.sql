-- expands: 17
-- The registry's own secrets, if the operator gives a master key: AES-256-GCM, with the name as
-- associated data. `sealed_under` is the fingerprint of the master key.
CREATE TABLE secrets (
    name TEXT NOT NULL PRIMARY KEY,
    sealed_under TEXT NOT NULL,
    sealed BYTEA NOT NULL
);

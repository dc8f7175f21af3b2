-- What is deleted under a soft-delete policy can be restored until an instant that is fixed when it
-- is deleted.

-- Of a deleted repository: whether it can be restored until it is cleared. Of a graveyard, which is
-- a row without a name and without a time of deletion: always, until it is purged.
ALTER TABLE repositories ADD COLUMN restorable INTEGER NOT NULL DEFAULT 0;

-- The tables of the migration before were never written to.
DROP TABLE deleted_manifests;
DROP TABLE deleted_tags;

-- The repository is the graveyard's, for both.
CREATE TABLE deleted_manifests (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    deleted_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (repository, digest)
);

CREATE INDEX deleted_manifests_by_expiry ON deleted_manifests (expires_at);

-- A tag's manifest may be in the graveyard, or live, or gone.
CREATE TABLE deleted_tags (
    repository TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    deleted_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (repository, name, digest)
);

CREATE INDEX deleted_tags_by_time ON deleted_tags (repository, name, deleted_at);
CREATE INDEX deleted_tags_by_digest ON deleted_tags (repository, digest, name);
CREATE INDEX deleted_tags_by_expiry ON deleted_tags (expires_at);

-- What refers to what becomes rows, so that what nothing refers to is known the moment it happens.

-- A repository has a key, which its rows carry, beside its name. A deleted repository loses its name
-- at once and its rows later; another repository can have the name meanwhile, under another key.
ALTER TABLE repositories RENAME COLUMN name TO key;
ALTER TABLE repositories ADD COLUMN name TEXT;
-- Only of a deleted repository: the name it had, when it lost it, and when its rows are cleared.
ALTER TABLE repositories ADD COLUMN former_name TEXT;
ALTER TABLE repositories ADD COLUMN deleted_at BIGINT;
ALTER TABLE repositories ADD COLUMN clear_at BIGINT;
-- Of a deleted repository: whether it can be restored until it is cleared. Of a graveyard, which is
-- a row without a name and without a time of deletion: always, until it is purged.
ALTER TABLE repositories ADD COLUMN restorable INTEGER NOT NULL DEFAULT 0;

UPDATE repositories SET name = key;

CREATE UNIQUE INDEX repositories_by_name ON repositories (name);
CREATE INDEX repositories_by_former_name ON repositories (former_name, key) WHERE former_name IS NOT NULL;
CREATE INDEX repositories_to_clear ON repositories (clear_at, key) WHERE clear_at IS NOT NULL;

-- To delete a repository, one must know that nothing in it is locked.
CREATE INDEX tags_locked ON tags (repository) WHERE write_enabled = 0 OR delete_enabled = 0;
CREATE INDEX manifests_locked ON manifests (repository) WHERE write_enabled = 0 OR delete_enabled = 0;

-- The bytes of a blob that are in use. Every push stores a copy with a name of its own, which is
-- never used again: bytes that nothing refers to can be removed without asking who pushes the same.
-- The copies of former versions are named by the digest alone; their `copy` is empty.
CREATE TABLE blobs (
    digest TEXT NOT NULL PRIMARY KEY,
    copy TEXT NOT NULL,
    size BIGINT NOT NULL,
    stored_at BIGINT NOT NULL
);

-- Copies to remove from the store.
CREATE TABLE removals (
    digest TEXT NOT NULL,
    copy TEXT NOT NULL,
    size BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (digest, copy)
);

CREATE INDEX removals_by_time ON removals (due_at);

-- Which manifest of a repository names which blob, and which index names which manifest. A subject is
-- a column of its referrers.
CREATE TABLE manifest_references (
    repository TEXT NOT NULL,
    target TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (repository, target, digest)
);

-- What lost a reference, and when to look whether anything else refers to it.
CREATE TABLE reviews (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (repository, digest)
);

CREATE INDEX reviews_by_time ON reviews (due_at);

-- What somebody is about to refer to: a blob just pushed, or one that a push was told is there.
CREATE TABLE holds (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    principal TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (repository, digest, principal)
);

CREATE INDEX holds_by_time ON holds (until);

-- What each repository holds. What existed before this table is counted in the background: a counter
-- covers what lies up to its `…_to`, which is '~' once all is counted.
CREATE TABLE usage (
    repository TEXT NOT NULL PRIMARY KEY,
    manifests BIGINT NOT NULL,
    manifest_bytes BIGINT NOT NULL,
    tags BIGINT NOT NULL,
    blobs BIGINT NOT NULL,
    blob_bytes BIGINT NOT NULL,
    manifests_to TEXT NOT NULL,
    tags_to TEXT NOT NULL,
    blobs_to TEXT NOT NULL
);

INSERT INTO usage (repository, manifests, manifest_bytes, tags, blobs, blob_bytes, manifests_to, tags_to, blobs_to)
SELECT key, 0, 0, 0, 0, 0, '', '', '' FROM repositories;

-- Asked for at every run of the collector, and empty once all is counted.
CREATE INDEX usage_uncounted ON usage (repository)
WHERE manifests_to < '~' OR tags_to < '~' OR blobs_to < '~';

-- The bytes of all blobs, each counted once. One row for each first two digits, so that pushes of
-- different blobs do not wait for each other.
CREATE TABLE stored (
    part TEXT NOT NULL PRIMARY KEY,
    blobs BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

-- Since when a manifest has no tag, or when it lost one of its tags. One that never had any has no row.
CREATE TABLE untagged (
    repository TEXT NOT NULL,
    digest TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (repository, digest)
);

-- When a tag or a manifest was last pulled, by tag or digest.
CREATE TABLE pulls (
    repository TEXT NOT NULL,
    reference TEXT NOT NULL,
    pulled_at BIGINT NOT NULL,
    PRIMARY KEY (repository, reference)
);

-- What is deleted under a soft-delete policy can be restored until an instant that is fixed when it
-- is deleted. The repository is the graveyard's, a row of `repositories` without a name.
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

-- Retention rules, write-once tags, quotas, soft delete: a name within its kind, and JSON.
CREATE TABLE policies (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);

-- Which process does what only one should do, and until when.
CREATE TABLE leases (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);

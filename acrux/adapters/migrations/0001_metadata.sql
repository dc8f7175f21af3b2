-- Repositories and what they hold. Keyed by name: one index look-up answers each read, and there
-- is no identity column for SQLite and PostgreSQL to disagree about.

CREATE TABLE repositories (
    name TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL
);

CREATE TABLE blob_links (
    repository TEXT NOT NULL REFERENCES repositories (name),
    digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (repository, digest)
);

CREATE TABLE manifests (
    repository TEXT NOT NULL REFERENCES repositories (name),
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    subject TEXT,
    artifact_type TEXT NOT NULL,
    config_media_type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- Last, because up to 4 MiB of it would stand between a reader and the columns behind it.
    content BYTEA NOT NULL,
    PRIMARY KEY (repository, digest)
);

-- A tag cannot point at nothing: it goes when its manifest goes.
CREATE TABLE tags (
    repository TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (repository, name),
    FOREIGN KEY (repository, digest) REFERENCES manifests (repository, digest) ON DELETE CASCADE
);

CREATE INDEX tags_by_digest ON tags (repository, digest);

-- By the repository's name, and not as a foreign key: to begin an upload creates no repository.
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    repository TEXT NOT NULL,
    principal TEXT NOT NULL,
    started_at BIGINT NOT NULL
);

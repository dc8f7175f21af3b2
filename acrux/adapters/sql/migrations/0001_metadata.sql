-- Repositories and what they hold. Keyed by name: one index look-up answers each read, and there
-- is no identity column for SQLite and PostgreSQL to disagree about.

CREATE TABLE repositories (
    name TEXT NOT NULL PRIMARY KEY,
    created_at BIGINT NOT NULL,
    delete_enabled INTEGER NOT NULL DEFAULT 1,
    write_enabled INTEGER NOT NULL DEFAULT 1,
    list_enabled INTEGER NOT NULL DEFAULT 1,
    read_enabled INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE blob_links (
    repository TEXT NOT NULL REFERENCES repositories (name),
    digest TEXT NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (repository, digest)
);

-- A blob to mount is looked for in every repository that the caller may pull.
CREATE INDEX blob_links_by_digest ON blob_links (digest, repository);

CREATE TABLE manifests (
    repository TEXT NOT NULL REFERENCES repositories (name),
    digest TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size BIGINT NOT NULL,
    image_size BIGINT NOT NULL,
    subject TEXT,
    artifact_type TEXT NOT NULL,
    config_media_type TEXT NOT NULL,
    architecture TEXT NOT NULL,
    os TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    delete_enabled INTEGER NOT NULL DEFAULT 1,
    write_enabled INTEGER NOT NULL DEFAULT 1,
    list_enabled INTEGER NOT NULL DEFAULT 1,
    read_enabled INTEGER NOT NULL DEFAULT 1,
    -- JSON: {"name": "text"}, and [["digest", "architecture", "os"]].
    annotations TEXT NOT NULL,
    entries TEXT NOT NULL,
    -- Last, because up to 4 MiB of it would stand between a reader and the columns behind it.
    content BYTEA NOT NULL,
    PRIMARY KEY (repository, digest)
);

CREATE INDEX manifests_by_subject ON manifests (repository, subject, digest);
CREATE INDEX manifests_by_time ON manifests (repository, updated_at, digest);

-- A tag cannot point at nothing: it goes when its manifest goes.
CREATE TABLE tags (
    repository TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    delete_enabled INTEGER NOT NULL DEFAULT 1,
    write_enabled INTEGER NOT NULL DEFAULT 1,
    list_enabled INTEGER NOT NULL DEFAULT 1,
    read_enabled INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (repository, name),
    FOREIGN KEY (repository, digest) REFERENCES manifests (repository, digest) ON DELETE CASCADE
);

CREATE INDEX tags_by_digest ON tags (repository, digest, name);
CREATE INDEX tags_by_time ON tags (repository, updated_at, name);

-- By the repository's name, and not as a foreign key: to begin an upload creates no repository.
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    repository TEXT NOT NULL,
    principal TEXT NOT NULL,
    started_at BIGINT NOT NULL
);

CREATE INDEX uploads_by_repository ON uploads (repository);

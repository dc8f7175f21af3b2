-- expands: 16
-- Uploads into an object store, which has no file to append to: `size` is the offset. `became` is the
-- digest of the blob, empty as long as the upload is open; `copy` is the name of its first copy. Closed
-- uploads are forgotten after an hour.
CREATE TABLE uploads (
    key TEXT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL DEFAULT 0,
    segments BIGINT NOT NULL DEFAULT 0,
    used_at BIGINT NOT NULL,
    became TEXT NOT NULL DEFAULT '',
    copy TEXT NOT NULL DEFAULT ''
);

CREATE INDEX uploads_open ON uploads (used_at) WHERE became = '';
CREATE INDEX uploads_closed ON uploads (used_at) WHERE became > '';

-- The objects that hold the bytes of an upload, each from `start` on.
CREATE TABLE upload_segments (
    upload TEXT NOT NULL,
    start BIGINT NOT NULL,
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (upload, start)
);

CREATE INDEX upload_segments_by_name ON upload_segments (name);

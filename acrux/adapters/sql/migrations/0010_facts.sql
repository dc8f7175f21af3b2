-- What the registry knows of itself: its pepper's fingerprint, and how late it was at least.

CREATE TABLE facts (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
);

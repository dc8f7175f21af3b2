-- Names that everybody uses: what was a journal is the audit log, and what was a proof is the method
-- of authentication. No row is written. The indexes keep their names, as SQLite can only build an
-- index under another name, which takes long for a large log.

ALTER TABLE journal RENAME TO audit_log;
ALTER TABLE journal_sizes RENAME TO audit_sizes;
ALTER TABLE audit_log RENAME COLUMN proof TO authentication_method;

-- Whoever gets an account must not be taken for somebody whose name differs in capitals alone.

CREATE INDEX accounts_by_lowered_name ON accounts (lower(name));

-- expands: 15
-- Whom to tell of pushes and deletions. The definition is JSON; its URI, headers and secrets are
-- sealed with secrets/webhooks. `repository` is the one of its scope, empty for all.
-- `numbered` is the number of the latest event. The rest counts events, and says how deliveries go.
CREATE TABLE webhooks (
    name TEXT NOT NULL PRIMARY KEY,
    repository TEXT NOT NULL,
    is_enabled INTEGER NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    numbered BIGINT NOT NULL DEFAULT 0,
    waiting BIGINT NOT NULL DEFAULT 0,
    waiting_bytes BIGINT NOT NULL DEFAULT 0,
    dropped BIGINT NOT NULL DEFAULT 0,
    succeeded_at BIGINT,
    failing_since BIGINT,
    problem TEXT NOT NULL DEFAULT ''
);

CREATE INDEX webhooks_by_repository ON webhooks (repository, name) WHERE is_enabled = 1;

-- An event of one webhook, recorded in the transaction of the change; JSON. It is waiting, delivered
-- or dead. `last_attempt` is JSON too, empty before the first one.
CREATE TABLE webhook_events (
    webhook TEXT NOT NULL,
    number BIGINT NOT NULL,
    id TEXT NOT NULL,
    repository TEXT NOT NULL,
    state TEXT NOT NULL,
    event TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    since BIGINT NOT NULL,
    attempts BIGINT NOT NULL DEFAULT 0,
    last_attempt TEXT NOT NULL DEFAULT '',
    ended_at BIGINT,
    PRIMARY KEY (webhook, number)
);

CREATE INDEX webhook_events_in_lanes ON webhook_events (webhook, repository, number)
WHERE state = 'waiting';

CREATE INDEX webhook_events_by_state ON webhook_events (webhook, state, number);
CREATE INDEX webhook_events_by_end ON webhook_events (ended_at) WHERE ended_at IS NOT NULL;

-- The repositories of which events wait for a webhook. Each lane is delivered in order, and after a
-- failure the whole of it waits.
CREATE TABLE webhook_lanes (
    webhook TEXT NOT NULL,
    repository TEXT NOT NULL,
    due_at BIGINT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (webhook, repository)
);

CREATE INDEX webhook_lanes_by_due ON webhook_lanes (webhook, due_at);

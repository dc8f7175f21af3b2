"""Every call of a SQL port on a large registry, and its statements."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sql.access.failed_logins import SqlFailedLogins
from acrux.adapters.sql.access.revocations import SqlRevocations
from acrux.adapters.sql.access.scope_maps import SqlScopeMaps
from acrux.adapters.sql.access.trusts import SqlTrusts
from acrux.adapters.sql.audit_log import SqlAuditLog
from acrux.adapters.sql.collection.garbage import SqlGarbage
from acrux.adapters.sql.collection.inventory import SqlInventory
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Database, Statement, Steps
from acrux.adapters.sql.deleted.store import SqlGraveyard
from acrux.adapters.sql.leases import SqlLeases
from acrux.adapters.sql.policies import SqlPolicies
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sql.pulls import SqlPulls
from acrux.adapters.sql.webhooks.outbox import SqlOutbox
from acrux.adapters.sql.webhooks.store import SqlWebhooks
from acrux.domain.access.lockout import Subject
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.domain.audit.decision import Decision, Outcome, Record, Search, record_id
from acrux.domain.content.attributes import AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Order, Page
from acrux.domain.content.patterns import RepositoryPattern
from acrux.domain.content.policies.quota import Quota
from acrux.domain.content.policies.retention import RetentionRule, TagFact, UntaggedFact
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.domain.content.storage.deleted import Restoration
from acrux.domain.instants import BEGINNING
from acrux.domain.webhooks.event import Action, Event
from acrux.domain.webhooks.event import Subject as EventSubject
from acrux.domain.webhooks.standing import Attempt, State
from acrux.errors import RegistryError
from acrux.ports.accounts import (
    Account,
    AccountKind,
    Accounts,
    FileUser,
    PasswordRecord,
    Revocations,
    ScopeMaps,
    StoredScopeMap,
)
from acrux.ports.audit_log import AuditLog
from acrux.ports.content.collection import Garbage, Inventory, Terms
from acrux.ports.content.metadata import Graveyard, Metadata, Properties
from acrux.ports.content.policies import Policies
from acrux.ports.content.pulls import Pull, Pulls
from acrux.ports.failed_logins import FailedLogins
from acrux.ports.federation import StoredTrust, Trusts
from acrux.ports.leases import Leases
from acrux.ports.webhooks import Ending, Lane, Outbox, Waiting, Webhooks
from tests.contracts.content import (
    AT,
    BLOB,
    GRACE,
    OTHER,
    PUSHER,
    copy,
    descriptor,
    image,
    index,
    tags,
)
from tests.contracts.databases import Databases
from tests.contracts.webhooks import webhook

ADAPTERS: dict[type, Callable[[Database], Any]] = {
    Metadata: lambda database: SqlMetadata(database, GRACE),
    Properties: SqlProperties,
    Graveyard: lambda database: SqlGraveyard(database, GRACE),
    Pulls: SqlPulls,
    Inventory: lambda database: SqlInventory(database, GRACE),
    Accounts: SqlAccounts,
    ScopeMaps: SqlScopeMaps,
    Revocations: SqlRevocations,
    FailedLogins: lambda database: SqlFailedLogins(database, lambda: bytes(32), max_rows=1),
    AuditLog: SqlAuditLog,
    Trusts: SqlTrusts,
    Policies: SqlPolicies,
    Garbage: lambda database: SqlGarbage(database, Rules(GRACE)),
    Leases: SqlLeases,
    Webhooks: SqlWebhooks,
    Outbox: SqlOutbox,
}


@dataclass(frozen=True)
class Call:
    """One call of a port."""

    port: type
    method: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


@dataclass(frozen=True)
class Port:
    """Records calls of a port: `Port(Metadata).find_blob(...)` is a Call."""

    type: type

    def __getattr__(self, method: str) -> Any:
        return lambda *arguments, **options: Call(self.type, method, arguments, options)


METADATA, PROPERTIES, PULLS = Port(Metadata), Port(Properties), Port(Pulls)
INVENTORY = Port(Inventory)
ACCOUNTS, SCOPE_MAPS, REVOCATIONS = Port(Accounts), Port(ScopeMaps), Port(Revocations)
FAILED_LOGINS, AUDIT_LOG = Port(FailedLogins), Port(AuditLog)
TRUSTS, POLICIES = Port(Trusts), Port(Policies)
GARBAGE, LEASES = Port(Garbage), Port(Leases)
WEBHOOKS, OUTBOX = Port(Webhooks), Port(Outbox)

GRAVEYARD = Port(Graveyard)

ROWS = 20_000

# Places in the middle of what `filled` creates.
LARGE = RepositoryName.parse("large/5")
SMALL = RepositoryName.parse("small/10000")
TAG = Tag.parse("t11001")
DIGEST = Digest.parse(f"sha256:{11001:064x}")
SUBJECT = Digest.parse(f"sha256:{5:064x}")
TYPE = "application/vnd.example.signature"

EVERYTHING = (RepositoryPattern("*"),)
SOME = tuple(map(RepositoryPattern, ("large/5", "small/*", "team/*")))
WHOLE = index("whole", manifests=[descriptor(DIGEST)])
IMAGE = image(BLOB, subject=descriptor(SUBJECT))
PASSWORD = PasswordRecord("password", "hash", AT)
# Added, changed, removed.
FILE_USERS = ((FileUser("alice", "one"),), (FileUser("alice", "two"),), ())
PAIR = Subject("acrux", "192.0.2.7")
TRUST = Trust(
    name="ci",
    issuer="https://issuer.test",
    audience="registry.test",
    rules=(ClaimRule("sub", "x"),),
    scope_map="the-map",
)
QUOTA = Quota(name="team-quota", repositories="team/*", max_bytes=1)
RULE = RetentionRule(name="a-rule", repositories=("*",), tags=("*",))
TAG_FACT, MANIFEST_FACT = TagFact(TAG.value, str(DIGEST), AT), UntaggedFact(str(DIGEST), AT, AT)
LAST_EPOCH = 2**62  # greater than any that exists
SCOPE_MAP = StoredScopeMap("the-map", "", ("repositories/*/content/read",), AT)
RECORD = Record(record_id(1, "w"), Decision("GET /v2/", Outcome.GRANTED, "acrux"))

# Everything is due then.
DUE = AT + timedelta(days=9)
SIGNATURE = image(BLOB, subject=descriptor(IMAGE.digest))
COPY = copy(BLOB)

WEBHOOK = webhook("a-webhook")
EVENT = Event("an-id", AT, Action.PUSH, EventSubject(LARGE.value))
WAITING = Waiting(1, EVENT, AT)
LANE = Lane("a-webhook", LARGE.value)
TAKEN = Ending(attempt=Attempt(at=AT, headers={}), is_over=True, retry_at=AT)
REFUSED = Ending(attempt=Attempt(at=AT, headers={}, problem="x"), is_over=False, retry_at=AT)

# In an order in which each call finds what it needs. `None` leaves all rows uncounted.
CALLS: tuple[Call | None, ...] = (
    WEBHOOKS.create(WEBHOOK, AT, 500),
    WEBHOOKS.find(WEBHOOK.name),
    WEBHOOKS.list(),
    WEBHOOKS.replace(WEBHOOK, WEBHOOK, AT),
    OUTBOX.add(WEBHOOK.name, EVENT),
    OUTBOX.due(AT, 4),
    OUTBOX.first(LANE),
    OUTBOX.put_off(LANE, AT),
    OUTBOX.end(LANE, WAITING, REFUSED),
    OUTBOX.end(LANE, WAITING, TAKEN),
    *(OUTBOX.events(WEBHOOK.name, state, 100) for state in (None, State.DEAD)),
    *(OUTBOX.replay(WEBHOOK.name, event_id, AT) for event_id in (None, "an-id")),
    OUTBOX.prune(BEGINNING + timedelta(microseconds=ROWS // 100)),
    WEBHOOKS.create(webhook("another-one"), AT, 500),
    WEBHOOKS.delete("another-one"),
    METADATA.check_writable(LARGE),
    METADATA.has_quotas(LARGE),
    METADATA.link_blob(LARGE, copy(BLOB), PUSHER, AT),
    METADATA.find_blob(LARGE, BLOB),
    METADATA.find_copies(LARGE, (BLOB, DIGEST)),
    METADATA.find_copy(BLOB),
    METADATA.hold(LARGE, DIGEST, PUSHER),
    METADATA.mount_blob(EVERYTHING, SMALL, copy(BLOB, 1), PUSHER, AT),
    METADATA.mount_blob(SOME, SMALL, copy(BLOB, 1), PUSHER, AT),
    METADATA.put_manifest(LARGE, IMAGE, (TAG, *tags("other")), AT),
    METADATA.put_manifest(SMALL, IMAGE, (TAG,), AT),
    METADATA.get_manifest(LARGE, TAG),
    METADATA.get_manifest(LARGE, DIGEST),
    METADATA.list_tags(LARGE, Page(100, TAG.value)),
    METADATA.list_repositories(Page(100, LARGE.value), EVERYTHING),
    METADATA.list_repositories(Page(100, "small/08000"), (RepositoryPattern("small/*"),)),
    METADATA.find_repositories(Page(100, LARGE.value), EVERYTHING, "8"),
    METADATA.list_referrers(LARGE, SUBJECT, None, Page(100, str(DIGEST))),
    METADATA.list_referrers(LARGE, SUBJECT, TYPE, Page(100, str(DIGEST))),
    PULLS.since(),
    PULLS.begin(AT),
    PULLS.record([Pull(LARGE, reference, AT) for reference in (TAG, DIGEST)]),
    PULLS.record([Pull(LARGE, tag, AT) for tag in tags(*(f"t{n:05}" for n in range(500)))]),
    PROPERTIES.repository(LARGE),
    PROPERTIES.tag(LARGE, TAG),
    PROPERTIES.manifest(LARGE, DIGEST),
    *(
        PROPERTIES.tags(LARGE, Page(100, last), order, digest)
        for order in Order
        for last in ("", TAG.value)
        for digest in (None, DIGEST)
    ),
    *(
        PROPERTIES.manifests(LARGE, Page(100, last), order)
        for order in Order
        for last in ("", str(DIGEST))
    ),
    PROPERTIES.change_repository(LARGE, AttributesChange()),
    PROPERTIES.change_tag(LARGE, TAG, AttributesChange()),
    PROPERTIES.change_manifest(LARGE, IMAGE.digest, AttributesChange()),
    GRAVEYARD.repositories(Page(100, LARGE.value), EVERYTHING, AT),
    GRAVEYARD.manifests(LARGE, Page(100, str(DIGEST)), AT),
    GRAVEYARD.tags(LARGE, Page(100, TAG.value, 1), AT),
    POLICIES.create(SoftDeletePolicy(repositories="*"), AT, 500),
    METADATA.put_manifest(OTHER, index(), (TAG,), AT),
    METADATA.delete_manifest(OTHER, index().digest),
    METADATA.put_manifest(LARGE, WHOLE, (TAG,), AT),
    METADATA.delete_manifest(LARGE, WHOLE.digest),
    METADATA.delete_manifest(LARGE, IMAGE.digest),
    GRAVEYARD.manifests(LARGE, Page(100), AT),
    GRAVEYARD.tags(LARGE, Page(100), AT),
    GRAVEYARD.restore(Restoration(LARGE, WHOLE.digest, TAG, force=True), AT),
    GRAVEYARD.restore(Restoration(LARGE, IMAGE.digest), AT),
    METADATA.delete_manifest(LARGE, WHOLE.digest),
    GRAVEYARD.purge_manifest(LARGE, WHOLE.digest, AT),
    METADATA.delete_tag(LARGE, *tags("other")),
    GRAVEYARD.restore(Restoration(LARGE, IMAGE.digest, tags("other")[0]), AT),
    METADATA.delete_tag(LARGE, *tags("other")),
    METADATA.delete_repository(LARGE),
    GRAVEYARD.manifests(LARGE, Page(100), AT),
    GRAVEYARD.tags(LARGE, Page(100, TAG.value, 1), AT),
    GRAVEYARD.restore(Restoration(LARGE, IMAGE.digest), AT),
    METADATA.delete_repository(LARGE),
    GRAVEYARD.restore_repository(LARGE, AT),
    METADATA.delete_repository(LARGE),
    GRAVEYARD.purge_repository(LARGE, AT),
    POLICIES.delete(SoftDeletePolicy, "*"),
    METADATA.link_blob(LARGE, copy(BLOB), PUSHER, AT),
    METADATA.put_manifest(LARGE, IMAGE, (TAG, *tags("other")), AT),
    INVENTORY.repositories("large/5", 100),
    INVENTORY.tags(LARGE.value, 1),  # more than one page
    INVENTORY.tags_on(LARGE.value, str(IMAGE.digest), "", 1),
    INVENTORY.manifests(LARGE.value, 1, tagged=True),
    INVENTORY.naming(LARGE.value, str(DIGEST), 100),
    INVENTORY.remove(LARGE.value, (TAG_FACT, MANIFEST_FACT), Terms((RULE,), include_locked=True)),
    POLICIES.create(RULE, AT, 500),
    INVENTORY.remove(LARGE.value, (TAG_FACT, MANIFEST_FACT), Terms((RULE,), include_locked=True)),
    POLICIES.delete(RetentionRule, RULE.name),
    METADATA.unlink_blob(LARGE, BLOB),
    METADATA.delete_tag(LARGE, TAG),
    METADATA.delete_manifest(LARGE, IMAGE.digest),
    METADATA.delete_repository(SMALL),
    METADATA.link_blob(LARGE, copy(BLOB), PUSHER, AT),
    METADATA.link_blob(LARGE, COPY, PUSHER, AT),
    GARBAGE.end_holds(AT + timedelta(hours=3), 100),
    METADATA.link_blob(LARGE, COPY, PUSHER, AT),
    METADATA.put_manifest(LARGE, IMAGE, (TAG,), AT, principal=PUSHER),
    METADATA.put_manifest(LARGE, SIGNATURE, (), AT, principal=PUSHER),
    None,
    *(GARBAGE.count(100) for _ in range(6)),
    METADATA.delete_tag(LARGE, TAG),
    GARBAGE.purge_expired(AT + timedelta(days=400), 100),
    *(GARBAGE.review(DUE, 100) for _ in range(3)),
    *(GARBAGE.clear(DUE, 100) for _ in range(12)),
    GARBAGE.is_counted(),
    GARBAGE.is_any_due(BEGINNING + timedelta(microseconds=ROWS // 100)),
    GARBAGE.removals(DUE, 100),
    GARBAGE.postpone((COPY,), AT),
    GARBAGE.forget((COPY,)),
    GARBAGE.disown((COPY,), DUE),
    GARBAGE.queue(BEGINNING + timedelta(microseconds=ROWS // 100)),
    LEASES.acquire("work", "holder", DUE, AT),
    LEASES.find("work", AT),
    LEASES.release("work", "holder"),
    ACCOUNTS.create(Account("acrux", (PASSWORD,))),
    ACCOUNTS.find("acrux"),
    ACCOUNTS.chosen_hashes(),
    ACCOUNTS.list((AccountKind.TOKEN,)),
    *(ACCOUNTS.follow_file(users, "the-map", AT) for users in FILE_USERS),
    ACCOUNTS.page(tuple(AccountKind), Page(100, "account 5")),
    ACCOUNTS.replace_password("acrux", PASSWORD, 1),
    ACCOUNTS.rehash_password("acrux", PASSWORD, "another hash"),
    ACCOUNTS.change("acrux", 1, scope_map="the-map", is_enabled=True),
    ACCOUNTS.revoke("acrux", 1),
    ACCOUNTS.delete_password("acrux", "password", 1),
    ACCOUNTS.delete("acrux", 1),
    SCOPE_MAPS.create(SCOPE_MAP),
    SCOPE_MAPS.find("the-map"),
    SCOPE_MAPS.page(Page(100, "map 5")),
    SCOPE_MAPS.change("the-map", 1, description="x", permissions=()),
    TRUSTS.create(StoredTrust(TRUST, LAST_EPOCH)),
    TRUSTS.find("ci"),
    TRUSTS.of_issuer("https://issuer.test"),
    TRUSTS.list(),
    TRUSTS.replace(TRUST, 1, LAST_EPOCH),
    TRUSTS.delete("ci", 1),
    SCOPE_MAPS.delete("the-map"),
    POLICIES.create(QUOTA, AT, 500),
    POLICIES.find(Quota, QUOTA.name),
    POLICIES.list(Quota),
    POLICIES.replace(QUOTA, QUOTA, AT),
    POLICIES.delete(Quota, QUOTA.name),
    REVOCATIONS.refresh(),
    FAILED_LOGINS.fail((PAIR, PAIR.everywhere, PAIR.anybody), AT),
    *(
        FAILED_LOGINS.forgive(subject, AT)
        for subject in (PAIR, PAIR.everywhere, PAIR.anybody, Subject(None, None))
    ),
    FAILED_LOGINS.know((PAIR,), AT),
    FAILED_LOGINS.is_known(PAIR, AT),
    FAILED_LOGINS.refresh(),
    FAILED_LOGINS.list(),
    FAILED_LOGINS.prune(AT, AT),
    AUDIT_LOG.append([RECORD]),
    *(
        AUDIT_LOG.search(Search(account, repository, outcome, since, limit=100))
        for account in (None, "account 1")
        for repository in (None, LARGE.value)
        for outcome in (None, Outcome.REFUSED)
        for since in (None, AT)
    ),
    AUDIT_LOG.find("case 11001"),
    AUDIT_LOG.prune(BEGINNING + timedelta(microseconds=ROWS // 100), ROWS // 20, 100),
    AUDIT_LOG.trim(100, 100, 100),
)

# The driver, not acrux, sends the statements that begin and end a transaction.
_BRACKETS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA")


def _uncounted() -> Steps[None]:
    yield Statement("UPDATE usage SET manifests_to = '', tags_to = '', blobs_to = ''", {})
    yield Statement("DELETE FROM blobs", {})
    yield Statement("DELETE FROM manifest_references", {})


async def statements_of(
    databases: Databases, calls: Iterable[Call | None] = CALLS
) -> list[Statement]:
    """The statements of the calls, without repeated texts."""
    database = databases.open()
    found: dict[str, Statement] = {}
    for call in calls:
        if call is None:
            await database.write(_uncounted())
            continue
        adapter = ADAPTERS[call.port](database)
        with databases.watched() as statements, suppress(RegistryError):
            answer = getattr(adapter, call.method)(*call.arguments, **call.options)
            if isinstance(answer, AsyncIterator):
                _ = [page async for page in answer]
            else:
                await answer
        for statement in statements:
            if not statement.sql.startswith(_BRACKETS):
                found.setdefault(statement.sql, statement)
    return list(found.values())


@dataclass(frozen=True)
class Dialect:
    """The different syntax of SQLite and PostgreSQL for generating rows."""

    series: str
    digits: str
    digest: str


SQLITE = Dialect(
    """(WITH RECURSIVE series(n) AS (
            SELECT 0 UNION ALL SELECT n + 1 FROM series WHERE n + 1 < {rows}
        ) SELECT n FROM series)""",
    "printf('%05d', {0})",
    "printf('sha256:%064x', {0})",
)
POSTGRESQL = Dialect(
    "(SELECT n FROM generate_series(0, {rows} - 1) AS n) AS numbers",
    "lpad(({0})::text, 5, '0')",
    "'sha256:' || lpad(to_hex({0}), 64, '0')",
)


def filled(dialect: Dialect, rows: int) -> str:
    """A script that creates ten large repositories, and many with one manifest and one tag.

    Row number n is the manifest with digest n, the tag "t" and n in five digits, and the instant
    n; a hundred subjects take turns.
    """
    digits, digest = dialect.digits.format("n"), dialect.digest.format("n")
    owner = f"CASE n % 4 WHEN 0 THEN 'small/' || {digits} ELSE 'large/' || (n * 10 / {rows}) END"
    series = dialect.series.format(rows=rows)
    expires = "CASE n % 100 WHEN 0 THEN n ELSE 4102444800000000 + n END"  # most in 2100
    return f"""
        INSERT INTO repositories (key, name, created_at)
        SELECT DISTINCT {owner}, {owner}, 1 FROM {series};
        INSERT INTO manifests (repository, digest, media_type, size, image_size, subject,
                               artifact_type, config_media_type, architecture, os, created_at,
                               updated_at, annotations, entries, content)
        SELECT {owner}, {digest}, 'type', 1, 1, {dialect.digest.format("n % 100")},
               '{TYPE}', '', '', '', n, n, '{{}}', '[]', '' FROM {series};
        INSERT INTO tags (repository, name, digest, created_at, updated_at)
        SELECT {owner}, 't' || {digits}, {digest}, n, n FROM {series};
        INSERT INTO blob_links (repository, digest, size, created_at)
        SELECT {owner}, {digest}, 1, 1 FROM {series};
        INSERT INTO blobs (digest, copy, size, stored_at)
        SELECT {digest}, {digits}, 1, 1 FROM {series};
        INSERT INTO usage (repository, manifests, manifest_bytes, tags, blobs, blob_bytes,
                           manifests_to, tags_to, blobs_to)
        SELECT key, 1, 1, 1, 1, 1, '~', '~', '~' FROM repositories;
        INSERT INTO manifest_references (repository, target, digest)
        SELECT {owner}, {digest}, {dialect.digest.format("n + 1")} FROM {series};
        INSERT INTO reviews (repository, digest, due_at)
        SELECT {owner}, {digest}, n FROM {series};
        INSERT INTO holds (repository, digest, principal, until)
        SELECT {owner}, {digest}, 'acrux', n FROM {series};
        INSERT INTO removals (digest, copy, size, due_at)
        SELECT {digest}, 'former', 1, n FROM {series};
        INSERT INTO untagged (repository, digest, since)
        SELECT {owner}, {digest}, n FROM {series};
        INSERT INTO pulls (repository, reference, pulled_at)
        SELECT {owner}, {digest}, n FROM {series};
        INSERT INTO repositories (key, former_name, restorable, created_at)
        SELECT DISTINCT 'gone ' || {owner}, {owner}, 1, 1 FROM {series};
        INSERT INTO deleted_manifests (repository, digest, deleted_at, expires_at)
        SELECT 'gone ' || {owner}, {digest}, n, {expires} FROM {series};
        INSERT INTO deleted_tags (repository, name, digest, deleted_at, expires_at)
        SELECT 'gone ' || {owner}, 't' || {digits}, {digest}, n, {expires} FROM {series};
        INSERT INTO deleted_tags (repository, name, digest, deleted_at, expires_at)
        SELECT {owner}, 't' || {digits}, {digest}, n, {expires} FROM {series};
        INSERT INTO webhooks (name, repository, is_enabled, definition, created_at, changed_at)
        SELECT DISTINCT 'hook ' || n % 100, '', 0, '', 1, 1 FROM {series};
        INSERT INTO webhook_events (webhook, number, id, repository, state, event, bytes, since,
                                    ended_at)
        SELECT CASE n % 20 WHEN 0 THEN 'a-webhook' ELSE 'hook ' || n % 100 END, n + 10, {digits},
               {owner}, CASE n % 3 WHEN 0 THEN 'waiting' WHEN 1 THEN 'dead' ELSE 'delivered' END,
               '', 1, n, CASE n % 3 WHEN 0 THEN NULL ELSE n END FROM {series};
        INSERT INTO webhook_lanes (webhook, repository, due_at)
        SELECT CASE n % 20 WHEN 0 THEN 'a-webhook' ELSE 'hook ' || n % 100 END, {owner} || n, n
        FROM {series};
        INSERT INTO audit_log (id, case_id, proven, account, authentication_method, peer,
                               repository, request, outcome, status, asked, granted, reason,
                               message, facts, correlation)
        SELECT '000000000' || {digits}, CASE n % 3 WHEN 0 THEN 'case ' || n END,
               CASE n % 10 WHEN 0 THEN 0 ELSE 1 END, 'account ' || n % 3, '', '', {owner}, '',
               CASE n % 2 WHEN 0 THEN 'granted' ELSE 'refused' END, 200, '', '', '', '', '{{}}', ''
        FROM {series};
    """  # noqa: S608 -- our own text

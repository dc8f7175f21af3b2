"""Build the adapters, which touch the outside world, on a data directory."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from ipaddress import ip_network
from pathlib import Path

from acrux.adapters.data_dir import make_data_dir
from acrux.adapters.keys.capabilities import KeyedCapabilities
from acrux.adapters.keys.vault import KeyedVault
from acrux.adapters.openid.discovery import fetch_keys
from acrux.adapters.openid.issuers import OpenIdIssuers
from acrux.adapters.passwords.chosen import ChosenPasswords
from acrux.adapters.passwords.generated import KeyedPasswords
from acrux.adapters.passwords.schemes import AllPasswords
from acrux.adapters.reserve import Reserve, ReservedDatabase
from acrux.adapters.shared_counts import SharedCounts
from acrux.adapters.sql.access.accounts import SqlAccounts
from acrux.adapters.sql.access.failed_logins import SqlFailedLogins
from acrux.adapters.sql.access.revocations import SqlRevocations
from acrux.adapters.sql.access.scope_maps import SqlScopeMaps
from acrux.adapters.sql.access.trusts import SqlTrusts
from acrux.adapters.sql.audit_log import SqlAuditLog
from acrux.adapters.sql.collection.garbage import SqlGarbage
from acrux.adapters.sql.collection.inventory import SqlInventory
from acrux.adapters.sql.collection.reviewing import Rules
from acrux.adapters.sql.content.grace import Grace
from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.database import Database, Observer, nobody
from acrux.adapters.sql.deleted.store import SqlGraveyard
from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sql.integrity.rows import SqlRows
from acrux.adapters.sql.leases import SqlLeases
from acrux.adapters.sql.policies import SqlPolicies
from acrux.adapters.sql.properties import SqlProperties
from acrux.adapters.sql.pulls import SqlPulls
from acrux.adapters.sql.space.space import SqlSpace
from acrux.adapters.sql.uploads import SqlUploads
from acrux.adapters.sql.webhooks.outbox import SqlOutbox
from acrux.adapters.sql.webhooks.store import SqlWebhooks
from acrux.adapters.webhooks.sender import HttpSender
from acrux.bootstrap.databases import (
    AnyDatabase,
    build_database,
    close_database,
    open_database,
    trouble_of,
)  # fmt: skip
from acrux.bootstrap.keys import OwnKeys, build_keys
from acrux.bootstrap.storage import Place, Storage, build_storage
from acrux.bootstrap.tracing import Tracing
from acrux.clocks import Clocks
from acrux.ports.clock import Clock, Pause
from acrux.ports.content.blobs import BlobStore
from acrux.settings import Settings


@dataclass(frozen=True)
class Adapters:
    """The registry's adapters, and the clocks they share with the services."""

    database: AnyDatabase
    storage: Storage
    place: Place
    metadata: SqlMetadata
    garbage: SqlGarbage
    inventory: SqlInventory
    rows: SqlRows
    space: SqlSpace
    leases: SqlLeases
    properties: SqlProperties
    graveyard: SqlGraveyard
    policies: SqlPolicies
    pulls: SqlPulls
    accounts: SqlAccounts
    scope_maps: SqlScopeMaps
    trusts: SqlTrusts
    issuers: OpenIdIssuers
    revocations: SqlRevocations
    failed_logins: SqlFailedLogins
    shared: SharedCounts
    audit_log: SqlAuditLog
    webhooks: SqlWebhooks
    outbox: SqlOutbox
    vault: KeyedVault
    sender: HttpSender
    capabilities: KeyedCapabilities
    passwords: AllPasswords
    keys: OwnKeys
    clock: Clock
    aged: Clock  # for what cannot be undone
    lenient: Clock  # the same, for ages for which an hour does not matter
    noted: Clock  # for what is kept by its age
    pause: Pause
    facts: SqlFacts
    reserve: Reserve

    @property
    def store(self) -> BlobStore:
        """The blobs."""
        return self.storage.store

    def trouble(self) -> str:
        """Why pushes are refused, in words; empty if they are accepted."""
        return self.reserve.trouble() or trouble_of(self.database) or self.storage.trouble()

    async def open(self) -> None:
        """Open what has to be opened before anything is used. Raises InvalidSettings."""
        await open_database(self.database)

    async def close(self) -> None:
        """Finish what waits, and close it. Closing twice does no harm."""
        await self.storage.close()
        await close_database(self.database)


def build_adapters(
    settings: Settings,
    clocks: Clocks,
    observe: Observer | None = None,
    shared: SharedCounts | None = None,
    tracing: Tracing | None = None,
) -> Adapters:
    """Build the adapters on the data directory and the database. Raises InvalidSettings.

    `shared` is what workers count together; without it, this process counts alone.
    """
    folder = make_data_dir(settings.data_dir)
    path = None if settings.is_on_postgresql else folder / "registry.sqlite"
    database = build_database(settings, observe or nobody)
    reserve = _reserve(folder / "reserve")
    used, growing = _reserved(database, reserve, is_here=path is not None)
    accounts = SqlAccounts(used)
    outgoing = tracing.outgoing if tracing else dict[str, str]
    facts = SqlFacts(database)
    uploads = SqlUploads(used, growing)
    storage = build_storage(settings, folder, reserve, uploads, clocks.noted)
    keys = build_keys(settings, folder, used, clocks.wall)
    if tracing:
        tracing.watch(database, write=f"{'sqlite' if path else 'postgresql'} transaction")
        tracing.watch(storage.store, append="blob append", commit="blob commit", open="blob open")
        tracing.watch(keys.signer, sign="token sign", sign_refresh="token sign")
    rules = Rules(_grace(settings, clocks), untagged=settings.gc_untagged)
    return Adapters(
        database=database,
        storage=storage,
        place=Place(settings, facts, used),
        metadata=SqlMetadata(used, rules.grace, growing),
        garbage=SqlGarbage(used, rules),
        inventory=SqlInventory(used, rules.grace),
        rows=SqlRows(used, rules),
        space=SqlSpace(used, rules),
        leases=SqlLeases(used),
        properties=SqlProperties(used),
        graveyard=SqlGraveyard(used, rules.grace, growing),
        policies=SqlPolicies(used),
        pulls=SqlPulls(growing),
        accounts=accounts,
        scope_maps=SqlScopeMaps(used),
        trusts=SqlTrusts(used),
        issuers=OpenIdIssuers(clocks.wall, partial(fetch_keys, headers=outgoing)),
        revocations=SqlRevocations(used),
        failed_logins=SqlFailedLogins(used, keys.failed_logins),
        shared=shared or SharedCounts(),
        audit_log=SqlAuditLog(growing),
        webhooks=SqlWebhooks(used),
        outbox=SqlOutbox(used),
        vault=KeyedVault(keys.webhooks),
        sender=HttpSender([ip_network(network) for network in settings.webhook_networks]),
        capabilities=KeyedCapabilities(keys.uploads),
        passwords=AllPasswords(
            KeyedPasswords(keys.pepper), ChosenPasswords(clocks.wall), accounts.chosen_hashes
        ),
        keys=keys,
        clock=clocks.wall,
        aged=clocks.aged,
        lenient=clocks.lenient,
        noted=clocks.noted,
        pause=clocks.pause,
        facts=facts,
        reserve=reserve,
    )


def _reserved(
    database: AnyDatabase, reserve: Reserve, *, is_here: bool
) -> tuple[Database, Database]:
    # The room for deletions that the reserve keeps is on the disk of the data directory.
    if not is_here:
        return database, database
    return ReservedDatabase(database, reserve.yield_room), ReservedDatabase(database, reserve.check)


def _reserve(path: Path) -> Reserve:
    reserve = Reserve(path)
    reserve.take()
    return reserve


def _grace(settings: Settings, clocks: Clocks) -> Grace:
    return Grace(
        clock=clocks.noted,
        unreferenced=timedelta(seconds=settings.gc_grace_seconds),
        held=timedelta(seconds=settings.upload_seconds + settings.upload_grace_seconds),
        referrers=settings.gc_referrers,
    )

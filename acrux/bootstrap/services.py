"""Build the services, the registry's use cases, on the adapters."""

import asyncio
import random
import time
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from acrux import __version__
from acrux.bootstrap.adapters import Adapters
from acrux.bootstrap.checks import build_integrity
from acrux.bootstrap.doctor import machine, server
from acrux.domain.access.limits import read_rates
from acrux.domain.webhooks.payload import Source
from acrux.ports.clock import Rest
from acrux.services.access.accounts import Accounts
from acrux.services.access.authentication import Authentication
from acrux.services.access.federation import Federation
from acrux.services.access.keys import Keys
from acrux.services.access.limits import Allowed, Limits
from acrux.services.access.lockout import Lockout
from acrux.services.access.scope_maps import ScopeMaps
from acrux.services.access.tokens import Audiences, Lifetimes, Tokens
from acrux.services.access.trusts import Trusts
from acrux.services.access.users import Users
from acrux.services.audit.audit_log import AuditLog, Room
from acrux.services.audit.explanations import Explanations
from acrux.services.audit.holdings import Holdings
from acrux.services.audit.least_privilege import LeastPrivilege
from acrux.services.audit.simulations import Simulations
from acrux.services.content.backups import Backups
from acrux.services.content.blobs import Blobs
from acrux.services.content.collection import Collection
from acrux.services.content.deleted import DeletedContent
from acrux.services.content.integrity.integrity import Integrity
from acrux.services.content.listings import Listings
from acrux.services.content.manifests import Manifests
from acrux.services.content.orphans import Orphans
from acrux.services.content.policies import Policies
from acrux.services.content.properties import Properties
from acrux.services.content.pulls import Pulls
from acrux.services.content.purges import Purges
from acrux.services.content.retention import Retention
from acrux.services.content.space import Space
from acrux.services.content.uploads import Uploads
from acrux.services.server.doctor import Doctor
from acrux.services.server.log_level import LogLevels
from acrux.services.webhooks.deliveries import Deliveries
from acrux.services.webhooks.webhooks import Webhooks
from acrux.settings import Settings

WRITER_BYTES = 3
HOLDER_BYTES = 8
NAME_BYTES = 16


@dataclass(frozen=True)
class Services:
    """The registry's use cases."""

    authentication: Authentication
    lockout: Lockout
    limits: Limits
    tokens: Tokens
    manifests: Manifests
    properties: Properties
    deleted: DeletedContent
    policies: Policies
    pulls: Pulls
    blobs: Blobs
    uploads: Uploads
    listings: Listings
    collection: Collection
    retention: Retention
    purges: Purges
    backups: Backups
    space: Space
    orphans: Orphans
    integrity: Integrity
    users: Users
    accounts: Accounts
    scope_maps: ScopeMaps
    federation: Federation
    trusts: Trusts
    audit_log: AuditLog
    keys: Keys
    explanations: Explanations
    holdings: Holdings
    simulations: Simulations
    least_privilege: LeastPrivilege
    doctor: Doctor
    log_levels: LogLevels
    webhooks: Webhooks
    deliveries: Deliveries


def build_services(settings: Settings, adapters: Adapters, rest: Rest) -> Services:
    """Build the use cases on these adapters. Background work calls `rest` after each step."""
    lifetimes = Lifetimes(
        access=timedelta(seconds=settings.access_token_seconds),
        refresh=timedelta(seconds=settings.refresh_token_seconds),
    )
    accounts, scope_maps, passwords = adapters.accounts, adapters.scope_maps, adapters.passwords
    revocations, clock = adapters.revocations, adapters.clock
    return Services(
        authentication=Authentication(accounts, passwords, clock, adapters.pause),
        lockout=Lockout(adapters.failed_logins, clock, aged=adapters.aged),
        limits=_limits(settings, adapters),
        tokens=Tokens(
            adapters.keys.signer,
            revocations,
            clock,
            lifetimes,
            Audiences(frozenset(settings.known_login_servers), frozenset(settings.token_services)),
        ),
        manifests=Manifests(
            adapters.metadata, adapters.store, clock, allow_missing=settings.allow_missing_blobs
        ),
        properties=Properties(adapters.properties),
        deleted=DeletedContent(adapters.graveyard, adapters.noted),
        policies=Policies(adapters.policies, clock),
        pulls=Pulls(adapters.pulls, adapters.noted),
        blobs=Blobs(adapters.store, adapters.metadata, clock),
        uploads=Uploads(
            adapters.store,
            adapters.metadata,
            adapters.capabilities,
            clock,
            timedelta(seconds=settings.upload_seconds),
        ),
        listings=Listings(adapters.metadata),
        collection=_collection(settings, adapters, rest),
        orphans=_orphans(settings, adapters, rest),
        integrity=build_integrity(settings, adapters, rest),
        retention=_retention(settings, adapters, rest),
        purges=Purges(adapters.inventory, adapters.lenient, rest, _turn),
        backups=Backups(adapters.leases, adapters.facts, clock, token_hex(NAME_BYTES)),
        space=Space(adapters.space, adapters.policies),
        users=Users(accounts, scope_maps, passwords, revocations, clock, settings.name),
        accounts=Accounts(accounts, scope_maps, passwords, revocations, clock),
        scope_maps=ScopeMaps(scope_maps, revocations, clock),
        federation=Federation(adapters.trusts, adapters.issuers, clock),
        trusts=Trusts(adapters.trusts, scope_maps, revocations, clock, lifetimes.refresh),
        audit_log=_audit_log(settings, adapters),
        keys=Keys(
            adapters.keys.signing,
            clock,
            # An upload may continue for a while after the token that began it has expired.
            max(lifetimes.access + timedelta(seconds=settings.upload_seconds), lifetimes.refresh),
            adapters.keys.authority,
            aged=adapters.aged,
        ),
        explanations=Explanations(adapters.audit_log, accounts, adapters.trusts, scope_maps),
        holdings=Holdings(accounts, adapters.trusts, scope_maps),
        simulations=Simulations(
            adapters.audit_log, accounts, adapters.trusts, scope_maps, clock, _turn
        ),
        least_privilege=LeastPrivilege(adapters.audit_log, clock, _turn),
        doctor=_doctor(settings, adapters),
        log_levels=LogLevels(adapters.facts, clock, settings.log_level),
        webhooks=Webhooks(
            adapters.webhooks,
            adapters.outbox,
            adapters.vault,
            clock,
            adapters.sender.networks,
        ),
        deliveries=_deliveries(settings, adapters),
    )


def _doctor(settings: Settings, adapters: Adapters) -> Doctor:
    names = [check.name for check in machine.CHECKS]
    examine = server.examine(settings, adapters.clock, adapters.storage.probe)
    return Doctor(names, examine, adapters.clock, time.monotonic)


def _deliveries(settings: Settings, adapters: Adapters) -> Deliveries:
    return Deliveries(
        adapters.webhooks,
        adapters.outbox,
        adapters.vault,
        adapters.sender,
        adapters.leases,
        adapters.clock,
        token_hex(HOLDER_BYTES),
        Source(settings.name, settings.known_login_servers[0]),
        f"acrux/{__version__}",
        random.random,
    )


def _limits(settings: Settings, adapters: Adapters) -> Limits:
    allowed = Allowed(
        account=read_rates(settings.account_limits),
        anonymous=read_rates(settings.anonymous_limits),
        uploads=settings.concurrent_uploads,
    )
    shared = adapters.shared
    return Limits(allowed, shared.buckets, shared.places, adapters.clock, time.monotonic_ns)


def _collection(settings: Settings, adapters: Adapters, rest: Rest) -> Collection:
    return Collection(
        adapters.garbage,
        adapters.store,
        adapters.leases,
        adapters.lenient,
        token_hex(HOLDER_BYTES),
        _pushed_for(settings),
        rest,
    )


def _orphans(settings: Settings, adapters: Adapters, rest: Rest) -> Orphans:
    return Orphans(
        adapters.garbage,
        adapters.rows,
        adapters.store,
        adapters.facts,
        adapters.leases,
        adapters.lenient,
        token_hex(HOLDER_BYTES),
        _pushed_for(settings),
        rest,
    )


def _retention(settings: Settings, adapters: Adapters, rest: Rest) -> Retention:
    return Retention(
        adapters.inventory,
        adapters.policies,
        adapters.pulls,
        adapters.facts,
        adapters.leases,
        adapters.lenient,
        token_hex(HOLDER_BYTES),
        timedelta(seconds=settings.retention_interval_seconds),
        rest,
    )


def _pushed_for(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.upload_seconds + settings.upload_grace_seconds)


async def _turn() -> None:
    await asyncio.sleep(0)


def _audit_log(settings: Settings, adapters: Adapters) -> AuditLog:
    kept, writer = timedelta(days=settings.audit_days), token_hex(WRITER_BYTES)
    room = Room(kept_bytes=settings.audit_bytes)
    return AuditLog(adapters.audit_log, adapters.noted, writer, kept, room, aged=adapters.aged)

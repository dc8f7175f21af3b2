"""Build every object once and hand each what it needs."""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from secrets import token_bytes, token_hex

from acrux import edge
from acrux.adapters import heap, secrets
from acrux.adapters.accounts import SqlAccounts, SqlRevocations
from acrux.adapters.capabilities import KeyedCapabilities
from acrux.adapters.chosen_passwords import ChosenPasswords
from acrux.adapters.data_dir import make_data_dir
from acrux.adapters.facts import SqlFacts
from acrux.adapters.files import FileBlobStore
from acrux.adapters.guesses import SqlGuesses
from acrux.adapters.htpasswd import HtpasswdFile, NoFile
from acrux.adapters.journal import SqlJournal
from acrux.adapters.log import LineLog
from acrux.adapters.metadata import SqlMetadata
from acrux.adapters.openid import OpenIdIssuers
from acrux.adapters.password_schemes import AllPasswords
from acrux.adapters.passwords import KeyedPasswords
from acrux.adapters.pepper import Pepper
from acrux.adapters.properties import SqlProperties
from acrux.adapters.reserve import Reserve, ReservedDatabase
from acrux.adapters.rotating_signer import RotatingSigner
from acrux.adapters.scope_maps import SqlScopeMaps
from acrux.adapters.signing_keys import KeyFolder
from acrux.adapters.sqlite import SqliteDatabase
from acrux.adapters.sqlite_connection import Observer
from acrux.adapters.trusts import SqlTrusts
from acrux.chores import Chore, Running
from acrux.clocks import Clocks, clocks_of
from acrux.errors import RegistryError
from acrux.http.acr_v1 import AcrHandlers
from acrux.http.app import Application, Lifespan
from acrux.http.blobs import BlobHandlers
from acrux.http.guard import Guard
from acrux.http.health import HealthHandlers
from acrux.http.identity import Identity
from acrux.http.listings import ListingHandlers
from acrux.http.management import ManagementHandlers
from acrux.http.manifests import ManifestHandlers
from acrux.http.middleware import Log, RequestLog
from acrux.http.oauth2 import TokenHandlers
from acrux.http.origin import Origins
from acrux.http.routes import Handlers, Router, Row, table
from acrux.http.uploads import UploadHandlers
from acrux.http.witness import Witness
from acrux.ports.accounts import UserFile
from acrux.ports.clock import Clock, Pause
from acrux.services.accounts import Accounts
from acrux.services.authentication import Authentication
from acrux.services.blobs import Blobs
from acrux.services.explanations import Explanations
from acrux.services.federation import Federation
from acrux.services.guessing import Guessing
from acrux.services.journal import Journal, Room
from acrux.services.keys import Keys
from acrux.services.listings import Listings
from acrux.services.manifests import Manifests
from acrux.services.properties import Properties
from acrux.services.scope_maps import ScopeMaps
from acrux.services.tokens import Lifetimes, Tokens
from acrux.services.trusts import Trusts
from acrux.services.uploads import Uploads
from acrux.services.users import FileUsers, Users
from acrux.settings import Settings

KEY_BYTES = 32
REVOCATION_SECONDS = 0.5
JOURNAL_SECONDS = 0.5
CONNECTION_SECONDS = 1.0
TIDY_SECONDS = 60.0
WRITER_BYTES = 3


@dataclass(frozen=True)
class Adapters:
    """The registry's outside world."""

    database: SqliteDatabase
    store: FileBlobStore
    metadata: SqlMetadata
    properties: SqlProperties
    accounts: SqlAccounts
    scope_maps: SqlScopeMaps
    trusts: SqlTrusts
    issuers: OpenIdIssuers
    revocations: SqlRevocations
    guesses: SqlGuesses
    journal: SqlJournal
    capabilities: KeyedCapabilities
    passwords: AllPasswords
    signing_keys: KeyFolder
    signer: RotatingSigner
    clock: Clock
    aged: Clock  # for what cannot be undone
    noted: Clock  # for what is kept by its age
    pause: Pause
    facts: SqlFacts
    pepper: Pepper
    reserve: Reserve


@dataclass(frozen=True)
class Services:
    """The registry's use cases."""

    authentication: Authentication
    guessing: Guessing
    tokens: Tokens
    manifests: Manifests
    properties: Properties
    blobs: Blobs
    uploads: Uploads
    listings: Listings
    users: Users
    accounts: Accounts
    scope_maps: ScopeMaps
    federation: Federation
    trusts: Trusts
    journal: Journal
    keys: Keys
    explanations: Explanations


@dataclass(frozen=True)
class Registry:
    """A registry that is built and not yet open."""

    app: Application
    rows: tuple[Row, ...]
    services: Services
    lifespan: Lifespan


def build(
    settings: Settings,
    clock: Clock | Clocks | None = None,
    log: Log | None = None,
    observe: Observer | None = None,
) -> Registry:
    """The whole registry on one data directory; `lifespan` opens and closes it.

    Makes the folders, the keys and the schema where they are missing. Raises InvalidSettings.
    `observe` is told of every statement before the database carries it out.
    """
    log = log or LineLog(sys.stderr, settings.log_format)
    clocks = clocks_of(clock, log)
    adapters = build_adapters(settings, clocks, observe)
    services = build_services(settings, adapters)
    chores = (*clocks.chores(adapters.facts), *_chores(adapters, services))
    origins = edge.origins(settings)
    connections = edge.connections(settings, origins)
    # Only a server knows how long its tokens live: the settings of a command may be others.
    serving = (
        *chores,
        Chore("storage", TIDY_SECONDS, adapters.reserve.watch, at_start=True),
        *_file_users(settings, adapters, log),
        Chore("retire-keys", TIDY_SECONDS, services.keys.retire),
        Chore("connections", CONNECTION_SECONDS, connections.watch),
        Chore("heap", TIDY_SECONDS, heap.give_back),
    )
    identity = Identity(
        services.authentication, services.federation, services.guessing, services.tokens
    )
    rows = table(_handlers(settings, services, identity, origins, adapters.reserve.trouble))
    app = Application(
        router=Router(rows),
        guard=Guard(identity, services.tokens, services.uploads),
        origins=origins,
        log=RequestLog(log),
        witness=Witness(services.journal, adapters.clock),
        lifespan=_lifespan(adapters, services, log, serving),
        pace=edge.pace(settings),
        connections=connections,
        incoming=edge.incoming(),
        sender=edge.sender(),
    )
    return Registry(app, rows, services, _lifespan(adapters, services, log, chores))


def build_adapters(settings: Settings, clocks: Clocks, observe: Observer | None = None) -> Adapters:
    """Everything that touches the world, in the data directory."""
    folder = make_data_dir(settings.data_dir)
    path = folder / "registry.sqlite"
    pepper = Pepper(folder / "secrets" / "pepper", path, is_renewed=settings.renew_pepper)
    database = SqliteDatabase(path, observe) if observe else SqliteDatabase(path)
    reserve = Reserve(folder / "reserve")
    reserve.take()
    used = ReservedDatabase(database, reserve.yield_room)
    growing = ReservedDatabase(database, reserve.check)
    accounts = SqlAccounts(used)
    store = FileBlobStore(folder, reserve.check)
    store.prepare()
    signing_keys = KeyFolder(folder / "secrets" / "signing")
    signing_keys.prepare(settings.signing_algorithm)
    return Adapters(
        database=database,
        store=store,
        metadata=SqlMetadata(used, growing),
        properties=SqlProperties(used),
        accounts=accounts,
        scope_maps=SqlScopeMaps(used),
        trusts=SqlTrusts(used),
        issuers=OpenIdIssuers(clocks.wall),
        revocations=SqlRevocations(used),
        guesses=SqlGuesses(used, _key(folder / "secrets" / "guesses")),
        journal=SqlJournal(growing),
        capabilities=KeyedCapabilities(_key(folder / "secrets" / "uploads")),
        passwords=AllPasswords(
            KeyedPasswords(pepper.key), ChosenPasswords(clocks.wall), accounts.chosen_hashes
        ),
        signing_keys=signing_keys,
        signer=RotatingSigner(signing_keys, clocks.wall),
        clock=clocks.wall,
        aged=clocks.aged,
        noted=clocks.noted,
        pause=clocks.pause,
        facts=SqlFacts(database),
        pepper=pepper,
        reserve=reserve,
    )


def _key(path: Path) -> bytes:
    return secrets.read_or_create(path, lambda: token_bytes(KEY_BYTES))


def build_services(settings: Settings, to: Adapters) -> Services:
    """The use cases on these adapters."""
    lifetimes = Lifetimes(
        access=timedelta(seconds=settings.access_token_seconds),
        refresh=timedelta(seconds=settings.refresh_token_seconds),
    )
    return Services(
        authentication=Authentication(to.accounts, to.passwords, to.clock, to.pause),
        guessing=Guessing(to.guesses, to.clock, aged=to.aged),
        tokens=Tokens(to.signer, to.revocations, to.clock, lifetimes, settings.known_login_servers),
        manifests=Manifests(
            to.metadata, to.store, to.clock, allow_missing=settings.allow_missing_blobs
        ),
        properties=Properties(to.properties),
        blobs=Blobs(to.store, to.metadata, to.clock),
        uploads=Uploads(
            to.store,
            to.metadata,
            to.capabilities,
            to.clock,
            timedelta(seconds=settings.upload_seconds),
        ),
        listings=Listings(to.metadata),
        users=Users(
            to.accounts, to.scope_maps, to.passwords, to.revocations, to.clock, settings.name
        ),
        accounts=Accounts(to.accounts, to.scope_maps, to.passwords, to.revocations, to.clock),
        scope_maps=ScopeMaps(to.scope_maps, to.revocations, to.clock),
        federation=Federation(to.trusts, to.issuers, to.clock),
        trusts=Trusts(to.trusts, to.scope_maps, to.revocations, to.clock, lifetimes.refresh),
        journal=_journal(settings, to),
        keys=Keys(
            to.signing_keys,
            to.clock,
            # An upload goes on with the token that began it for a while after that has ended.
            max(lifetimes.access + timedelta(seconds=settings.upload_seconds), lifetimes.refresh),
            aged=to.aged,
        ),
        explanations=Explanations(to.journal, to.accounts, to.trusts, to.scope_maps),
    )


def _journal(settings: Settings, to: Adapters) -> Journal:
    kept, writer = timedelta(days=settings.audit_days), token_hex(WRITER_BYTES)
    room = Room(kept_bytes=settings.audit_bytes)
    return Journal(to.journal, to.noted, writer, kept, room, aged=to.aged)


def _handlers(
    settings: Settings,
    services: Services,
    identity: Identity,
    origins: Origins,
    trouble: Callable[[], str],
) -> Handlers:
    return Handlers(
        tokens=TokenHandlers(identity, services.tokens, origins),
        manifests=ManifestHandlers(services.manifests),
        blobs=BlobHandlers(services.blobs),
        uploads=UploadHandlers(
            services.uploads,
            services.blobs,
            identity,
            mount_from_account=settings.mount_from_account,
        ),
        listings=ListingHandlers(services.listings, identity),
        acr=AcrHandlers(services.properties, services.manifests, origins),
        health=HealthHandlers(services.listings, trouble),
        management=ManagementHandlers.on(services, settings.name, settings.known_login_servers),
    )


def _chores(adapters: Adapters, services: Services) -> tuple[Chore, ...]:
    return (  # what another worker or a command changed holds here within REVOCATION_SECONDS
        Chore("revocations", REVOCATION_SECONDS, adapters.revocations.refresh, at_start=True),
        Chore("signing-keys", REVOCATION_SECONDS, adapters.signer.refresh),
        Chore("guesses", REVOCATION_SECONDS, adapters.guesses.refresh, at_start=True),
        Chore("journal", JOURNAL_SECONDS, services.journal.keep),
        Chore("tidy-guesses", TIDY_SECONDS, services.guessing.tidy),
    )


def _file_users(settings: Settings, to: Adapters, log: Log) -> tuple[Chore, ...]:
    # Whoever stops using a file stops letting its users in.
    file: UserFile = HtpasswdFile(settings.htpasswd) if settings.htpasswd else NoFile()
    users = FileUsers(
        file, to.accounts, to.scope_maps, to.revocations, to.clock, settings.htpasswd_scope_map
    )

    async def follow() -> None:
        for problem in await users.follow():
            log.info("htpasswd", problem=problem)

    return (Chore("htpasswd", REVOCATION_SECONDS, follow, at_start=True),)


def _lifespan(
    adapters: Adapters, services: Services, log: Log, chores: tuple[Chore, ...]
) -> Lifespan:
    running = Running(chores, log)

    async def open_() -> None:
        adapters.database.open()
        await adapters.pepper.check(adapters.facts)
        await running.start()

    async def close() -> None:
        await running.stop()
        with suppress(RegistryError):  # a full disk: everybody is a stranger once more
            await services.guessing.write_down()
        if lost := await services.journal.close():
            log.info("audit-lost", records=lost)
        adapters.database.close()
        log.flush()

    return Lifespan(open_, close)

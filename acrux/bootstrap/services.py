"""The use cases, on whatever keeps the ports' promises."""

from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from acrux.bootstrap.adapters import Adapters
from acrux.services.access.accounts import Accounts
from acrux.services.access.authentication import Authentication
from acrux.services.access.federation import Federation
from acrux.services.access.keys import Keys
from acrux.services.access.lockout import Lockout
from acrux.services.access.scope_maps import ScopeMaps
from acrux.services.access.tokens import Lifetimes, Tokens
from acrux.services.access.trusts import Trusts
from acrux.services.access.users import Users
from acrux.services.audit.audit_log import AuditLog, Room
from acrux.services.audit.explanations import Explanations
from acrux.services.content.blobs import Blobs
from acrux.services.content.listings import Listings
from acrux.services.content.manifests import Manifests
from acrux.services.content.properties import Properties
from acrux.services.content.uploads import Uploads
from acrux.settings import Settings

WRITER_BYTES = 3


@dataclass(frozen=True)
class Services:
    """The registry's use cases."""

    authentication: Authentication
    lockout: Lockout
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
    audit_log: AuditLog
    keys: Keys
    explanations: Explanations


def build_services(settings: Settings, to: Adapters) -> Services:
    """The use cases on these adapters."""
    lifetimes = Lifetimes(
        access=timedelta(seconds=settings.access_token_seconds),
        refresh=timedelta(seconds=settings.refresh_token_seconds),
    )
    return Services(
        authentication=Authentication(to.accounts, to.passwords, to.clock, to.pause),
        lockout=Lockout(to.failed_logins, to.clock, aged=to.aged),
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
        audit_log=_audit_log(settings, to),
        keys=Keys(
            to.signing_keys,
            to.clock,
            # An upload goes on with the token that began it for a while after that has ended.
            max(lifetimes.access + timedelta(seconds=settings.upload_seconds), lifetimes.refresh),
            aged=to.aged,
        ),
        explanations=Explanations(to.audit_log, to.accounts, to.trusts, to.scope_maps),
    )


def _audit_log(settings: Settings, to: Adapters) -> AuditLog:
    kept, writer = timedelta(days=settings.audit_days), token_hex(WRITER_BYTES)
    room = Room(kept_bytes=settings.audit_bytes)
    return AuditLog(to.audit_log, to.noted, writer, kept, room, aged=to.aged)

"""Build the registry's own keys, which are opened after the database."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from acrux.adapters.keys.kept import Key
from acrux.adapters.keys.rotating_signer import RotatingSigner
from acrux.adapters.keys.secrets import FileSecrets
from acrux.adapters.keys.signing_keys import KeyFolder
from acrux.adapters.keys.token_authority import TokenAuthority
from acrux.adapters.pepper import Pepper
from acrux.adapters.sql.database import Database
from acrux.adapters.sql.secrets.master_key import read_master_key
from acrux.adapters.sql.secrets.sealed import SealedSecrets, refuse_sealed
from acrux.ports.clock import Clock
from acrux.ports.secrets import Secrets
from acrux.settings import Settings


@dataclass(frozen=True)
class OwnSecrets:
    """The registry's own secrets: files of its directory, or rows sealed under a master key.

    `begin` must come before all else, once the database is open. Raises InvalidSettings if these
    are not the secrets of this database. `sealed` are the same secrets, if there is a master key.
    """

    kept: Secrets
    begin: Callable[[], Awaitable[None]]
    sealed: SealedSecrets | None = None


def build_secrets(settings: Settings, folder: Path, database: Database) -> OwnSecrets:
    """The secrets that the settings name. Raises InvalidSettings for a wrong master key file."""
    files = FileSecrets(folder / "secrets")
    if settings.master_key_file is None:
        return OwnSecrets(files, partial(refuse_sealed, database))
    sealed = SealedSecrets(database, partial(read_master_key, settings.master_key_file))
    return OwnSecrets(sealed, partial(sealed.begin, files), sealed)


@dataclass(frozen=True)
class OwnKeys:
    """The registry's own keys, which are known once they are open."""

    secrets: OwnSecrets
    pepper: Pepper
    uploads: Key
    failed_logins: Key
    webhooks: Key
    signing: KeyFolder
    authority: TokenAuthority
    signer: RotatingSigner
    algorithm: str

    async def open(self) -> None:
        """Read them, and make those that are missing. Raises as `Secrets` and Pepper do."""
        await self.secrets.begin()
        await self.pepper.open()
        for key in (self.uploads, self.failed_logins, self.webhooks):
            await key.open(self.secrets.kept)
        await self.signing.prepare(self.algorithm)
        await self.signer.refresh()


def build_keys(settings: Settings, folder: Path, database: Database, clock: Clock) -> OwnKeys:
    """Build the keys on the data directory and the database. Raises as `build_secrets` does."""
    secrets = build_secrets(settings, folder, database)
    signing = KeyFolder(secrets.kept)
    authority = TokenAuthority(secrets.kept, clock)
    certifying = authority if settings.token_certificates else None
    return OwnKeys(
        secrets=secrets,
        pepper=Pepper(secrets.kept, database, is_renewed=settings.renew_pepper),
        uploads=Key("uploads"),
        failed_logins=Key("failed-logins"),
        webhooks=Key("webhooks"),
        signing=signing,
        authority=authority,
        signer=RotatingSigner(signing, clock, settings.token_issuer, certifying),
        algorithm=settings.signing_algorithm,
    )

"""Check what only the registry's own machine knows; nothing is changed."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from acrux.adapters.data_dir import RESTORING, open_to_all, open_to_group
from acrux.adapters.keys.certificates import CertificateFiles, expiry, read_pair
from acrux.adapters.reserve import LOW_BYTES, RESERVE_BYTES, Reserve
from acrux.adapters.sql.database import Steps
from acrux.adapters.sql.facts import finding
from acrux.adapters.sql.schema import migrations
from acrux.adapters.steady_clock import JUMP
from acrux.bootstrap import storage
from acrux.bootstrap.doctor import stored
from acrux.clocks import CLOCK_FACT
from acrux.domain.content.byte_sizes import written_bytes
from acrux.domain.server.findings import (
    RENEWED_BEFORE,
    Check,
    Finding,
    failed,
    ok,
    skipped,
    warning,
)
from acrux.errors import InvalidSettings, RegistryError
from acrux.settings import EVERY_ADDRESS, Settings

LITTLE_BYTES: Final = 1024**3
FEW_FILES: Final = 10_000


@dataclass(frozen=True, slots=True)
class Machine:
    """The settings of a registry on this machine, and the time.

    `probe` tries the object store of this name, and raises InvalidSettings if it cannot be used.
    The database is examined for `seconds` at most, if that is given.
    """

    settings: Settings
    now: datetime
    probe: Callable[[str], None]
    seconds: float | None = None

    @property
    def folder(self) -> Path:
        """The data directory."""
        return self.settings.data_dir


def data_dir(machine: Machine) -> Finding:
    """Whether there is a registry that this user can change."""
    folder = machine.folder.absolute()
    if not stored.is_there(machine.settings):
        advice = "give the same --data-dir as to acrux serve, or name a registry to call"
        raise failed(f"there is no registry in {folder}", advice)
    if (machine.folder / RESTORING).exists():
        raise failed(
            f"a restore into {folder} is running, or was interrupted",
            "wait for it, or run the same acrux restore again, which goes on",
        )
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise failed(
            f"this user cannot write to {folder}",
            "run this as the user who runs acrux serve, or change the owner of the directory; on "
            "a file system that is mounted read-only nothing can be pushed",
        )
    owner, user = folder.stat().st_uid, os.geteuid()
    if owner != user:
        return warning(
            f"{folder} belongs to user {owner}, and this is user {user}",
            "run acrux serve and its commands as the owner: files that others make cannot be read",
        )
    return ok(f"{folder}")


def permissions(machine: Machine) -> Finding:
    """Whether others on this machine can read keys, names or blobs."""
    folder = machine.folder.absolute()
    if mode := open_to_all(machine.folder):
        return warning(f"{folder} has mode {mode}", f"chmod o-rwx {folder}")
    if secret := open_to_group(machine.folder):
        return warning(
            f"the group may use {secret.absolute()}",
            f"chmod g-rwx {folder}, unless the group has no other member (fsGroup)",
        )
    return ok("nobody else can enter the data directory or use its secrets")


def space(machine: Machine) -> Finding:
    """How much room the file system has, for bytes and for files."""
    found = os.statvfs(machine.folder)
    free = Reserve(machine.folder / "reserve").free()
    total = found.f_blocks * found.f_frsize
    shown = f"{written_bytes(free)} of {written_bytes(total)} are free"
    if found.f_files and found.f_favail < FEW_FILES:  # some file systems count no files
        shown += f", and room for {found.f_favail} files"
    advice = "make room: acrux usage says what takes it, acrux purge and acrux gc run give it back"
    if free < RESERVE_BYTES + 2 * LOW_BYTES or (found.f_files and not found.f_favail):
        raise failed(f"{shown}: pushes are refused", advice)
    if free < LITTLE_BYTES or (found.f_files and found.f_favail < FEW_FILES):
        return warning(shown, advice)
    return ok(shown)


def database(machine: Machine) -> Finding:
    """Whether the database is of this version, and finds nothing wrong with its own files."""
    version, oldest = stored.versions(machine.settings)
    known = len(migrations())
    if version > known and known < oldest:
        raise failed(
            f"the schema has version {version}, and this acrux knows versions up to {known}",
            "run the acrux that made it, or a newer one",
        )
    older = f"; the next start of acrux serve makes it {known}" if version < known else ""
    try:
        broken = stored.damage(machine.settings, machine.seconds)
    except TimeoutError:
        return warning(
            f"version {version} of the schema{older}; not all of it could be read in "
            f"{machine.seconds:.0f} s",
            "run acrux check, which takes the time that it needs",
        )
    if broken:
        advice = "run acrux check, which says what that affects; then restore a backup"
        raise failed(f"the database is damaged: {broken[0]}", advice)
    return ok(f"whole, with version {version} of the schema{older}")


def object_store(machine: Machine) -> Finding:
    """Whether the store that holds the blobs can be read and written with these variables."""
    place = stored.read(machine.settings, _storage())
    if not place:
        raise skipped("the blobs are files in the data directory")
    try:
        machine.probe(place)
    except InvalidSettings as refused:
        advice = "set the variables that acrux serve has"
        raise failed(refused.message, advice) from None
    return ok(f"{place} takes, returns and deletes an object")


def certificate(machine: Machine) -> Finding:
    """Whether the certificate is usable, and for how long."""
    files = _certificate_files(machine.settings)
    if files is None:
        raise skipped("acrux serve serves plain HTTP, by these settings")
    try:
        pair = read_pair(files)
    except InvalidSettings as refused:
        raise failed(refused.message, "correct --tls-cert and --tls-key") from None
    end = expiry(pair)
    shown = f"{files.certificate} is valid until {end:%Y-%m-%d}"
    if end <= machine.now:
        raise failed(shown, "renew it; acrux serve reads the new files by itself")
    # A certificate of our own is renewed by itself, earlier than this.
    if end - machine.now < RENEWED_BEFORE:
        return warning(shown, "renew it; acrux serve reads the new files by itself")
    return ok(shown)


def clock(machine: Machine) -> Finding:
    """Whether this machine's clock has gone back since the registry ran."""
    rows = stored.read(machine.settings, _kept_clock())
    if not rows:
        raise skipped("the registry has not noted the time yet")
    back = datetime.fromisoformat(rows[0]) - machine.now
    if back >= JUMP:
        return warning(
            f"the clock was {back // timedelta(hours=1)} h ahead when the registry last ran",
            "set it by NTP: tokens and certificates are valid by it",
        )
    return ok(f"{machine.now:%Y-%m-%d %H:%M:%S} UTC, not before the registry's last note")


def login_servers(machine: Machine) -> Finding:
    """Whether the registry knows the names that clients call it by."""
    settings = machine.settings
    names = ", ".join(settings.known_login_servers)
    if settings.host in EVERY_ADDRESS and not settings.login_servers:
        return warning(
            f"other machines may call it, and it knows no other names than {names}",
            "name the registry as its clients do: --login-server",
        )
    return ok(f"clients call it {names}")


def _certificate_files(settings: Settings) -> CertificateFiles | None:
    if settings.tls_cert and settings.tls_key:
        return CertificateFiles(settings.tls_cert, settings.tls_cert, settings.tls_key)
    folder = settings.data_dir / "tls"
    if settings.tls_self_signed and (folder / "server.pem").exists():
        return CertificateFiles(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    return None


def _kept_clock() -> Steps[list[str]]:
    rows = yield finding(CLOCK_FACT)
    return [str(value) for (value,) in rows]


def _storage() -> Steps[str]:
    rows = yield finding(storage.FACT)
    return str(rows[0][0]) if rows else ""


def _told(examine: Callable[[Machine], Finding]) -> Callable[[Machine], Finding]:
    # A disk that fails is a finding, and no reason to keep quiet about the rest.
    def told(machine: Machine) -> Finding:
        try:
            return examine(machine)
        except (OSError, RegistryError) as error:
            raise failed(f"it cannot be examined: {stored.reason(error)}") from None

    return told


CHECKS: Final[tuple[Check[Machine], ...]] = (
    Check("data-dir", _told(data_dir)),
    Check("permissions", _told(permissions), ("data-dir",)),
    Check("space", _told(space), ("data-dir",)),
    Check("database", _told(database), ("data-dir",)),
    Check("object-store", _told(object_store), ("database",)),
    Check("certificate", _told(certificate), ("data-dir",)),
    Check("machine-clock", _told(clock), ("database",)),
    Check("login-servers", login_servers),
)

"""The secrets of a registry, encrypted with a passphrase."""

import os
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Struct

from acrux.adapters.backup.files import write_file
from acrux.adapters.blobs.folders import make_folders, sync_folder
from acrux.domain.access.credential import Secret
from acrux.errors import InvalidBackup, InvalidInput

# What no other file of the registry can replace: keys, and the CA of --tls-self-signed.
FOLDERS: Final = ("secrets", "tls")

MIN_CHARACTERS: Final = 12
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32

# 64 MiB of memory and 2 passes, as strong as OWASP's first choice, 128 MiB and one (Password
# Storage Cheat Sheet, "scrypt").
COST: Final = 1 << 16
BLOCKS: Final = 8
PASSES: Final = 2
MAX_COST: Final = 1 << 17


class Sealed(Struct, frozen=True):
    """Encrypted files: scrypt makes the key, AES-256-GCM encrypts (RFC 7914; NIST SP 800-38D)."""

    cost: int
    blocks: int
    passes: int
    salt: bytes
    nonce: bytes
    sealed: bytes


def seal(data_dir: Path, passphrase: Secret) -> bytes:
    """All secrets of the data directory, encrypted. Raises OSError."""
    files = {name: (data_dir / name).read_bytes() for name in _names(data_dir)}
    box = Sealed(COST, BLOCKS, PASSES, os.urandom(SALT_BYTES), os.urandom(NONCE_BYTES), b"")
    content = AESGCM(_key(box, passphrase)).encrypt(box.nonce, msgspec.json.encode(files), None)
    return msgspec.json.encode(msgspec.structs.replace(box, sealed=content))


def unseal(sealed: bytes, passphrase: Secret) -> dict[str, bytes]:
    """The secrets by their names in the data directory.

    Raises InvalidInput for another passphrase, and InvalidBackup if they are not readable.
    """
    try:
        box = msgspec.json.decode(sealed, type=Sealed)
        if not (box.cost <= MAX_COST and box.blocks <= BLOCKS and box.passes <= PASSES):
            raise InvalidBackup("the secrets of the backup are sealed in a way that is not known")
        content = AESGCM(_key(box, passphrase)).decrypt(box.nonce, box.sealed, None)
        files = msgspec.json.decode(content, type=dict[str, bytes])
    except InvalidTag:
        raise InvalidInput(
            "the passphrase is not the one that the secrets of this backup were encrypted with"
        ) from None
    except (msgspec.DecodeError, ValueError) as failed:
        raise InvalidBackup(f"the secrets of the backup are damaged ({failed})") from failed
    if not all(_is_ours(name) for name in files):
        raise InvalidBackup("the secrets of the backup have names that lead elsewhere")
    return files


def put(files: dict[str, bytes], folder: Path) -> None:
    """Write the secrets below the folder, durably. Raises OSError."""
    for name, content in files.items():
        make_folders((folder / name).parent)
        write_file(folder / name, [content])
        sync_folder((folder / name).parent)


def read_passphrase(path: Path) -> Secret:
    """The first line of the file. Raises InvalidInput if it is too short, and OSError."""
    with path.open("rb") as file:
        line = file.readline(4096).rstrip(b"\r\n")
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise InvalidInput(f"the passphrase in {path} is not UTF-8") from None
    if len(text) < MIN_CHARACTERS:
        raise InvalidInput(
            f"the passphrase in {path} has {len(text)} characters: at least {MIN_CHARACTERS} are "
            "needed, since whoever has the backup can try any number; make one with: "
            "openssl rand -base64 24"
        )
    return Secret(text)


def _names(data_dir: Path) -> list[str]:
    found = (path for folder in FOLDERS for path in sorted((data_dir / folder).rglob("*")))
    names = [path.relative_to(data_dir).as_posix() for path in found if path.is_file()]
    return [name for name in names if _is_ours(name)]


def _is_ours(name: str) -> bool:
    # Without the files that are being written aside, whose names begin with a dot.
    parts = PurePosixPath(name).parts
    return len(parts) > 1 and parts[0] in FOLDERS and not any(p.startswith(".") for p in parts)


def _key(box: Sealed, passphrase: Secret) -> bytes:
    scrypt = Scrypt(box.salt, length=KEY_BYTES, n=box.cost, r=box.blocks, p=box.passes)
    return scrypt.derive(passphrase.reveal().encode())

"""What a backup holds, for people and programs."""

from datetime import datetime
from typing import Any, Final

import click
from msgspec import to_builtins

from acrux.adapters.backup.manifest import Manifest
from acrux.cli.options import print_json, print_table
from acrux.domain.content.byte_sizes import written_bytes
from acrux.http.management.storage.sentences import instant

# The columns of the table for people.
COLUMNS: Final = {
    "createdAt": "MADE",
    "blobs": "BLOBS",
    "blobBytes": "SIZE",
    "databaseBytes": "DATABASE SIZE",
    "secrets": "SECRETS",
    "copied": "NEW BLOBS",
    "copiedBytes": "NEW SIZE",
    "dataDir": "RESTORED TO",
}


def of(place: str, manifest: Manifest, **more: object) -> dict[str, Any]:
    """What the manifest says, and more."""
    return {
        "place": place,
        "createdAt": to_builtins(datetime.fromisoformat(manifest.created_at)),
        "acrux": manifest.acrux,
        "databaseBytes": manifest.database.size,
        "blobs": manifest.blobs,
        "blobBytes": manifest.blob_bytes,
        "damaged": list(manifest.damaged),
        "secrets": "encrypted" if manifest.secrets else "excluded",
        **more,
    }


def show(found: dict[str, Any], output: str) -> None:
    """Print it; damaged blobs also on standard error."""
    if output == "json":
        print_json(found)
    else:
        shown = {
            column: _text(name, found[name]) for name, column in COLUMNS.items() if name in found
        }
        print_table(tuple(shown), [tuple(shown.values())])
    if damaged := found["damaged"]:
        click.echo(
            f"blobs that were damaged in the registry already and are not in the backup: "
            f"{len(damaged)}, first {damaged[0]}; push them again",
            err=True,
        )


def _text(name: str, value: Any) -> str:
    if name == "createdAt":
        return instant(datetime.fromisoformat(value))
    return written_bytes(value) if name.endswith("Bytes") else str(value)

"""What a backup holds, for people and programs."""

from typing import Any, Final

import click

from acrux.adapters.backup.manifest import Manifest
from acrux.cli.options import print_json, print_table

# The columns of the table for people.
COLUMNS: Final = {
    "createdAt": "MADE",
    "blobs": "BLOBS",
    "blobBytes": "BYTES",
    "databaseBytes": "DATABASE BYTES",
    "secrets": "SECRETS",
    "copied": "NEW BLOBS",
    "copiedBytes": "NEW BYTES",
    "dataDir": "RESTORED TO",
}


def of(place: str, manifest: Manifest, **more: object) -> dict[str, Any]:
    """What the manifest says, and more."""
    return {
        "place": place,
        "createdAt": manifest.created_at,
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
        shown = {column: str(found[name]) for name, column in COLUMNS.items() if name in found}
        print_table(tuple(shown), [tuple(shown.values())])
    if found["damaged"]:
        click.echo(
            f"{len(found['damaged'])} blobs were damaged in the registry already and are not in "
            f"the backup, first {found['damaged'][0]}: push them again",
            err=True,
        )

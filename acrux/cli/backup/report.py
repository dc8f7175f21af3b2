"""What a backup holds, for people and programs."""

from typing import Any

import click

from acrux.adapters.backup.manifest import Manifest
from acrux.cli.options import print_json, print_table


def of(place: str, manifest: Manifest) -> dict[str, Any]:
    """What the manifest says."""
    return {
        "place": place,
        "createdAt": manifest.created_at,
        "acrux": manifest.acrux,
        "databaseBytes": manifest.database.size,
        "blobs": manifest.blobs,
        "blobBytes": manifest.blob_bytes,
        "damaged": list(manifest.damaged),
        "secrets": "encrypted" if manifest.secrets else "excluded",
    }


def show(found: dict[str, Any], output: str) -> None:
    """Print it; damaged blobs also on standard error."""
    if output == "json":
        print_json(found)
    else:
        rows = {name: text for name, text in found.items() if name != "damaged"}
        print_table(("WHAT", "VALUE"), [(name, str(text)) for name, text in rows.items()])
    if found["damaged"]:
        click.echo(
            f"{len(found['damaged'])} blobs were damaged in the registry already and are not in "
            f"the backup, first {found['damaged'][0]}: push them again",
            err=True,
        )

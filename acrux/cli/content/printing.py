"""Print what a registry holds: lists that may be long, and properties."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from time import monotonic
from typing import Any, Final

import click

from acrux.cli import output
from acrux.cli.caller.http_client import printable
from acrux.cli.carrier.place import Place
from acrux.cli.content.contents import Contents
from acrux.cli.content.images import Image
from acrux.cli.options import print_json, print_table
from acrux.domain.content.byte_sizes import written_bytes
from acrux.domain.content.names import RepositoryName
from acrux.http.management.storage.sentences import instant

Json = Mapping[str, Any]
Row = tuple[str, ...]

SECONDS: Final = 0.2  # between two lines of progress
_CLEAR: Final = "\r\x1b[K"

TAG: Final = ("TAG", "DIGEST", "UPDATED", "LAST PULL", "LOCKED")
MANIFEST: Final = ("DIGEST", "TAGS", "TYPE", "PLATFORM", "SIZE", "UPDATED", "LOCKED")
DESCRIPTOR: Final = ("DIGEST", "ARTIFACT TYPE", "MEDIA TYPE", "SIZE")
DELETED_MANIFEST: Final = ("DIGEST", "MEDIA TYPE", "DELETED", "KEPT UNTIL")
DELETED_TAG: Final = ("TAG", "DIGEST", "DELETED", "KEPT UNTIL")
REPOSITORY: Final = ("REPOSITORY", "TAGS", "MANIFESTS", "CREATED", "UPDATED", "LOCKED")


def print_listing(
    items: Iterable[Any],
    what: str,
    columns: Sequence[str],
    row: Callable[[Any], Row],
    top: int | None = None,
) -> None:
    """Print a listing, at most `top` of it; `what` names its items.

    As lines of JSON, each is printed as it comes, and takes no memory afterwards.
    """
    shown = counted(items if top is None else islice(items, top), what)
    wanted = output.wanted()
    if wanted.form == "jsonl":
        output.print_lines(shown)
    elif wanted.form == "table" and wanted.query is None:
        print_table(columns, [tuple(map(printable, row(one))) for one in shown])
    else:
        print_json(list(shown))


def print_properties(of: RepositoryName | Image, found: Json, form: str) -> None:
    """Print the properties of a repository, a tag or a manifest; `form` is json or table."""
    if form == "json":
        print_json(found)
    elif isinstance(of, RepositoryName):
        print_table(REPOSITORY, [tuple(map(printable, repository(found)))])
    elif of.tag is not None:
        print_table(TAG, [tuple(map(printable, tag(found)))])
    else:
        print_table(MANIFEST, [tuple(map(printable, manifest(found)))])


def print_changed(
    place: Place, of: RepositoryName | Image, attributes: Mapping[str, bool], form: str
) -> None:
    """Set attributes, and print the properties that there are then. Without any, only print."""
    with place.reach() as api:
        contents = Contents(api)
        if attributes:
            found = contents.change(of, attributes)
        else:
            found = contents.image(of) if isinstance(of, Image) else contents.repository(of)
    print_properties(of, found, form)


def repository(one: Json) -> Row:
    """A repository's row."""
    counts = (one.get("tagCount"), one.get("manifestCount"))
    times = (_time(one.get("createdTime")), _time(one.get("lastUpdateTime")))
    return (str(one.get("imageName", "")), *map(_text, counts), *times, _locked(one))


def tag(one: Json) -> Row:
    """A tag's row."""
    times = (_time(one.get("lastUpdateTime")), _time(one.get("lastPullTime")))
    return (_text(one.get("name")), _text(one.get("digest")), *times, _locked(one))


def manifest(one: Json) -> Row:
    """A manifest's row."""
    tags = one.get("tags")
    return (
        _text(one.get("digest")),
        ", ".join(map(str, tags)) if isinstance(tags, list) else "",
        _text(one.get("mediaType")),
        "/".join(filter(None, (_text(one.get("os")), _text(one.get("architecture"))))),
        _size(one.get("imageSize")),
        _time(one.get("lastUpdateTime")),
        _locked(one),
    )


def descriptor(one: Json) -> Row:
    """A descriptor's row."""
    texts = (one.get("digest"), one.get("artifactType"), one.get("mediaType"))
    return (*map(_text, texts), _size(one.get("size")))


def deleted_manifest(one: Json) -> Row:
    """A deleted manifest's row."""
    return (_text(one.get("digest")), _text(one.get("mediaType")), *_deleted(one))


def deleted_tag(one: Json) -> Row:
    """A deleted tag's row."""
    return (_text(one.get("tag")), _text(one.get("digest")), *_deleted(one))


def parts(found: Json) -> Iterator[Row]:
    """What a manifest names, a row each: its role, its digest, its media type and its size."""
    for role in ("config", "layers", "blobs", "manifests", "subject"):
        named = found.get(role)
        for one in named if isinstance(named, list) else [named]:
            if isinstance(one, dict):
                texts = (one.get("digest"), one.get("mediaType"))
                yield (role.removesuffix("s"), *map(_text, texts), _size(one.get("size")))


def counted(items: Iterable[Any], what: str) -> Iterator[Any]:
    """The items; how many there were so far is shown on a terminal where nothing is printed."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield from items
        return
    count, due = 0, 0.0
    for count, item in enumerate(items, 1):
        if monotonic() >= due:
            due = monotonic() + SECONDS
            click.echo(f"{_CLEAR}{count:,} {what}", err=True, nl=False)
        yield item
    click.echo(_CLEAR, err=True, nl=False)


def _deleted(one: Json) -> Row:
    return (_time(one.get("deletedAt")), _time(one.get("expiresAfter")))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _size(value: object) -> str:
    return written_bytes(value) if isinstance(value, int) else ""


def _time(value: object) -> str:
    try:
        return instant(datetime.fromisoformat(str(value))) if value else ""
    except ValueError:  # ACR writes seven digits of a second's fraction, others what they like
        return str(value)


def _locked(one: Json) -> str:
    switches = one.get("changeableAttributes")
    pairs = switches.items() if isinstance(switches, dict) else ()
    return ", ".join(name.removesuffix("Enabled") for name, value in pairs if value is False)

"""The JSON bodies of the operations about space."""

from typing import Annotated

from msgspec import Meta, Struct

MAX_CHARACTERS = 512  # the longest name, and a digest or a tag


Text = Annotated[str, Meta(max_length=MAX_CHARACTERS)]


class Restore(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to restore: a manifest, or without a digest the repository that was deleted last.

    `tag` points at the manifest then; without one, the tags do that were deleted with it. `force`
    moves tags that point at another manifest.
    """

    repository: Text
    digest: Text | None = None
    tag: Text | None = None
    force: bool = False


class Purge(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to remove for good: a deleted manifest, or all that was deleted of the repository."""

    repository: Text
    digest: Text | None = None

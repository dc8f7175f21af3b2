"""The JSON bodies of the operations about space."""

from msgspec import Struct

from acrux.http.management.grammars import Digest, Repository, Tag


class Restore(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to restore: a manifest, or without a digest the repository that was deleted last.

    `tag` points at the manifest then; without one, the tags do that were deleted with it. `force`
    moves tags that point at another manifest.
    """

    repository: Repository
    digest: Digest | None = None
    tag: Tag | None = None
    force: bool = False


class Purge(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to remove for good: a deleted manifest, or all that was deleted of the repository."""

    repository: Repository
    digest: Digest | None = None

"""The JSON bodies of questions about space."""

from typing import Annotated

from msgspec import Meta, Struct

from acrux.domain.content.space import MAX_TARGETS

MAX_CHARACTERS = 512  # the longest name, and a digest or a tag


class Delete(Struct, forbid_unknown_fields=True, kw_only=True):
    """What would be deleted."""

    delete: Annotated[
        list[Annotated[str, Meta(max_length=MAX_CHARACTERS)]],
        Meta(
            min_length=1,
            max_length=MAX_TARGETS,
            description="Each is REPO, REPO:TAG or REPO@DIGEST.",
        ),
    ]

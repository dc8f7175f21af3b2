"""REPO, REPO:TAG, REPO@DIGEST and REPO:TAG@DIGEST, as people name images."""

from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag


def parse_target(text: str) -> tuple[RepositoryName, Tag | None, Digest | None]:
    """Read the name of an image. Raises InvalidName, InvalidReference, InvalidDigest."""
    image, at, digest = text.partition("@")
    repository, colon, tag = image.partition(":")
    return (
        RepositoryName.parse(repository),
        Tag.parse(tag) if colon else None,
        Digest.parse(digest) if at else None,
    )

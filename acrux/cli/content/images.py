"""Names of images as people type them, with or without a registry."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, Self

import click

from acrux.cli.storage.targets import parse_target
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.errors import InvalidInput

Command = Callable[..., None]

LATEST: Final = Tag("latest")


@dataclass(frozen=True, slots=True)
class Image:
    """A repository, and a tag or a digest in it."""

    repository: RepositoryName
    tag: Tag | None
    digest: Digest | None

    @classmethod
    def parse(cls, text: str) -> Self:
        """`REPO:TAG`, `REPO@DIGEST`, or `REPO` for its tag latest, as az takes it.

        Raises InvalidInput.
        """
        repository, tag, digest = parse_target(text)
        if tag is not None and digest is not None:
            raise InvalidInput("name REPO:TAG or REPO@DIGEST, not both", image=text[:400])
        return cls(repository, LATEST if tag is None and digest is None else tag, digest)

    @property
    def reference(self) -> str:
        """The tag or the digest."""
        return str(self.tag or self.digest)

    def __str__(self) -> str:
        return f"{self.repository}{':' if self.tag else '@'}{self.reference}"


def named_options(what: str, sentence: str) -> Callable[[Command], Command]:
    """Add --name, or in its place HOST/NAME as an argument; the command gets `name`.

    az acr manifest takes both. With an argument the registry at that host is asked, as --registry
    does: `place_options` come below this.
    """

    def add(command: Command) -> Command:
        @click.argument("qualified", required=False, metavar=f"[HOST/{what}]")
        @click.option("--name", "-n", "spec", metavar=what, help=sentence)
        @wraps(command)
        def named(*, qualified: str | None, spec: str | None, **options: Any) -> None:
            if (qualified is None) == (spec is None):
                raise click.UsageError(f"name it once: --name {what}, or HOST/{what}.")
            if qualified is not None:
                if options["registry_at"] is not None:
                    raise click.UsageError("give either --registry or HOST/NAME, not both.")
                options["registry_at"], spec = _split(qualified)
            command(name=spec, **options)

        return named

    return add


def _split(qualified: str) -> tuple[str, str]:
    host, slash, name = qualified.removeprefix("https://").partition("/")
    # As docker tells a registry from the first part of a name.
    if not slash or not (set(host) & set(".:") or host == "localhost"):
        raise click.UsageError(f"{qualified!r} names no registry: give HOST/NAME, or --name NAME.")
    return host, name

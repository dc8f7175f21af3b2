"""Commands at the places where a registry can be, and images to push there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from click.testing import CliRunner, Result

from acrux.cli import exits
from acrux.cli.main import cli
from acrux.client.auth import RegistryAuth
from acrux.domain.content.digest import Digest
from acrux.errors import RegistryError
from tests.images import Image, image

APP = image(b"layer of app" * 1000)
OTHER = image(b"layer of other")


@dataclass(frozen=True)
class Place:
    """Runs commands at one place; `where` are the options that name it."""

    where: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *words: str) -> Result:
        """Run a command."""
        return CliRunner(env=self.environment).invoke(cli, [*words, *self.where])

    def ok(self, *words: str) -> str:
        """What a command that succeeds prints."""
        result = self.run(*words)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    def refused(self, *words: str) -> tuple[int, str]:
        """The exit code of a command that fails, and what it says."""
        result = self.run(*words)
        failure = result.exception
        if isinstance(failure, RegistryError):
            return exits.code_of(failure), exits.message_of(failure)
        return result.exit_code, result.output

    def json(self, *words: str) -> Any:
        """What a command that succeeds prints for programs."""
        return json.loads(self.ok(*words, "--output", "json"))


def push(
    url: str, repository: str, pushed: Image, *tags: str, auth: RegistryAuth | None = None
) -> None:
    """Push an image under these tags, or without one by its digest."""
    with httpx2.Client(base_url=url, auth=auth) as client:
        for blob in pushed.blobs:
            begun = client.post(f"/v2/{repository}/blobs/uploads/")
            location = httpx2.URL(begun.headers["Location"])
            done = client.put(
                location.copy_merge_params({"digest": str(Digest.of(blob))}), content=blob
            )
            assert done.status_code == 201, done.text
        for reference in tags or (str(pushed.digest),):
            put = client.put(
                f"/v2/{repository}/manifests/{reference}", content=pushed.manifest,
                headers={"Content-Type": pushed.media_type},
            )  # fmt: skip
            assert put.status_code == 201, put.text


def signature(of: Image) -> Image:
    """A referrer of the image."""
    subject = {"mediaType": of.media_type, "digest": str(of.digest), "size": len(of.manifest)}
    return image(b"signature", subject=subject, artifactType="application/x-signature")

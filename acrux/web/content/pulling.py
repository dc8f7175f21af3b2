"""The commands that pull an artifact."""

from typing import Final

from msgspec import Struct

from acrux.domain.content.media_types import IMAGE_CONFIGS, OCI_ARTIFACT
from acrux.web.content.artifacts import Artifact


class Pull(Struct, frozen=True):
    """A command, and the program that it is for."""

    program: str
    command: str


_OF_IMAGES: Final = ("docker", "podman")


def commands(host: str, artifact: Artifact) -> tuple[Pull, ...]:
    """The commands for the kind of artifact. A reference holds nothing that a shell would read."""
    address = f"{host}/{artifact.address}"
    if artifact.kind == "chart":
        return (*_helm(host, artifact), Pull("oras", f"oras pull {address}"))
    if artifact.kind == "image" or (artifact.kind == "index" and not _is_of_artifacts(artifact)):
        return tuple(Pull(program, f"{program} pull {address}") for program in _OF_IMAGES)
    return (Pull("oras", f"oras pull {address}"),)


def _helm(host: str, artifact: Artifact) -> tuple[Pull, ...]:
    # A version may hold a +, which no tag can: helm writes it as _.
    address = f"oci://{host}/{artifact.repository}"
    if not artifact.is_tag:
        return (Pull("helm", f"helm pull {address}@{artifact.digest}"),)
    version = artifact.reference.replace("_", "+")
    return (Pull("helm", f"helm pull {address} --version {version}"),)


def _is_of_artifacts(artifact: Artifact) -> bool:
    return bool(artifact.type) and artifact.type not in {*IMAGE_CONFIGS, OCI_ARTIFACT}

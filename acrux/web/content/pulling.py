"""The commands that pull an artifact."""

from typing import Final

from msgspec import Struct

from acrux.domain.content.media_types import IMAGE_CONFIGS, OCI_ARTIFACT
from acrux.http.access.origin import Origin
from acrux.web.content.artifacts import Artifact


class Pull(Struct, frozen=True):
    """A command, and the program that it is for."""

    program: str
    command: str


# What makes a program call a registry by http. Docker has no option for it: it calls its own
# machine so by itself, and every other one if its configuration says so.
_BY_HTTP: Final = {
    "podman": " --tls-verify=false",
    "helm": " --plain-http",
    "oras": " --plain-http",
}


def commands(origin: Origin, artifact: Artifact) -> tuple[Pull, ...]:
    """The commands for the kind of artifact. A reference holds nothing that a shell would read."""
    address = f"{origin.login_server}/{artifact.address}"
    helm = (("helm", _of_helm(origin.login_server, artifact)),) if artifact.kind == "chart" else ()
    is_image = artifact.kind == "image" or (
        artifact.kind == "index" and not _is_of_artifacts(artifact)
    )
    programs = ("docker", "podman") if is_image else ("oras",)
    named = (*helm, *((program, address) for program in programs))
    options = _BY_HTTP if origin.scheme == "http" else {}
    return tuple(
        Pull(program, f"{program} pull{options.get(program, '')} {what}") for program, what in named
    )


def _of_helm(host: str, artifact: Artifact) -> str:
    # A version may hold a +, which no tag can: helm writes it as _.
    address = f"oci://{host}/{artifact.repository}"
    if not artifact.is_tag:
        return f"{address}@{artifact.digest}"
    return f"{address} --version {artifact.reference.replace('_', '+')}"


def _is_of_artifacts(artifact: Artifact) -> bool:
    return bool(artifact.type) and artifact.type not in {*IMAGE_CONFIGS, OCI_ARTIFACT}

"""acrux doctor on Debian's docker-registry, from which most others descend."""

from pathlib import Path

from tests.client.doctor.diagnosis import Diagnosis, as_user, examine
from tests.client.test_docker_registry import DockerRegistry, docker_registry
from tests.peer_registries import running
from tests.running import free_port
from tests.tools import require_tool

__all__ = ["docker_registry"]

OPEN = """
version: 0.1
log: {{accesslog: {{disabled: true}}, level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/storage}}, delete: {{enabled: {deletes}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


def of_open_registry(folder: Path, *, deletes: bool) -> Diagnosis:
    """The diagnosis of a docker-registry that asks for no login."""
    program = require_tool("docker-registry", package="docker-registry")
    port = free_port()
    file = folder / "config.yml"
    file.write_text(OPEN.format(folder=folder, port=port, deletes=str(deletes).lower()))
    with running([program, "serve", str(file)], port, folder / "log"):
        return examine(f"http://127.0.0.1:{port}")


def test_pushes_and_pulls_are_checked_there_too(tmp_path: Path) -> None:
    """Whoever compares registries examines all with one program."""
    found = of_open_registry(tmp_path, deletes=True)

    assert found.code == 0, found.printed
    assert {"upload", "chunks", "manifest", "head", "pull", "range", "delete"} <= found.named("ok")
    assert found.named("warning") == {"challenge"}


def test_a_registry_that_does_not_delete_is_a_warning(tmp_path: Path) -> None:
    """Debian's does not by default; what was pushed is named."""
    found = of_open_registry(tmp_path, deletes=False)

    assert found.code == 0, found.printed
    assert found["delete"]["status"] == "warning"
    assert "405 Method Not Allowed" in found["delete"]["detail"]


def test_a_token_server_elsewhere_must_be_allowed(docker_registry: DockerRegistry) -> None:
    """A password goes only where the user says; and then all is checked."""
    host = docker_registry.url

    refused = as_user("alice", "wonderland", host)
    allowed = as_user("alice", "wonderland", host, "--allow-realm", docker_registry.tokens.host)

    assert refused["realm"]["status"] == "failed"
    assert f"--allow-realm {docker_registry.tokens.host}" in refused["realm"]["advice"]
    assert allowed.code == 0, allowed.printed
    assert {"token", "rights", "chunks", "pull", "delete"} <= allowed.named("ok")


def test_its_token_server_refuses_with_its_own_words(docker_registry: DockerRegistry) -> None:
    """They are often all that says which account is meant."""
    arguments = (docker_registry.url, "--allow-realm", docker_registry.tokens.host)

    found = as_user("alice", "looking-glass", *arguments)

    assert "401 Unauthorized: wrong password" in found["token"]["detail"]

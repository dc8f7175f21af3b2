"""deploy/compose.yaml and its Caddyfile: understood by their programs, and working together."""

import json
import os
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import pytest

from acrux.bootstrap.tracing import obstacle
from tests.clients import go_tools
from tests.clients.test_proxies import proxy
from tests.deploy.settings_named import settings_in
from tests.running import ROOT, environment, free_port, running
from tests.tools import require_tool

COMPOSE: Final = ROOT / "deploy" / "compose.yaml"
CADDYFILE: Final = ROOT / "deploy" / "Caddyfile"

pytestmark = pytest.mark.timeout(go_tools.BUILD_SECONDS)


@pytest.fixture(scope="module")
def compose(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A program that reads a compose file with the library of docker compose."""
    return go_tools.built_once(tmp_path_factory, "./compose", Path(__file__).parent / "go")


def read(compose: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """The file as docker compose reads it."""
    return subprocess.run(
        [compose, str(COMPOSE)], env=environment(**variables), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip


def project(compose: str, host: str) -> dict[str, Any]:
    """The services for this host."""
    done = read(compose, REGISTRY_HOST=host)
    assert done.returncode == 0, done.stderr
    services: dict[str, Any] = json.loads(done.stdout)["services"]
    return services


def test_compose_understands_the_file_and_both_services_are_restricted(compose: str) -> None:
    """A key with a typing error would be refused, or protect nothing."""
    services = project(compose, "registry.example.com")
    acrux, caddy = services["registry"], services["caddy"]

    assert (acrux["read_only"], caddy["read_only"]) == (True, True)
    assert (acrux["cap_drop"], caddy["cap_drop"]) == (["ALL"], ["ALL"])
    assert "ports" not in acrux
    assert Path(acrux["build"]["context"], acrux["build"]["dockerfile"]).is_file()
    assert (
        acrux["environment"]["ACRUX_TRUSTED_PROXIES"]
        == (caddy["networks"]["inside"]["ipv4_address"])
    )


def test_a_missing_host_is_asked_for(compose: str) -> None:
    """Without its name the registry would send its clients to localhost."""
    done = read(compose, REGISTRY_HOST="")

    assert done.returncode == 1
    assert "set it to the name that clients use" in done.stderr


def test_the_settings_of_the_file_exist(compose: str) -> None:
    """A variable that is no setting is ignored."""
    named = project(compose, "registry.example.com")["registry"]["environment"]

    assert settings_in(named)


def test_an_image_that_compose_builds_traces_if_it_is_asked_to(compose: str) -> None:
    """Without the extra in the image, a collector that is named gets nothing."""
    url = "http://collector:4318"
    done = read(
        compose, REGISTRY_HOST="registry.example.com", ACRUX_EXTRAS="otel",
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
    )  # fmt: skip
    asked = json.loads(done.stdout)["services"]["registry"]
    plain = project(compose, "registry.example.com")["registry"]

    assert asked["build"]["args"] == {"EXTRAS": "otel"}
    assert asked["environment"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == url
    assert plain["build"]["args"] == {"EXTRAS": ""}
    assert obstacle(plain["environment"]) == ""


@pytest.fixture(scope="module")
def url(compose: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A registry with the file's settings behind Caddy with the Caddyfile, and Caddy's CA."""
    program = require_tool("caddy", package="caddy")
    folder = tmp_path_factory.mktemp("caddy")
    host = f"localhost:{free_port()}"
    settings = project(compose, host)["registry"]["environment"]
    settings["ACRUX_TRUSTED_PROXIES"] = "127.0.0.1"  # where Caddy is here
    with running(folder / "data", "--workers", "1", **settings) as registry:
        config = folder / "Caddyfile"
        options = "{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n"
        text = CADDYFILE.read_text().replace("registry:5000", f"127.0.0.1:{registry.port}")
        config.write_text(options + text.replace("{$REGISTRY_HOST}", host))
        command = [program, "run", "--config", str(config), "--adapter", "caddyfile"]
        with proxy(command, folder, int(host.partition(":")[2])):
            authority = folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"
            yield f"https://{host}", authority


def test_the_registry_answers_behind_caddy_under_its_own_name(url: tuple[str, Path]) -> None:
    """The first login of a new installation goes through both."""
    address, ca = url
    with httpx2.Client(verify=ssl.create_default_context(cafile=ca)) as client:
        answer = client.get(f"{address}/v2/")

    host = address.removeprefix("https://")
    assert answer.status_code == 401
    assert f'realm="{address}/oauth2/token",service="{host}"' in answer.headers["WWW-Authenticate"]


def test_caddy_understands_the_caddyfile_as_it_is(tmp_path: Path) -> None:
    """It is mounted unchanged."""
    caddy = require_tool("caddy", package="caddy")
    variables = {"REGISTRY_HOST": "registry.example.com", "HOME": str(tmp_path)}

    for command in (["validate", "--adapter", "caddyfile", "--config"], ["fmt", "--diff"]):
        done = subprocess.run(
            [caddy, *command, str(CADDYFILE)], env=os.environ | variables, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr + done.stdout

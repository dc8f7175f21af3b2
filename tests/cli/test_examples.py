"""The examples of --help run as they are printed."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from acrux.bootstrap.application import build
from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from acrux.settings import Settings
from tests.http.caller import HOST, Caller
from tests.http.conftest import HandClock, Lines
from tests.images import image
from tests.reference.commands import every
from tests.running import environment

# The beginnings of examples that cannot be run here, and why.
ELSEWHERE: Final = {
    "acrux serve": "runs until it is stopped",
    "ACRUX_PORT=5001 acrux serve": "runs until it is stopped",
    "acrux api": "calls a registry: docs/how-to/client.md",
    "acrux health": "calls a registry: docs/how-to/signals-and-restarts.md",
    "acrux login": "calls a registry: docs/how-to/client.md",
    "acrux logout": "needs a login: docs/how-to/client.md",
    "acrux completion": "needs folders: docs/how-to/install.md",
    "acrux doctor registry.example.com": "calls a registry: docs/how-to/doctor.md",
    "acrux doctor localhost:5000": "calls a registry: docs/how-to/doctor.md",
    "acrux auth": "calls a registry, or names a case that happened: docs/how-to/client.md",
    "curl": "calls a registry: docs/how-to/client.md",
    "kubectl": "needs a Kubernetes cluster",
    "ssh": "needs another host",
    "acrux backup create - ": "needs another host",
    "pwgen": "is not a program of ours: docs/how-to/users.md",
    "acrux user create -n alice": "asks for a password: docs/how-to/users.md",
    "acrux user create -n carol": "asks for a password: docs/how-to/users.md",
    "acrux user passwd -n alice": "asks for a password: docs/how-to/users.md",
    "acrux lockout clear": "needs failed logins: docs/how-to/lockout.md",
    "acrux trust test": "needs a token of an issuer that answers: docs/how-to/federation.md",
    "acrux gc why": "names a digest: docs/how-to/free-space.md",
    "acrux audit list --output jsonl --follow": "runs until it is stopped",
    "acrux webhook replay -n deploy --event-id": "names an event: docs/how-to/webhooks.md",
    "acrux key rekey": "needs a master key: docs/how-to/master-key.md",
    "acrux migrate": "needs registries that are stopped: docs/how-to/migrate.md",
    "acrux restore registry.tar --data-dir new": "the example before it has restored into new",
}

EXAMPLES: Final = [
    example.strip()
    for command in every()
    for example in command.examples.replace("\\\n", " ").splitlines()
    if not example.startswith(tuple(ELSEWHERE))
]


async def _seed(folder: Path) -> None:
    registry = build(Settings(data_dir=folder, login_servers=(HOST,)), HandClock(), Lines())
    await registry.lifespan.open()
    services = registry.services
    created = await services.accounts.create_administrator("acrux")
    assert created is not None
    assert created.passwords[0].value is not None
    admin = Caller(registry, "acrux", created.passwords[0].value.reveal())
    admin.authorization = admin.basic
    await services.policies.create(SoftDeletePolicy(repositories="team/*"))
    for tag in ("v1", "v2", "dev-1"):
        assert (await admin.push("team/app", tag, image(tag.encode()))).status == 201
    for name in ("readers", "public"):
        await services.scope_maps.create(name, ("repositories/public/*/content/read",))
    await registry.lifespan.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the registry that the examples speak of, and the files."""
    folder = tmp_path_factory.mktemp("examples")
    asyncio.run(_seed(folder / "acrux-data"))
    (folder / "secret").write_text("a few words do\n")
    (folder / "passphrase").write_text("a long enough passphrase\n")
    (folder / "backups").mkdir()
    return folder


def test_every_example_runs_as_it_is_printed(folder: Path) -> None:
    """They are copied before anything is read; one after another, since some stand on others."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    failed = []
    for example in EXAMPLES:
        line = example.replace("/backups", f"{folder}/backups").replace("/var/lib/acrux", ".")
        if "acrux deleted" in line or "acrux manifest restore" in line:
            asyncio.run(_push(folder, is_deleted=True))
        elif line.startswith(("acrux repository", "acrux manifest")):
            asyncio.run(_push(folder, is_deleted=False))
        done = subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment(PATH=path, HOME=str(folder)),
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode != 0:
            failed.append(f"$ {example}\n{done.stderr}")

    assert not failed, "\n".join(failed)


async def _push(folder: Path, *, is_deleted: bool) -> None:
    """Give the example something to show; or to restore and to purge, if it is deleted then."""
    settings = Settings(data_dir=folder / "acrux-data", login_servers=(HOST,))
    registry = build(settings, None, Lines())
    await registry.lifespan.open()
    renewed = await registry.services.accounts.renew_password("acrux", "password2")
    value = next(one.value for one in renewed.passwords if one.value)
    admin = Caller(registry, "acrux", value.reveal())
    admin.authorization = admin.basic
    await registry.services.accounts.change("acrux", is_enabled=True)
    for tag in ("v1", "v2", "dev-1"):
        pushed = await admin.push("team/app", tag, image(tag.encode()))
        assert pushed.status in {201, 405}  # the example before may have locked it
    if is_deleted:
        assert (await admin.call("DELETE", "/acr/v1/team/app")).status == 202
    await registry.lifespan.close()


def test_what_is_not_run_is_an_example() -> None:
    """A reason for what nobody prints would hide that something was left out."""
    printed = "\n".join(command.examples for command in every())

    assert [beginning for beginning in ELSEWHERE if beginning not in printed] == []

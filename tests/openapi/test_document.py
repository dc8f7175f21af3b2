"""schemathesis calls every operation of the OpenAPI document, and compares the answers with it.

It generates requests that the document allows, and requests that it does not, also in sequences.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx2
import pytest

from acrux.http.management.openapi import REFUSALS
from tests.openapi.hooks import SPARED
from tests.running import ROOT, RunningRegistry, acrux, environment, running

DOCUMENT: Final = "/management/v1/openapi.json"
EXAMPLES: Final = 10  # of each operation; takes about twenty seconds of a core
SECONDS: Final = 240

# What is valid also depends on what is stored, and on fields together: no schema says that a scope
# map must be there. The answer is a 400 whose message does, and which the document describes.
STORED: Final = "positive_data_acceptance"
# It tries wrong passwords until it is told to wait: 429, which the document describes too.
LOCKED_OUT: Final = "ignored_auth"


@dataclass(frozen=True)
class Run:
    """How a run of schemathesis ended, and the statuses that the registry answered with."""

    code: int
    output: str
    statuses: Counter[int]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RunningRegistry]:
    """A registry with something in it."""
    with running(tmp_path / "data", "--workers", "1") as registry:
        yield registry


def schemathesis(registry: RunningRegistry, *options: str, spared: str = "") -> Run:
    """Run it on the document that the registry serves."""
    done = subprocess.run(
        [
            Path(sys.executable).parent / "schemathesis", "run", registry.url + DOCUMENT,
            "--continue-on-failure", "--no-color",
            "--warnings", "off", *seed(), *options,
        ],
        cwd=registry.data_dir.parent, capture_output=True, text=True, check=False, timeout=SECONDS,
        env=environment(
            PYTHONPATH=str(ROOT), SCHEMATHESIS_HOOKS="tests.openapi.hooks", **{SPARED: spared}
        ),
    )  # fmt: skip
    served = re.findall(r"event=request .*? status=(\d+)", registry.log.read_text())
    return Run(done.returncode, done.stdout + done.stderr, Counter(map(int, served)))


def seed() -> list[str]:
    """CI tries the same requests each time."""
    return ["--seed", "1"] if os.environ.get("CI") == "true" else []


def bearer(registry: RunningRegistry) -> tuple[str, str]:
    """A token that may manage everything, and the names without which it would be refused."""
    data = ("--data-dir", str(registry.data_dir), "--output", "json")
    rights = ("--management", "read", "--management", "write")
    assert acrux("scope-map", "create", *data, "-n", "managing", *rights).returncode == 0
    made = acrux("token", "create", *data, "-n", "the-caller", "--scope-map", "managing")
    password = json.loads(made.stdout)["credentials"]["passwords"][0]["value"]
    keys = json.loads(acrux("key", "list", *data).stdout)
    answer = httpx2.get(
        f"{registry.url}/oauth2/token",
        params={"service": registry.host, "scope": "registry:management:read,write"},
        auth=("the-caller", password),
    )
    names = ["the-caller", "managing", *(str(value) for key in keys for value in key.values())]
    return answer.json()["access_token"], " ".join(names)


def test_an_administrator_gets_what_the_document_says(registry: RunningRegistry) -> None:
    """A generated client fails at any answer that the document does not describe."""
    token, spared = bearer(registry)

    run = schemathesis(
        registry, "--max-examples", str(EXAMPLES), "--header", f"Authorization: Bearer {token}",
        "--exclude-checks", f"{STORED},{LOCKED_OUT}", spared=spared,
    )  # fmt: skip

    assert run.code == 0, run.output
    assert run.statuses[200] > 100, run.statuses  # the run did not lose its rights
    assert run.statuses[401] == 0
    assert set(run.statuses) <= {200, 201, 202, 204, 405, *REFUSALS}


def test_a_stranger_is_always_refused(registry: RunningRegistry) -> None:
    """Whatever is sent, it is refused before it is read."""
    run = schemathesis(registry, "--max-examples", "2")

    assert run.code == 0, run.output
    assert run.statuses.pop(200) >= 1  # the document itself
    assert run.statuses[401] > 100
    assert set(run.statuses) <= {400, 401, 404, 405, 429}

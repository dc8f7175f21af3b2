"""The audit log of a running registry: after a kill, and on commands."""

import json
import subprocess
import sys
import time
from pathlib import Path

from acrux.cli.audit import NEWEST
from acrux.domain.content.page import MAX_ITEMS
from tests.running import ROOT, RunningRegistry, acrux, environment, running
from tests.wire.connection import Connection


def lines(registry: RunningRegistry, *options: str) -> list[dict[str, str]]:
    """The output of `acrux audit list`, one record for each line."""
    done = acrux(
        "audit", "list", "--data-dir", str(registry.data_dir), "--output", "jsonl", *options
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def follow(registry: RunningRegistry, *options: str) -> subprocess.Popen[str]:
    """A command that prints records as they arrive."""
    process = subprocess.Popen(
        [sys.executable, "-m", "acrux", "audit", "list", "--follow", "--output", "jsonl",
         "--data-dir", str(registry.data_dir), *options],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    return process


def _line(follower: subprocess.Popen[str]) -> str:
    assert follower.stdout is not None
    return follower.stdout.readline()


def wait_for(registry: RunningRegistry, *options: str) -> list[dict[str, str]]:
    """The records, once there are any."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if found := lines(registry, *options):
            return found
    raise AssertionError(options)


def test_what_was_recorded_survives_a_kill(tmp_path: Path) -> None:
    """Otherwise an intruder could crash the registry to erase the traces."""
    with running(tmp_path / "data", "--workers", "2") as registry:
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        connection.close()
        before = wait_for(registry, "--account", "acrux")
        registry.kill()
    with running(tmp_path / "data") as registry:
        after = lines(registry, "--account", "acrux")

    assert before
    assert after == before


def test_a_command_that_changes_something_is_recorded(tmp_path: Path) -> None:
    """Otherwise anyone with the data directory could change accounts unnoticed."""
    with running(tmp_path / "data") as registry:
        data_dir = ("--data-dir", str(registry.data_dir))
        created = acrux("token", "create", "-n", "ci-team", "--scope-map", "_repositories_pull",
                        "--output", "json", *data_dir)  # fmt: skip
        acrux("token", "list", *data_dir)
        acrux("token", "show", "-n", "ci-team", *data_dir)
        refused = acrux("token", "delete", "-n", "nobody", "--yes", *data_dir)
        found = lines(registry, "--account", "(local)")

    assert refused.returncode == 4
    assert [one["request"] for one in found] == [
        "acrux token create --name ci-team --scope-map _repositories_pull"
    ]
    assert found[0]["proof"]
    for password in json.loads(created.stdout)["credentials"]["passwords"]:
        assert password["value"] not in json.dumps(found)


def test_new_records_are_printed_while_the_registry_serves(tmp_path: Path) -> None:
    """A log collector would otherwise see records only when it asks."""
    with running(tmp_path / "data") as registry:
        follower = follow(registry, "--account", "acrux")
        connection = Connection(registry.port)
        connection.login("acrux", registry.password)
        connection.close()
        line = _line(follower)
        follower.terminate()
        _, complaint = follower.communicate(timeout=30)

    assert line, complaint
    assert json.loads(line)["request"] == "GET /oauth2/token"


def test_a_start_time_lists_all_records_since_then(tmp_path: Path) -> None:
    """Copying an audit log elsewhere would copy only the last hundred lines of an attack."""
    with running(tmp_path / "data") as registry:
        connection = Connection(registry.port)
        for _ in range(MAX_ITEMS + 30):
            connection.login("acrux", registry.password)
        connection.close()
        everything = wait_for_many(registry, MAX_ITEMS + 30, "--since", "3h", "--account", "acrux")
        newest = lines(registry, "--account", "acrux")
        few = lines(registry, "--since", "3h", "--limit", "3", "--account", "acrux")
        follower = follow(registry, "--since", "3h", "--account", "acrux")
        followed = [json.loads(_line(follower)) for _ in everything]
        follower.terminate()
        follower.communicate(timeout=30)

    assert [one["id"] for one in everything] == sorted(one["id"] for one in everything)
    assert newest == everything[-NEWEST:]
    assert few == everything[-3:]
    assert followed == everything


def wait_for_many(registry: RunningRegistry, count: int, *options: str) -> list[dict[str, str]]:
    """The records, once there are this many."""
    end = time.monotonic() + 30
    while len(found := lines(registry, *options)) < count:
        assert time.monotonic() < end, len(found)
    return found


def test_an_invalid_time_is_refused_with_an_example(tmp_path: Path) -> None:
    """A user in a hurry would have to read the manual."""
    done = acrux("audit", "list", "--since", "yesterday", "--data-dir", str(tmp_path))

    assert done.returncode == 2
    assert "24h" in done.stderr


def test_a_refusal_is_explained_by_a_command(tmp_path: Path) -> None:
    """Whoever is asked for help has the id, and the data directory."""
    with running(tmp_path / "data", "--workers", "2") as registry:
        connection = Connection(registry.port)
        refused = connection.call("GET", "/v2/", Authorization="Bearer abc")
        connection.close()
        case = refused.header("X-Acrux-Case")
        assert case
        wait_for(registry, "--account", "(unknown)")
        data_dir = ("--data-dir", str(registry.data_dir))
        told = acrux("auth", "explain", case.upper(), *data_dir)
        as_json = acrux("auth", "explain", case, "--output", "json", *data_dir)
        unknown = acrux("auth", "explain", "k000000000", *data_dir)
        no_id = acrux("auth", "explain", "abc", *data_dir)

    assert told.returncode == 0, told.stderr
    assert "not-ours" in told.stdout
    assert "docker login" in told.stdout
    assert json.loads(as_json.stdout)["reason"] == "not-ours"
    assert (unknown.returncode, no_id.returncode) == (4, 2)
    assert "ten letters and digits" in no_id.stderr

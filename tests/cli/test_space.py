"""acrux gc, acrux usage, acrux show-usage: as typed, on a data directory."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from acrux.adapters.sql.facts import SqlFacts
from acrux.adapters.sqlite.database import SqliteDatabase
from acrux.bootstrap import served
from acrux.bootstrap.application import Registry, build
from acrux.cli.main import cli
from acrux.cli.storage import gc as gc_commands
from acrux.cli.storage import progress
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.errors import NotYet, RegistryError, UnknownBlob, UnknownRepository, UnknownTag
from acrux.services.content.collection import LEASE, Freed
from acrux.settings import Settings
from tests.http.caller import HOST, Caller
from tests.http.conftest import HandClock, Lines
from tests.images import image, index

BASE, LAYER = b"what all images share", b"what only one has"
APP, WEB = image(BASE, LAYER), image(BASE)
ACCOUNT = "acrux"

Act = Callable[[Registry, Caller], Awaitable[None]]


async def _on(data_dir: Path, act: Act) -> None:
    registry = build(Settings(data_dir=data_dir, login_servers=(HOST,)), HandClock(), Lines())
    await registry.lifespan.open()
    try:
        accounts = registry.services.accounts
        created = await accounts.create_administrator(ACCOUNT)
        created = created or await accounts.renew_password(ACCOUNT, "password")
        password = created.passwords[0].value
        assert password is not None
        stranger = Caller(registry, ACCOUNT, password.reveal())
        await act(registry, await stranger.login("repository:*:*", "registry:management:*"))
    finally:
        await registry.lifespan.close()


def some_days_ago(data_dir: Path, act: Act) -> None:
    """Use the registry of the data directory, longer ago than a grace."""
    asyncio.run(_on(data_dir, act))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Two repositories that share a base layer."""

    async def push(_: Registry, admin: Caller) -> None:
        await admin.push("team/app", str(APP.digest), APP)
        await admin.push("team/app", "v1", index(APP))
        await admin.push("other", "latest", WEB)

    folder = tmp_path / "data"
    some_days_ago(folder, push)
    return folder


def acrux(data_dir: Path, *arguments: str) -> Result:
    """Run a command on the data directory."""
    return CliRunner().invoke(cli, [*arguments, "--data-dir", str(data_dir)])


def lines(data_dir: Path, *arguments: str) -> list[str]:
    """What a command that succeeds prints."""
    result = acrux(data_dir, *arguments)
    assert result.exit_code == 0, result.exception or result.output
    return [line.rstrip() for line in result.stdout.splitlines()]


def answer(data_dir: Path, *arguments: str) -> Any:
    """What it prints for programs."""
    return json.loads("\n".join(lines(data_dir, *arguments, "--output", "json")))


def refusal(data_dir: Path, *arguments: str) -> RegistryError:
    """Why a command fails; `main` prints it in one line."""
    failure = acrux(data_dir, *arguments).exception
    assert isinstance(failure, RegistryError), failure
    return failure


def delete(repository: str) -> Act:
    """The deletion of a repository."""

    async def act(_: Registry, admin: Caller) -> None:
        assert (await admin.call("DELETE", f"/acr/v1/{repository}")).status == 202

    return act


def stored(data_dir: Path) -> int:
    """The bytes of the blobs that the disk holds."""
    files = (data_dir / "blobs").rglob("*")
    return sum(path.stat().st_size for path in files if path.is_file())


class TestRun:
    """acrux gc run."""

    @pytest.mark.parametrize("wait", [(), ("--wait",)])
    def test_it_frees_what_is_due_and_says_how_much(
        self, data_dir: Path, wait: tuple[str, ...]
    ) -> None:
        """Whoever waits for space wants to see it come back."""
        some_days_ago(data_dir, delete("team/app"))
        before = stored(data_dir)

        freed = answer(data_dir, "gc", "run", *wait)

        assert (freed["manifests"], freed["blobs"], freed["repositories"]) == (2, 3, 1)
        # The base layer was pushed twice: the copy that the second push replaced goes too.
        gone = len(APP.blobs[0]) + len(LAYER) + len(BASE)
        assert freed["bytes"] == before - stored(data_dir) == gone
        assert freed["isDone"]

    def test_a_table_names_sizes_for_people(self, data_dir: Path) -> None:
        """Bytes in nine digits say little."""
        some_days_ago(data_dir, delete("team/app"))

        head, row = lines(data_dir, "gc", "run")

        assert head.split() == ["MANIFESTS", "BLOBS", "REPOSITORIES", "UPLOADS", "SIZE"]
        assert row.split()[:4] == ["2", "3", "1", "0"]
        assert row.endswith(" B")

    def test_a_process_that_collects_is_left_alone_or_waited_for(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two would do the same work; a script wants to know when it is done."""

        async def collect_elsewhere(registry: Registry, admin: Caller) -> None:
            await delete("team/app")(registry, admin)
            leases, now = registry.services.collection._leases, datetime.now(UTC)  # noqa: SLF001
            await leases.acquire(LEASE, "elsewhere", now + timedelta(minutes=5), now)

        some_days_ago(data_dir, collect_elsewhere)
        waits: list[float] = []

        async def until_the_other_has_ended(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                await asyncio.to_thread(some_days_ago, data_dir, end_elsewhere)

        monkeypatch.setattr(gc_commands, "sleep", until_the_other_has_ended)

        refused = refusal(data_dir, "gc", "run")
        collecting = lines(data_dir, "gc", "status")[1]
        freed = answer(data_dir, "gc", "run", "--wait")

        assert isinstance(refused, NotYet)
        assert "--wait" in refused.message
        assert " until " in collecting
        assert (waits, freed["blobs"]) == ([gc_commands.WAIT_SECONDS] * 2, 3)


async def end_elsewhere(registry: Registry, _: Caller) -> None:
    """The other process releases its lease."""
    await registry.services.collection._leases.release(LEASE, "elsewhere")  # noqa: SLF001


def test_status_says_what_waits_and_what_is_due(data_dir: Path) -> None:
    """Whoever waits for space wants to know for what."""
    at_rest = answer(data_dir, "gc", "status")
    some_days_ago(data_dir, delete("team/app"))

    waiting = answer(data_dir, "gc", "status")

    assert (at_rest["repositories"], at_rest["isCounted"], at_rest["lease"]) == (0, True, None)
    assert waiting["repositories"] == 1


class TestWhy:
    """acrux gc why."""

    def test_it_shows_the_chain_to_the_tag_as_a_tree(self, data_dir: Path) -> None:
        """People look for the tag to delete."""
        shown = lines(data_dir, "gc", "why", str(Digest.of(BASE)))

        at = "since 2026-11-21 12:00:00 UTC"
        assert shown == [
            f"{Digest.of(BASE)}: 21 B",
            "",
            "other",
            "  the tag latest keeps it:",
            f"    tag latest, {at}",
            f"      manifest {WEB.digest}, {at}",
            f"        blob {Digest.of(BASE)}, {at}",
            "",
            "team/app",
            "  the tag v1 keeps it:",
            f"    tag v1, {at}",
            f"      index {index(APP).digest}, {at}",
            f"        manifest {APP.digest}, {at}",
            f"          blob {Digest.of(BASE)}, {at}",
        ]

    def test_it_says_when_what_nothing_keeps_goes(self, data_dir: Path) -> None:
        """Deleting it again would change nothing."""
        some_days_ago(data_dir, delete("team/app"))
        deleted = lines(data_dir, "gc", "why", str(Digest.of(LAYER)))

        async def leave_bytes(registry: Registry, admin: Caller) -> None:
            await admin.push_blob("third", b"alone")
            await admin.call("DELETE", f"/v2/third/blobs/{Digest.of(b'alone')}")

        some_days_ago(data_dir, leave_bytes)
        bytes_ = lines(data_dir, "gc", "why", str(Digest.of(b"alone")))

        assert deleted[2:] == [
            "team/app: deleted, and cleared from 2026-11-22 12:00:00 UTC on",
        ]
        assert bytes_[1:] == [
            "nothing refers to it any more: its bytes go at 2026-11-22 12:00:00 UTC"
        ]

    def test_it_can_be_limited_to_a_repository(self, data_dir: Path) -> None:
        """A base layer is everywhere."""
        found = answer(data_dir, "gc", "why", str(Digest.of(BASE)), "--repository", "other")

        assert [one["repository"] for one in found["repositories"]] == ["other"]
        assert isinstance(refusal(data_dir, "gc", "why", str(Digest.of(b"x"))), UnknownBlob)

    def test_an_answer_that_is_cut_says_so(self, data_dir: Path) -> None:
        """What is not shown would not be deleted."""

        async def push_much(_: Registry, admin: Caller) -> None:
            for number in range(21):
                await admin.push(f"many/{number}", "v1", WEB)
            for number in range(6):
                await admin.push("many/0", f"v{number}", WEB)

        some_days_ago(data_dir, push_much)

        shown = lines(data_dir, "gc", "why", str(Digest.of(BASE)))

        assert "  and more that refers to it" in shown
        assert shown[-1].startswith("There are more repositories")


class TestWhatIf:
    """acrux gc what-if."""

    def test_it_says_what_comes_back_and_with_whom_the_rest_is_shared(self, data_dir: Path) -> None:
        """The choice what to delete depends on both."""
        shown = lines(data_dir, "gc", "what-if", "--delete", "team/app:v1")
        both = answer(data_dir, "gc", "what-if", "--delete", "team/app", "--delete", "other")

        assert [line.split()[:2] for line in shown[1:4]] == [
            ["freed", "at"],
            ["freed", "from"],
            ["shared,", "and"],
        ]
        assert shown[2].split()[-4:-2] == ["2", "2"]
        assert shown[4] == "shared with other: 1 blobs, 21 B"
        assert both["later"]["blobs"] == 4
        assert acrux(data_dir, "gc", "why", str(APP.digest)).exit_code == 0

    def test_it_refuses_what_is_not_there(self, data_dir: Path) -> None:
        """A typing error would look like nothing to gain."""
        missing = refusal(data_dir, "gc", "what-if", "--delete", "team/app:v2")

        assert isinstance(missing, UnknownTag)
        assert acrux(data_dir, "gc", "what-if").exit_code == 2


class TestUsage:
    """acrux usage and acrux show-usage."""

    def test_the_registry_counts_each_blob_once(self, data_dir: Path) -> None:
        """The sum must be what the disk holds."""
        usage = answer(data_dir, "usage")
        table = lines(data_dir, "usage", "--largest", "1")

        blob_bytes = usage["total"]["content"]["blobBytes"]
        assert blob_bytes + usage["waitingBytes"] == stored(data_dir)
        assert usage["waitingBytes"] == len(BASE)
        assert [one["name"] for one in usage["repositories"]] == ["team/app", "other"]
        assert [line.split()[0] for line in table[:3]] == ["REPOSITORY", "team/app", "(all"]

    def test_a_repository_and_a_prefix_know_what_is_their_own(self, data_dir: Path) -> None:
        """What is shared does not come back with them."""
        app = answer(data_dir, "usage", "--repository", "team/app")
        team = answer(data_dir, "usage", "--prefix", "team")
        table = lines(data_dir, "usage", "--prefix", "team/")

        assert app["content"]["blobBytes"] - app["own"]["blobBytes"] == len(BASE)
        assert {**team, "name": "team/app"} == app
        assert table[1].split()[0] == "team/*"
        missing = refusal(data_dir, "usage", "--repository", "team")
        assert isinstance(missing, UnknownRepository)
        assert acrux(data_dir, "usage", "--repository", "a", "--prefix", "b").exit_code == 2

    def test_what_waits_to_be_cleared_is_named_too(self, data_dir: Path) -> None:
        """Usage that does not sink after a deletion needs its reason."""

        async def delete_and_push_again(registry: Registry, admin: Caller) -> None:
            await delete("team/app")(registry, admin)
            await admin.push_blob("other", BASE)

        some_days_ago(data_dir, delete_and_push_again)

        shown = lines(data_dir, "usage")

        assert shown[-2:] == [
            "2 of the manifests are those of deleted repositories.",
            "42 B more wait to be removed: acrux gc status",
        ]

    def test_show_usage_prints_the_columns_of_az(self, data_dir: Path) -> None:
        """Scripts for az acr show-usage read NAME, CURRENT VALUE, LIMIT and UNIT."""
        head, row = lines(data_dir, "show-usage")
        listed = answer(data_dir, "show-usage")["value"]

        assert head.split("  ")[0] == "NAME"
        assert row.split()[::2] == ["Size", "-1"]
        assert [one["name"] for one in listed] == ["Size"]


def test_progress_is_shown_at_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A log would fill with it; a person would see nothing happen for minutes."""
    freed = Freed(manifests=2, blobs=3, bytes=2048)
    with progress.Progress() as silent:
        assert silent.after(Freed())(freed)
        silent.waits()
    nothing = capsys.readouterr()
    monkeypatch.setattr(progress, "is_terminal", lambda: True)
    with progress.Progress() as shown:
        assert shown.after(freed)(freed)
        assert shown.after(freed)(freed)  # too soon to be shown
        shown.waits()

    assert nothing == ("", "")
    assert capsys.readouterr().err.split("\r\x1b[K") == [
        "",
        "4 manifests, 6 blobs, 0 uploads, 4 KiB freed",
        "waiting for what another process does",
        "",
    ]


class TestRules:
    """By which rules a command collects."""

    def test_what_the_registry_keeps_a_command_keeps_too(self, data_dir: Path) -> None:
        """The settings of a service are in its unit's file, and no command is given them."""
        self._untag(data_dir, keeps_untagged=True)
        done = acrux(data_dir, "gc", "run", "--output", "json")

        assert json.loads(done.stdout)["manifests"] == 0

    def test_an_option_that_is_given_counts(self, data_dir: Path) -> None:
        """Nobody could collect by other rules for once."""
        self._untag(data_dir, keeps_untagged=True)
        done = acrux(data_dir, "gc", "run", "--output", "json", "--gc-untagged")

        assert json.loads(done.stdout)["manifests"] == 1

    def _untag(self, data_dir: Path, *, keeps_untagged: bool) -> None:
        async def untag(registry: Registry, _: Caller) -> None:
            repository = RepositoryName.parse("other")
            await registry.services.manifests.untag(repository, Tag.parse("latest"))

        some_days_ago(data_dir, untag)
        asyncio.run(self._serve(data_dir, Settings(gc_untagged=not keeps_untagged)))

    async def _serve(self, data_dir: Path, settings: Settings) -> None:
        database = SqliteDatabase(data_dir / "registry.sqlite")
        database.open()
        await served.keep(SqlFacts(database), settings)
        database.close()

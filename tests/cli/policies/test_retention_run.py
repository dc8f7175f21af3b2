"""acrux retention run and acrux purge, as typed."""

import json
from pathlib import Path

import pytest

from acrux.errors import InvalidInput, UnknownName
from tests.cli.policies.shelves import filled
from tests.cli.policies.typed import Terminal
from tests.services.content.retention.shelf import Shelf

RULE = (
    "retention", "create", "-n", "old-tags", "--repository-pattern", "team/*", "--tag", "*",
    "--older-than", "30", "--untagged-for", "7",
)  # fmt: skip
PURGE = ("purge", "--filter", "team/.*:^old", "--ago", "30d", "--untagged", "--yes")


@pytest.fixture
def digest(tmp_path: Path) -> str:
    """An old tag, a young one, and the digest of an old manifest without a tag."""

    async def fill(shelf: Shelf) -> str:
        await shelf.push("old", age=40)
        await shelf.push("young", age=1)
        return str((await shelf.push(age=50, name="untagged")).digest)

    return filled(tmp_path, fill)


def test_a_dry_run_says_what_would_go_and_why(terminal: Terminal, digest: str) -> None:
    """Then the same goes, and is not there any more."""
    terminal.ok(*RULE)
    dry = terminal.ok("retention", "run", "--dry-run").stdout
    wet = terminal.ok("retention", "run").stdout
    again = terminal.ok("retention", "run").stdout

    by = "the retention rule old-tags removes it"
    assert dry.splitlines() == [
        f"Would remove team/app@{digest}: {by}: it has had no tag for 50 days",
        f"Would remove team/app:old: {by}: its name matches, it was pushed 40 days ago",
        "Tags to be removed: 1",
        "Manifests to be removed: 1",
    ]
    assert wet == dry.replace("Would remove", "Removed").replace("to be removed", "removed")
    assert again == "Tags removed: 0\nManifests removed: 0\n"


def test_programs_read_items_and_totals(terminal: Terminal, digest: str) -> None:
    """As one object, or line by line."""
    terminal.ok(*RULE)
    run = ("retention", "run", "--dry-run", "--rule", "old-tags")
    whole = terminal.json(*run)
    lines = [json.loads(line) for line in terminal.ok(*run, "-o", "jsonl").stdout.splitlines()]

    *items, totals = lines
    assert [(one.get("tag"), one["rule"]) for one in items] == [
        (None, "old-tags"),
        ("old", "old-tags"),
    ]
    assert items[0]["digest"] == digest
    assert "40 days" in items[1]["reason"]
    assert totals == {"dryRun": True, "tags": 1, "manifests": 1}
    assert whole == {"removed": items, **totals}


@pytest.mark.parametrize("output", ["json", "jsonl", "table"])
def test_an_empty_registry_is_no_failure(terminal: Terminal, output: str) -> None:
    """A scheduled run must not alarm anybody."""
    printed = terminal.ok("retention", "run", "--output", output).stdout

    assert printed
    assert output != "json" or json.loads(printed)["removed"] == []


def test_an_unknown_rule_is_refused(terminal: Terminal) -> None:
    """It may be mistyped."""
    assert isinstance(terminal.run("retention", "run", "--rule", "no-rule").exception, UnknownName)


def test_purge_prints_what_it_removes_and_how_much(terminal: Terminal, digest: str) -> None:
    """The manifest that loses its tag goes too."""
    dry = terminal.ok(*PURGE, "--dry-run").stdout.splitlines()
    wet = terminal.ok(*PURGE, "--concurrency", "4").stdout.splitlines()

    assert dry[0] == "Would remove team/app:old"
    assert f"Would remove team/app@{digest}" in dry
    assert dry[-2:] == ["Tags to be removed: 1", "Manifests to be removed: 2"]
    assert wet[-2:] == ["Tags removed: 1", "Manifests removed: 2"]


def test_purge_can_be_about_manifests_only(terminal: Terminal, digest: str) -> None:
    """Of any age, in all repositories."""
    purged = terminal.json("purge", "--untagged-only", "--yes")

    assert purged == {
        "removed": [{"repository": "team/app", "digest": digest}],
        "dryRun": False,
        "tags": 0,
        "manifests": 1,
    }


@pytest.mark.parametrize(
    ("options", "unmatched"),
    [
        (("--filter", "team:.*", "--ago", "1d"), ["team:.*"]),
        (("--filter", "team/app:^nothing", "--ago", "0d"), ["team/app:^nothing"]),
        (("--filter", "team/.*:old", "--filter", "team/.*:ode", "--ago", "1d"), ["team/.*:ode"]),
        (("--filter", "team/app:young", "--ago", "30d"), []),
        (("--filter", "team/app:nothing", "--untagged-only"), []),
        (("--filter", "team:.*", "--untagged-only", "--dry-run"), ["team:.*"]),
    ],
)
def test_purge_names_the_filters_that_match_nothing(
    terminal: Terminal, digest: str, options: tuple[str, ...], unmatched: list[str]
) -> None:
    """They may be mistyped; what is only too young is matched."""
    result = terminal.ok("purge", *options, "--yes")

    assert digest
    assert result.stderr.splitlines() == [
        f"acrux: warning: nothing matches the filter {text} at present" for text in unmatched
    ]


def test_a_run_of_a_rule_says_which_of_its_patterns_match_no_repository(
    terminal: Terminal, digest: str
) -> None:
    """Else a run that removes nothing looks like one with nothing to remove."""
    terminal.ok(*RULE, "--repository-pattern", "taem/*")
    result = terminal.ok("retention", "run", "--rule", "old-tags", "--dry-run")

    assert digest
    assert result.stderr == "acrux: warning: no repository matches taem/* at present\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "give --filter and --ago"),
        (("--filter", ".*:.*"), "give --filter and --ago"),
        (("--ago", "1d"), "give --filter and --ago"),
        (("--untagged", "--untagged-only"), "exclude each other"),
        (("--filter", ".*:.*", "--ago", "1d", "--keep", "-1"), "--keep"),
    ],
)
def test_wrong_usage_of_purge_is_explained(
    terminal: Terminal, options: tuple[str, ...], said: str
) -> None:
    """Nothing is removed by a guess."""
    result = terminal.run("purge", *options, "--yes")

    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize(
    "options",
    [("--filter", "no-colon", "--ago", "1d"), ("--filter", "a:(?!b)", "--ago", "1d"),
     ("--filter", "a:b", "--ago", "1w")],
)  # fmt: skip
def test_bad_flags_of_purge_are_refused(terminal: Terminal, options: tuple[str, ...]) -> None:
    """With the reason, as InvalidInput."""
    assert isinstance(terminal.run("purge", *options, "--yes").exception, InvalidInput)

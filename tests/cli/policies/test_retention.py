"""acrux retention, as typed."""

from pathlib import Path

import pytest

from acrux.errors import InvalidInput
from tests.cli.policies.shelves import filled
from tests.cli.policies.typed import Terminal
from tests.services.content.retention.shelf import Shelf

CREATE = ("retention", "create", "-n", "old-builds", "--repository-pattern", "team/*")
EVERYTHING = ("retention", "create", "-n", "clean", "--repository-pattern", "*", "--tag", "*")
ALL_CONDITIONS = (
    "--tag", "dev-*", "--tag", "pr-*", "--filter", "^rc", "--except-tag", "dev-stable",
    "--keep-last", "10", "--older-than", "30", "--not-pulled-for", "14", "--untagged-for", "0",
    "--keep-at-least", "1", "--status", "disabled",
)  # fmt: skip


@pytest.fixture
def tagged(tmp_path: Path) -> None:
    """team/app with two tags, v1 and v2, pushed 40 days ago."""

    async def fill(shelf: Shelf) -> None:
        await shelf.push("v1", age=40)
        await shelf.push("v2", age=40)

    filled(tmp_path, fill)


def test_a_rule_is_created_shown_listed_and_deleted(terminal: Terminal) -> None:
    """Every option is kept, and shown to programs as over HTTP."""
    created = terminal.json(*CREATE, *ALL_CONDITIONS)
    shown = terminal.json("retention", "show", "-n", "old-builds")
    listed = terminal.json("retention", "list")
    terminal.ok("retention", "delete", "-n", "old-builds", "--yes")

    assert {
        name: value for name, value in created.items() if not name.endswith(("Date", "Time"))
    } == {
        "name": "old-builds",
        "status": "disabled",
        "repositories": ["team/*"],
        "tags": ["dev-*", "pr-*"],
        "filter": "^rc",
        "exceptTags": ["dev-stable"],
        "keepLast": 10,
        "olderThanDays": 30,
        "notPulledForDays": 14,
        "untaggedForDays": 0,
        "keepAtLeast": 1,
    }
    assert listed == [shown] == [created]
    assert terminal.json("retention", "list") == []


def test_people_read_what_a_rule_removes(terminal: Terminal) -> None:
    """A list of rules must be understood without the documents."""
    terminal.ok(*CREATE, *ALL_CONDITIONS)
    terminal.ok("retention", "create", "-n", "untagged", "--repository-pattern", "*",
                "--untagged-for", "7")  # fmt: skip
    terminal.ok(*EVERYTHING, "--keep-last", "3")

    table = terminal.ok("retention", "list").stdout.splitlines()
    removes = (
        "tags dev-*, pr-*, ^rc except dev-stable, but the newest 10, if older than 30 days; "
        "manifests without a tag for 0 days; only what was not pulled for 14 days; at least 1 stay"
    )
    assert [line.rstrip().split(maxsplit=3) for line in table] == [
        ["NAME", "STATUS", "REPOSITORIES", "REMOVES"],
        ["clean", "enabled", "*", "tags *, but the newest 3"],
        ["old-builds", "disabled", "team/*", removes],
        ["untagged", "enabled", "*", "manifests without a tag for 7 days"],
    ]


def test_a_change_replaces_and_removes_options(terminal: Terminal) -> None:
    """What is not named stays."""
    before = terminal.json(*CREATE, *ALL_CONDITIONS)
    after = terminal.json(
        "retention", "update", "-n", "old-builds", "--keep-last", "20", "--status", "enabled",
        "--repository-pattern", "other", "--remove", "older-than", "--remove", "tag",
    )  # fmt: skip

    changed = {name for name, value in after.items() if value != before[name]}
    assert changed == {
        "keepLast", "status", "repositories", "olderThanDays", "tags", "lastUpdatedTime",
    }  # fmt: skip
    assert (after["olderThanDays"], after["tags"]) == (None, [])


def test_a_rule_that_removes_every_tag_is_confirmed_by_its_name(terminal: Terminal) -> None:
    """One option that was forgotten must not empty the registry."""
    for typed in ("", "\n", "yes\n"):
        refused = terminal.run(*EVERYTHING, typed=typed)
        assert isinstance(refused.exception, InvalidInput), typed
        assert "removes every tag of *" in refused.exception.message
    assert terminal.json("retention", "list") == []

    confirmed = terminal.ok(*EVERYTHING, typed="clean\n")
    assert "To confirm, type its name (clean)" in confirmed.stderr


def test_a_script_confirms_with_yes(terminal: Terminal) -> None:
    """There is nobody to ask."""
    terminal.ok(*EVERYTHING, "--yes")


def test_a_change_that_removes_every_tag_is_confirmed_too(terminal: Terminal) -> None:
    """The last condition may go by a change."""
    terminal.ok(*EVERYTHING, "--keep-last", "3")
    change = ("retention", "update", "-n", "clean", "--remove", "keep-last")

    assert isinstance(terminal.run(*change).exception, InvalidInput)
    assert terminal.json("retention", "show", "-n", "clean")["keepLast"] == 3
    terminal.ok(*change, typed="clean\n")
    assert terminal.json("retention", "show", "-n", "clean")["keepLast"] is None


def test_a_rule_that_leaves_no_tag_of_those_that_are_there_is_confirmed(
    terminal: Terminal, tagged: None
) -> None:
    """Whatever its words say: the condition may hold for all of them."""
    for options in (
        ("--tag", "*", "--older-than", "30"),
        ("--filter", "^v"),
        ("--tag", "*", "--except-tag", "zzz"),
    ):
        refused = terminal.run(*CREATE, *options)
        assert isinstance(refused.exception, InvalidInput), options
    assert terminal.json("retention", "list") == []

    confirmed = terminal.ok(*CREATE, "--filter", "^v", typed="old-builds\n")
    assert "removes every tag that team/* has now" in confirmed.stderr


def test_a_rule_that_lets_a_tag_stay_is_not_asked_about(terminal: Terminal, tagged: None) -> None:
    """Else people learn to confirm everything."""
    terminal.ok(*CREATE, "--tag", "*", "--keep-last", "1")
    terminal.ok("retention", "update", "-n", "old-builds", "--remove", "keep-last",
                "--status", "disabled")  # fmt: skip
    refused = terminal.run("retention", "update", "-n", "old-builds", "--status", "enabled")

    assert isinstance(refused.exception, InvalidInput)


def test_globs_that_match_no_tag_are_warned_of(terminal: Terminal, tagged: None) -> None:
    """An exception that is mistyped protects nothing."""
    warned = terminal.ok(*CREATE, "--tag", "v*", "--tag", "dev-*", "--except-tag", "latset",
                         "--keep-last", "1")  # fmt: skip

    assert warned.stderr.splitlines() == [
        f"acrux: warning: no tag there matches {glob} at present" for glob in ("dev-*", "latset")
    ]


def test_a_pattern_that_matches_nothing_is_warned_of(terminal: Terminal) -> None:
    """It may be mistyped, or the repository may come later."""
    warned = terminal.ok(*CREATE, "--tag", "dev-*")

    assert warned.stderr == "acrux: warning: no repository matches team/* at present\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (CREATE, "says which tags it is about"),
        ((*CREATE, "--filter", "(?!x)"), "Look-ahead"),
        ((*CREATE, "--untagged-for", "7", "--keep-last", "3"), "conditions on tags"),
        (("retention", "create", "-n", "_untagged", "--repository-pattern", "*", "--tag", "*"),
         "acrux config retention update"),
        (("retention", "update", "-n", "_untagged", "--keep-last", "3"),
         "acrux config retention update"),
        (("retention", "update", "-n", "nothing", "--keep-last", "3"),
         "there is no retention rule 'nothing'"),
        (("retention", "show", "-n", "nothing"), "there is no retention rule 'nothing'"),
        (("retention", "delete", "-n", "nothing", "--yes"), "there is no retention rule 'nothing'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(terminal: Terminal, arguments: tuple[str, ...], said: str) -> None:
    """The command ends with the exit code of wrong usage (cli/main.py)."""
    result = terminal.run(*arguments)

    assert isinstance(result.exception, InvalidInput)
    assert said in result.exception.message


def test_a_change_of_nothing_is_wrong_usage(terminal: Terminal) -> None:
    """The option may have been forgotten."""
    result = terminal.run("retention", "update", "-n", "old-builds")

    assert result.exit_code == 2
    assert "say what to change" in result.stderr

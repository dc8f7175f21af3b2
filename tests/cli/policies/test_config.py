"""acrux config, as typed: the words of az acr config."""

import pytest

from acrux.errors import InvalidInput, UnknownName
from tests.cli.policies.typed import Terminal

SOFT_DELETE = ("config", "soft-delete")


def test_the_retention_of_manifests_without_a_tag_is_off_until_it_is_set(
    terminal: Terminal,
) -> None:
    """The fields and defaults are those of `az acr config retention show`."""
    before = terminal.json("config", "retention", "show")
    enabled = terminal.json(
        "config", "retention", "update", "--status", "enabled", "--days", "30",
        "--type", "UntaggedManifests", "--yes",
    )  # fmt: skip
    disabled = terminal.json("config", "retention", "update", "--status", "disabled")

    assert before == {"days": 7, "status": "disabled", "lastUpdatedTime": None}
    assert (enabled["days"], enabled["status"]) == (30, "enabled")
    assert (disabled["days"], disabled["status"]) == (30, "disabled")
    assert terminal.json("config", "retention", "show") == disabled
    assert terminal.json("retention", "list")[0]["name"] == "_untagged"
    assert terminal.ok("config", "retention", "show").stdout.split() == [
        "STATUS", "DAYS", "disabled", "30",
    ]  # fmt: skip


def test_soft_delete_is_off_until_it_is_set(terminal: Terminal) -> None:
    """The fields and defaults are those of `az acr config soft-delete show`."""
    before = terminal.json(*SOFT_DELETE, "show")
    enabled = terminal.json(*SOFT_DELETE, "update", "--status", "enabled", "--days", "30", "-y")
    changed = terminal.json(*SOFT_DELETE, "update", "--days", "90")

    assert before == {
        "repositories": "*",
        "retentionDays": 7,
        "status": "disabled",
        "lastUpdatedTime": None,
    }
    assert (enabled["retentionDays"], enabled["status"]) == (30, "enabled")
    assert (changed["retentionDays"], changed["status"]) == (90, "enabled")
    assert terminal.json(*SOFT_DELETE, "show") == changed


def test_a_pattern_can_have_a_policy_of_its_own(terminal: Terminal) -> None:
    """ACR has one for the whole registry."""
    of_scratch = ("--repository-pattern", "scratch/*")
    terminal.ok(*SOFT_DELETE, "update", "--status", "enabled")
    own = terminal.ok(*SOFT_DELETE, "update", *of_scratch, "--status", "disabled")
    listed = terminal.ok(*SOFT_DELETE, "list").stdout.split()
    both = terminal.json(*SOFT_DELETE, "list")
    terminal.ok(*SOFT_DELETE, "delete", *of_scratch, "--yes")

    assert "no repository matches scratch/*" in own.stderr
    assert listed == [
        "REPOSITORIES", "STATUS", "DAYS", "*", "enabled", "7", "scratch/*", "disabled", "7",
    ]  # fmt: skip
    assert [one["repositories"] for one in both] == ["*", "scratch/*"]
    assert isinstance(terminal.run(*SOFT_DELETE, "show", *of_scratch).exception, UnknownName)


@pytest.mark.parametrize(
    "options", [("--days", "0"), ("--days", "91"), ("--status", "on")], ids=" ".join
)
def test_what_acr_does_not_allow_is_wrong_usage(
    terminal: Terminal, options: tuple[str, ...]
) -> None:
    """1 to 90 days (acr-protocol.md §5.8)."""
    assert terminal.run(*SOFT_DELETE, "update", *options).exit_code == 2


def test_a_bad_pattern_is_refused(terminal: Terminal) -> None:
    """The only wildcard is a whole last component."""
    result = terminal.run(*SOFT_DELETE, "update", "--repository-pattern", "te*m")

    assert isinstance(result.exception, InvalidInput)

"""What takes something away, without a terminal and on one."""

from pathlib import Path

import pytest

from tests.cli.policies.typed import Terminal
from tests.cli.test_first_hour import on_terminal
from tests.contracts.content import HELLO
from tests.reference.commands import every

YES = "Do not ask. Without a terminal this is needed."
READERS = "_repositories_pull"
OF = ("-n", "a-name")

# What each needs to be there, and the command that takes it away.
MADE = ("--repository", "team/app", "content/read")
CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...], str]] = {
    "token delete": (("token", "create", *OF, *MADE), OF, "Deleted the account a-name"),
    "token revoke": (("token", "create", *OF, *MADE), OF, "Revoked all tokens of a-name"),
    "user delete": (("user", "create", *OF, *MADE, "--password-stdin"), OF, "Deleted the user"),
    "user revoke": (("user", "create", *OF, *MADE, "--password-stdin"), OF, "Revoked all tokens"),
    "scope-map delete": (("scope-map", "create", *OF, *MADE), OF, "Deleted the scope map a-name"),
    "trust delete": (
        ("trust", "create", "github", *OF, "--repository", "a/b", "--audience", "r.example",
         "--scope-map", READERS),
        OF,
        "Deleted the trust a-name",
    ),
    "webhook delete": (
        ("webhook", "create", *OF, "--uri", "https://ci.example/hook", "--actions", "push"),
        OF,
        "Deleted the webhook a-name",
    ),
    "quota delete": (
        ("quota", "create", *OF, "--repository-pattern", "*", "--max", "1GiB"),
        OF,
        "Deleted the quota a-name",
    ),
    "write-once delete": (
        ("write-once", "create", *OF, "--repository-pattern", "*"),
        OF,
        "Deleted the policy a-name",
    ),
    "retention delete": (
        ("retention", "create", *OF, "--repository-pattern", "*", "--untagged-for", "7"),
        OF,
        "Deleted the retention rule a-name",
    ),
    "config soft-delete delete": (
        ("config", "soft-delete", "update", "--repository-pattern", "a/*", "--status", "enabled"),
        ("--repository-pattern", "a/*"),
        "Ended soft delete for a/*",
    ),
}  # fmt: skip

# They print what they did for programs, too, and have tests of their own.
OTHERS = {
    "token credential delete": (*OF, "--password", "password1"),
    "key revoke": ("-n", "ES256-0001"),
    "purge": ("--filter", "a:b", "--ago", "1d"),
    "deleted purge": ("team/app",),
    "repository delete": ("--repository", str(HELLO)),
    "manifest delete": ("-n", f"{HELLO}@sha256:{0:064}"),
}


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """An empty registry."""
    return Terminal(tmp_path)


def test_every_command_that_asks_is_tried() -> None:
    """A new one would delete what a script mistyped."""
    asking = {
        one.path.removeprefix("acrux ")
        for one in every()
        if any(getattr(option, "help", "") == YES for option in one.command.params)
    }

    assert asking == CASES.keys() | OTHERS.keys()


@pytest.mark.parametrize("name", [*CASES, *OTHERS])
def test_without_a_terminal_nothing_is_taken_away_unless_the_command_says_so(
    terminal: Terminal, name: str
) -> None:
    """A variable that is empty in a script would name the wrong thing; az asks for --yes, too."""
    words = OTHERS[name] if name in OTHERS else CASES[name][1]

    refused = terminal.run(*name.split(), *words, typed="y\n")

    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "Nobody can answer without a terminal: give --yes." in refused.stderr


@pytest.mark.parametrize("name", CASES)
def test_a_command_says_what_it_took_away(terminal: Terminal, name: str) -> None:
    """Silence leaves open whether it was this registry."""
    made, words, said = CASES[name]
    terminal.ok(*made, typed="a few words do\n")

    assert said in terminal.ok(*name.split(), *words, "--yes").stdout


def test_a_yes_is_typed_on_a_terminal(terminal: Terminal, tmp_path: Path) -> None:
    """It is the only place where a person can change their mind."""
    terminal.ok("quota", "create", *OF, "--repository-pattern", "*", "--max", "1GiB")
    kept, asked = on_terminal(tmp_path, "quota", "delete", *OF, typed="n\n")
    gone, _ = on_terminal(tmp_path, "quota", "delete", *OF, typed="y\n")

    assert (kept, gone, "Delete the quota a-name?" in asked) == (1, 0, True)

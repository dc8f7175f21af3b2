"""--output and --query, which every command has that prints."""

import json
from pathlib import Path

import pytest

from acrux.cli.output import table
from tests.cli.policies.typed import Terminal

LIST = ("scope-map", "list")


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    """An empty data directory."""
    return Terminal(tmp_path)


def test_a_query_selects_as_az_does(terminal: Terminal) -> None:
    """Scripts that were written for az keep their expressions."""
    names = json.loads(terminal.ok(*LIST, "--query", "[].name").stdout)
    one = terminal.ok(*LIST, "--query", "[?name=='_admin'] | [0].type")

    assert "_repositories_pull" in names
    assert json.loads(one.stdout) == "SystemDefined"


def test_a_query_makes_a_table_of_what_it_selects(terminal: Terminal) -> None:
    """The columns that somebody wants to see, and no others."""
    query = ("--query", "[].{name: name, type: type}", "--output", "table")

    lines = terminal.ok(*LIST, *query).stdout.splitlines()

    assert lines[0].split() == ["NAME", "TYPE"]
    assert lines[1].split() == ["_admin", "SystemDefined"]


def test_lines_of_json_are_one_for_each_item(terminal: Terminal) -> None:
    """A pipeline reads line by line, without waiting for the last."""
    lines = terminal.ok(*LIST, "--output", "jsonl", "--query", "[].name").stdout.splitlines()
    one = terminal.ok("scope-map", "show", "-n", "_admin", "-o", "jsonl").stdout.splitlines()

    assert json.loads(lines[0]) == "_admin"
    assert [json.loads(line)["name"] for line in one] == ["_admin"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("[", "at position 2: it ends too early"),
        ("[].na me", "at position 7: 'me' cannot stand there"),
        ("nothing(@)", "at position 1: there is no function 'nothing'"),
        ("a[?b && nothing(@)]", "there is no function 'nothing'"),
        ("", "is not an expression"),
        ("[" * 5000, "--query"),
    ],
)
def test_a_wrong_query_is_refused_before_anything_is_done(
    terminal: Terminal, query: str, said: str
) -> None:
    """Else an account would be there whose passwords nobody has seen."""
    create = ("token", "create", "-n", "nobody", "--scope-map", "_repositories_pull")
    result = terminal.run(*create, "--query", query)

    assert (result.exit_code, said in result.output) == (2, True), result.output
    assert terminal.json("token", "list") == []


def test_what_a_query_cannot_be_applied_to_is_printed_whole(terminal: Terminal) -> None:
    """A password is shown only once, whatever else goes wrong."""
    create = ("token", "create", "-n", "somebody", "--scope-map", "_repositories_pull")
    result = terminal.run(*create, "--query", "length(`7`)")

    assert result.exit_code == 2
    assert "value" in result.stdout
    assert "--query cannot be applied" in result.stderr


@pytest.mark.parametrize(
    ("found", "columns", "rows"),
    [
        ([{"a": 1}, {"b": [2]}], ["A", "B"], [["1", ""], ["", "[2]"]]),
        ([["x", None], ["y"]], ["COLUMN1", "COLUMN2"], [["x", ""], ["y", ""]]),
        (["x", True], ["RESULT"], [["x"], ["true"]]),
        ({"a": "é"}, ["A"], [["é"]]),
        (None, ["RESULT"], []),
    ],
)
def test_whatever_a_query_selects_becomes_a_table(
    found: object, columns: list[str], rows: list[list[str]]
) -> None:
    """az makes a table of anything, too."""
    assert table(found) == (columns, rows)

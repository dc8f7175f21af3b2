"""Run acrux doctor, and look up what it found."""

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner

from acrux.cli.main import cli


@dataclass(frozen=True)
class Diagnosis:
    """The document of a run, its exit code, and all that it printed."""

    code: int
    document: dict[str, Any]
    printed: str

    def __getitem__(self, name: str) -> dict[str, str]:
        """The finding of a check."""
        [found] = [one for one in self.document["checks"] if one["name"] == name]
        return dict(found)

    def named(self, status: str) -> set[str]:
        """The checks that ended so."""
        return {one["name"] for one in self.document["checks"] if one["status"] == status}


def examine(*arguments: str, stdin: str = "") -> Diagnosis:
    """The diagnosis of a run that ends by itself."""
    result = CliRunner().invoke(cli, ["doctor", *arguments, "--output", "json"], input=stdin)
    assert result.stdout.startswith("{"), result.output
    return Diagnosis(result.exit_code, json.loads(result.stdout), result.output)


def as_user(name: str, password: str, *arguments: str) -> Diagnosis:
    """The diagnosis of a run with this login; the password must not be printed."""
    login = ("-u", name, "--password-stdin")
    found = examine(*arguments, *login, stdin=f"{password}\n")
    assert password not in found.printed
    return found

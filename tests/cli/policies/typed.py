"""Commands on a data directory, as typed."""

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from acrux.cli.main import cli


class Terminal:
    """Runs commands on one data directory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, *arguments: str, typed: str = "") -> Result:
        """Run a command; `typed` is what a person types."""
        arguments = (*arguments, "--data-dir", str(self._folder))
        return CliRunner().invoke(cli, arguments, input=typed)

    def ok(self, *arguments: str, typed: str = "") -> Result:
        """Run a command that succeeds."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, (result.output, result.exception)
        return result

    def json(self, *arguments: str) -> Any:
        """What a command that succeeds prints for programs."""
        return json.loads(self.ok(*arguments, "--output", "json").stdout)

"""Write docs/settings.md from the rows of the settings: python -m tests.settings_page."""

from pathlib import Path

from acrux import settings

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"

HEAD = """\
# Settings

Each setting is an option of `acrux serve`, a variable, and a line of the TOML file that `--config`
(or `ACRUX_CONFIG`) names. Options win over variables, these over the file, this over the defaults.
A list is given as a repeated option, separated by commas in a variable, and as an array in TOML.
`acrux settings` shows every value and where it came from. An unknown name stops the start.

This page is made by `python -m tests.settings_page`.

| Setting | Variable | Default | Meaning |
|---|---|---|---|
"""


def render() -> str:
    """The whole page."""
    rows = [
        f"| `{row.name}` | `{settings.variable(row.name)}` | {_default(row.default)} "
        f"| {row.metadata['sentence']} |"
        for row in settings.rows()
    ]
    return HEAD + "\n".join(rows) + "\n"


def _default(value: object) -> str:
    return "-" if value in (None, ()) else f"`{str(value).lower() if value is False else value}`"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")

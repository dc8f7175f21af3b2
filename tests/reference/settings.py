"""Every setting: from the rows of acrux/settings.py."""

from acrux import settings
from tests.reference import markdown


def render() -> str:
    """The page of the settings."""
    return markdown.page(
        "Settings",
        "`acrux/settings.py`",
        markdown.prose(
            """Each setting is an option of `acrux serve`, an environment variable, and a line of
            the TOML file that `--config` (or `ACRUX_CONFIG`) names. Options win over variables,
            variables over the file, and the file over the defaults. A list is a repeated option, a
            variable with commas, or an array in TOML. `acrux settings` shows every value and where
            it came from. An unknown name in the file stops
            the start, and an unknown variable is named in a warning. `acrux settings --output toml`
            prints a file with every setting to begin with."""
        ),
        markdown.table(
            ("Setting", "Variable", "Default", "Meaning"),
            [
                (
                    f"`{row.name}`",
                    f"`{settings.variable(row.name)}`",
                    _default(row.default),
                    row.metadata["sentence"],
                )
                for row in settings.rows()
            ],
        ),
    )


def _default(value: object) -> str:
    shown = settings.as_text(value)
    return shown if shown == "-" else f"`{shown}`"

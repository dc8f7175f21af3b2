"""The generated pages of the reference, and their paths."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.reference import audit_reasons, commands, endpoints, errors, metrics, settings

FOLDER: Final = Path(__file__).parents[2] / "docs" / "reference"

PAGES: Final[dict[str, Callable[[], str]]] = {
    "settings.md": settings.render,
    "commands.md": commands.render,
    "endpoints.md": endpoints.render,
    "errors.md": errors.render,
    "audit-reasons.md": audit_reasons.render,
    "metrics.md": metrics.render,
}


def write() -> None:
    """Write every page."""
    for name, render in PAGES.items():
        (FOLDER / name).write_text(render(), encoding="utf-8")

"""Where the values of the settings come from: options, variables, a file."""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from acrux.errors import InvalidSettings
from acrux.settings import OTHER_VARIABLES, PREFIX, Settings, rows, variable


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting's value, and where it came from."""

    name: str
    value: object
    source: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and where each of them came from."""

    settings: Settings
    origins: tuple[Origin, ...]


def load(environ: Mapping[str, str], options: Mapping[str, object], config: Path | None) -> Loaded:
    """Read the settings: options override variables, variables the file, the file the defaults.

    `options` holds the options of the command line, by setting. Raises InvalidSettings, which
    lists all problems at once.
    """
    problems: list[str] = []
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, given in (
        (str(config), _from_file(config, problems)),
        ("environment", _from_environ(environ, problems)),
        ("command line", {name: value for name, value in options.items() if _is_given(value)}),
    ):
        for name, value in given.items():
            try:
                values[name] = _convert(name, value)
                sources[name] = source
            except msgspec.ValidationError as refused:
                problems.append(f"{name} ({source}): {refused}")
    settings = Settings(**values)
    problems += settings.problems()
    if problems:
        raise InvalidSettings("; ".join(problems))
    return Loaded(settings, _origins(settings, sources))


def _from_file(config: Path | None, problems: list[str]) -> dict[str, object]:
    if config is None:
        return {}
    try:
        given = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidSettings(f"{config}: {error}") from error
    names = [row.name for row in rows()]
    problems += [_unknown(name, names, str(config)) for name in given if name not in names]
    return {name: value for name, value in given.items() if name in names}


def _from_environ(environ: Mapping[str, str], problems: list[str]) -> dict[str, object]:
    known = {variable(row.name): row for row in rows()}
    given: dict[str, object] = {}
    for name, text in environ.items():
        if name in known:
            is_list = known[name].type == tuple[str, ...]
            given[known[name].name] = _split(text) if is_list else text
        elif name.startswith(PREFIX) and name not in OTHER_VARIABLES:
            problems.append(_unknown(name, list(known), "environment"))
    return given


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_given(value: object) -> bool:
    return value is not None and value != ()


def _unknown(name: str, names: list[str], source: str) -> str:
    nearest = difflib.get_close_matches(name, names, 1)
    hint = f": did you mean {nearest[0]}?" if nearest else ": see acrux settings"
    return f"there is no setting {name} ({source}){hint}"


def _convert(name: str, value: object) -> object:
    # msgspec does not know `Path`: it is text until here.
    kind = next(row.type for row in rows() if row.name == name)
    if kind in (Path, Path | None):
        if not str(value):
            raise msgspec.ValidationError("a path must not be empty")
        return Path(msgspec.convert(str(value) if isinstance(value, Path) else value, str))
    return msgspec.convert(value, kind, strict=False)


def _origins(settings: Settings, sources: Mapping[str, str]) -> tuple[Origin, ...]:
    return tuple(
        Origin(
            row.name,
            getattr(settings, row.name),
            sources.get(row.name, "default"),
            row.metadata["sentence"],
        )
        for row in rows()
    )

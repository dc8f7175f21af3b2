"""Where the values of the settings come from: options, variables, a file."""

import difflib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from acrux import settings_problems
from acrux.errors import InvalidSettings
from acrux.settings import OTHER_VARIABLES, PREFIX, Settings, rows, variable

# Kubernetes tells a pod of every Service of its namespace in variables, and docker did so with
# links: one that is named acrux, or acrux-web, sets variables that look like settings
# (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
_OF_SERVICE: Final = re.compile(
    rf"{PREFIX}(\w+_)?"
    r"(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)

_EXPECTED: Final[Mapping[Any, str]] = {
    int: "a whole number",
    bool: "true or false",
    str: "a text",
    tuple[str, ...]: "a list of texts",
}
ENVIRONMENT: Final = "environment"
HIDDEN: Final = "***"  # instead of a value that may hold a password
MAX_SHOWN: Final = 80  # characters of a value that is wrong

# What a running registry reads again. Its workers take the new values when they are replaced.
READ_AGAIN: Final = (
    "account_limits",
    "anonymous_limits",
    "concurrent_uploads",
    "log_level",
    "log_probes",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """A setting's value, HIDDEN if it is secret, and where it came from."""

    name: str
    value: object
    source: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, where each of them came from, and what was ignored, one sentence for each."""

    settings: Settings
    origins: tuple[Origin, ...]
    ignored: tuple[str, ...] = ()


def load(environ: Mapping[str, str], options: Mapping[str, object], config: Path | None) -> Loaded:
    """Read the settings: options override variables, variables the file, the file the defaults.

    `options` holds the options of the command line, by setting. A variable that is not a setting is
    ignored: it may belong to another program or to an orchestrator. Raises InvalidSettings, which
    has a line for each problem, and for what was ignored.
    """
    problems: list[str] = []
    ours, ignored = _sort_variables(environ)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, given in (
        (str(config), _from_file(config, problems)),
        (ENVIRONMENT, _from_environ(ours)),
        ("command line", {name: value for name, value in options.items() if _is_given(value)}),
    ):
        for name, value in given.items():
            try:
                values[name] = _convert(name, value)
                sources[name] = source
            except msgspec.ValidationError:
                problems.append(
                    f"{_named(name, source)}: must be {_expected(name)}, not {_shown(value)}"
                )
    settings = Settings(**values)
    problems += [
        f"{_named(name, sources.get(name, 'default'))}: {sentence}"
        for name, sentence in settings_problems.find(settings)
    ]
    if problems:
        raise InvalidSettings("\n".join((*problems, *ignored)))
    return Loaded(settings, _origins(settings, sources), ignored)


def _from_file(config: Path | None, problems: list[str]) -> dict[str, object]:
    if config is None:
        return {}
    try:
        given = tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidSettings(f"{config}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidSettings(f"{config}: it is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise InvalidSettings(f"{config}: {error}") from error
    names = [row.name for row in rows()]
    problems += [_unknown(name, names, str(config)) for name in given if name not in names]
    return {name: value for name, value in given.items() if name in names}


def _sort_variables(environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The variables that are settings, and what to say about those that are ignored."""
    named = {name: environ[name] for name in environ if name.startswith(PREFIX)}
    known = [variable(row.name) for row in rows()]
    of_services = sorted(name for name, text in named.items() if _is_of_service(name, text, known))
    ours = {name: named[name] for name in named if name in known and name not in of_services}
    unknown = sorted(named.keys() - ours.keys() - OTHER_VARIABLES - set(of_services))
    ignored = [_unknown(name, known, ENVIRONMENT) for name in unknown]
    if of_services:
        ignored.insert(
            0,
            f"ignored {', '.join(of_services)}: not settings, but set for a Service of Kubernetes "
            "or a link of docker (enableServiceLinks: false in the pod's spec turns them off)",
        )
    return ours, tuple(ignored)


def _is_of_service(name: str, text: str, known: list[str]) -> bool:
    # ACRUX_PORT is a setting too, but then it is a number.
    return _OF_SERVICE.fullmatch(name) is not None and (name not in known or "://" in text)


def _from_environ(variables: Mapping[str, str]) -> dict[str, object]:
    known = {variable(row.name): row for row in rows()}
    return {
        known[name].name: _split(text) if known[name].type == tuple[str, ...] else text
        for name, text in variables.items()
    }


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_given(value: object) -> bool:
    return value is not None and value != ()


def _unknown(name: str, names: list[str], source: str) -> str:
    rests = {other.removeprefix(PREFIX): other for other in names}
    nearest = difflib.get_close_matches(name.removeprefix(PREFIX), rests, 1)
    hint = f": did you mean {rests[nearest[0]]}?" if nearest else ": see acrux settings"
    return f"there is no setting {name} ({source}){hint}"


def _named(name: str, source: str) -> str:
    return f"{name} ({variable(name) if source == ENVIRONMENT else source})"


def _kind(name: str) -> Any:
    return next(row.type for row in rows() if row.name == name)


def _expected(name: str) -> str:
    kind = _kind(name)
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    return _EXPECTED.get(kind, "the path of a file or a directory")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def _convert(name: str, value: object) -> object:
    # msgspec does not know `Path`: it is text until here.
    kind = _kind(name)
    if kind in (Path, Path | None):
        if not str(value):
            raise msgspec.ValidationError("a path must not be empty")
        return Path(msgspec.convert(str(value) if isinstance(value, Path) else value, str))
    return msgspec.convert(value, kind, strict=False)


def _origins(settings: Settings, sources: Mapping[str, str]) -> tuple[Origin, ...]:
    return tuple(
        Origin(
            row.name,
            _showable(row, getattr(settings, row.name)),
            sources.get(row.name, "default"),
            row.metadata["sentence"],
        )
        for row in rows()
    )


def _showable(row: Field[Any], value: object) -> object:
    return HIDDEN if value and row.metadata["secret"] else value


class CurrentSettings:
    """The settings of a running registry: those of its start, except for READ_AGAIN.

    `given` are those that were read at the start. `settings` are the same, completed by what the
    start found, such as the port. `read` reads all settings again.
    """

    def __init__(self, settings: Settings, given: Settings, read: Callable[[], Settings]) -> None:
        self.settings = settings
        self._given = given
        self._read = read

    def read_again(self) -> tuple[str, ...]:
        """Read the settings, and return the names of those that changed and need a restart.

        Raises InvalidSettings; then nothing has changed.
        """
        found = self._read()
        self.settings = self.settings.replace(**{name: getattr(found, name) for name in READ_AGAIN})
        return tuple(
            row.name
            for row in rows()
            if row.name not in READ_AGAIN
            and getattr(found, row.name) != getattr(self._given, row.name)
        )

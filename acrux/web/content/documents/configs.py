"""An image's configuration, and a chart's, as people read them."""

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from acrux.web import words
from acrux.web.content.documents import loose
from acrux.web.content.documents.masking import MASK, is_secret, masked

_FACTS: Final = ("created", "author", "os", "os.version", "architecture", "variant")
_OF_CONTAINER: Final = (
    "User", "WorkingDir", "Entrypoint", "Cmd", "Shell", "ExposedPorts", "Volumes", "StopSignal",
    "Healthcheck",
)  # fmt: skip
_OF_CHART: Final = (
    "name", "version", "appVersion", "description", "type", "apiVersion", "kubeVersion", "home",
    "icon", "deprecated",
)  # fmt: skip


class Variable(Struct, frozen=True):
    """A variable of the environment; its value is masked if it looks like a secret."""

    name: str
    value: str
    is_masked: bool


class Step(Struct, frozen=True):
    """A step of the history; an empty one made no layer."""

    created: str
    by: str
    comment: str
    is_empty: bool


class Configuration(Struct, frozen=True):
    """What an image's configuration says (OCI image specification, config.md)."""

    facts: tuple[tuple[str, str], ...]
    environment: tuple[Variable, ...]
    labels: tuple[tuple[str, str], ...]
    history: tuple[Step, ...]


def read(value: Any, *, shows_secrets: bool = False) -> Configuration:
    """Read a configuration, however wrong its types are."""
    container = loose.at(value, "config")
    facts = [
        *((name, loose.text(loose.at(value, name))) for name in _FACTS),
        *((name, _command(loose.at(container, name))) for name in _OF_CONTAINER),
    ]
    if not shows_secrets:
        facts = [(name, masked(text)) for name, text in facts]
    return Configuration(
        facts=tuple((name, text) for name, text in facts if text),
        environment=tuple(
            _variable(one, shows_secrets=shows_secrets) for one in _texts(container, "Env")
        ),
        labels=tuple(
            (name, text if shows_secrets else masked(text))
            for name, text in loose.pairs(loose.at(container, "Labels"))
        ),
        history=tuple(
            _masked(one, shows_secrets=shows_secrets) for one in words.some(_history(value))
        ),
    )


def _command(value: Any) -> str:
    # A list of words, or the names of an object: ports and volumes are keys of nothing.
    if isinstance(value, list):
        return " ".join(map(loose.text, value[: loose.MAX_ITEMS]))
    if isinstance(value, dict) and not any(value.values()):
        return ", ".join(sorted(value)[: loose.MAX_ITEMS])
    return loose.text(value)


def _variable(text: str, *, shows_secrets: bool) -> Variable:
    name, _, value = text.partition("=")
    is_masked = not shows_secrets and is_secret(name, value)
    return Variable(name, MASK if is_masked else value, is_masked)


def _history(value: Any) -> list[Step]:
    return [
        Step(
            created=loose.text(step.get("created")),
            by=loose.text(step.get("created_by")),
            comment=loose.text(step.get("comment")),
            is_empty=step.get("empty_layer") is True,
        )
        for step in loose.mappings(loose.at(value, "history"))[: loose.MAX_ITEMS]
    ]


def _masked(step: Step, *, shows_secrets: bool) -> Step:
    return step if shows_secrets else replace(step, by=masked(step.by))


class Chart(Struct, frozen=True):
    """What a chart says of itself (Helm, Chart.yaml), which its configuration repeats."""

    facts: tuple[tuple[str, str], ...]
    keywords: tuple[str, ...]
    sources: tuple[str, ...]
    maintainers: tuple[tuple[str, str], ...]
    dependencies: tuple[tuple[str, str, str], ...]
    annotations: tuple[tuple[str, str], ...]


def read_chart(value: Any) -> Chart:
    """Read the configuration of a chart."""
    facts = [(name, loose.text(loose.at(value, name))) for name in _OF_CHART]
    return Chart(
        facts=tuple((name, text) for name, text in facts if text),
        keywords=_texts(value, "keywords"),
        sources=_texts(value, "sources"),
        maintainers=tuple(
            (loose.text(one.get("name")), loose.text(one.get("email")))
            for one in loose.mappings(loose.at(value, "maintainers"))[: loose.MAX_ITEMS]
        ),
        dependencies=tuple(
            (
                loose.text(one.get("name")),
                loose.text(one.get("version")),
                loose.text(one.get("repository")),
            )
            for one in loose.mappings(loose.at(value, "dependencies"))[: loose.MAX_ITEMS]
        ),
        annotations=tuple(loose.pairs(loose.at(value, "annotations"))),
    )


def _texts(value: Any, name: str) -> tuple[str, ...]:
    texts = tuple(map(loose.text, loose.items(loose.at(value, name))[: loose.MAX_ITEMS]))
    return tuple(words.some(texts))

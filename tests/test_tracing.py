"""Whether requests are traced, as OpenTelemetry's variables say."""

import json
import logging
import sys

import pytest

from acrux.bootstrap.tracing import EXPORTER, is_wanted, obstacle, start
from acrux.serving.logs import SpansLost

URL = "http://127.0.0.1:4318"
HERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": URL}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OTEL_SERVICE_NAME": "acrux"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (HERE, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{URL}/v1/traces"}, True),
        (HERE | {"OTEL_SDK_DISABLED": "True"}, False),
        (HERE | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (HERE | {"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_naming_an_endpoint_turns_tracing_on(environ: dict[str, str], wanted: bool) -> None:
    """A cluster sets these variables for every pod, and some turn one program off again."""
    assert is_wanted(environ) == wanted
    if not wanted:
        assert start(environ) is None


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (HERE, ""),
        (HERE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, ""),
        (HERE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "'grpc' is not spoken here"),
        (
            HERE | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                    "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            "",
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, ""),
    ],
)  # fmt: skip
def test_what_prevents_tracing_is_told(environ: dict[str, str], told: str) -> None:
    """Spans that are sent in a wrong way vanish without a word."""
    assert told in obstacle(environ)
    assert bool(obstacle(environ)) == bool(told)


def test_without_the_extra_the_registry_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A registry that is installed without it must start all the same."""
    monkeypatch.setitem(sys.modules, EXPORTER, None)

    assert "pip install '.[otel]'" in obstacle(HERE)
    assert "--build-arg EXTRAS=otel" in obstacle(HERE)
    assert obstacle({}) == ""
    assert start(HERE) is None


def test_what_the_exporter_says_is_said_once_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    """A collector that is down for a night would fill the disk of the log."""
    seconds = [0.0]
    handler = SpansLost("json", lambda: seconds[0])
    logger = logging.Logger("opentelemetry.exporter")  # noqa: LOG001 -- for this test only
    logger.addHandler(handler)
    for seconds[0] in (0.0, 1.0, 59.0, 60.0, 61.0):
        logger.info("sent %s", seconds[0])
        logger.error("failed at %s", seconds[0])

    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("tracing-failing", "warning")
    ] * 2
    told = [(line["problem"], line["times"]) for line in lines]
    assert told == [("failed at 0.0", 1), ("failed at 60.0", 3)]

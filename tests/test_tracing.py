"""Whether requests are traced, as OpenTelemetry's variables say."""

import sys

import pytest

from acrux.bootstrap.tracing import EXPORTER, is_wanted, obstacle, start

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

    assert "pip install 'acrux[otel]'" in obstacle(HERE)
    assert obstacle({}) == ""
    assert start(HERE) is None

"""Which requests have a line in the log, and of which trace they are."""

import pytest

from acrux.bootstrap.application import Registry
from acrux.settings import Settings
from tests.http.caller import Caller
from tests.http.conftest import Lines

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"


def requests(log: Lines) -> list[object]:
    """The paths of the requests that have a line."""
    return [line["path"] for line in log.lines if line["event"] == "request"]


async def test_probes_are_logged_by_default(stranger: Caller, log: Lines) -> None:
    """Whoever sets a probe up sees whether it arrives."""
    await stranger.call("GET", "/livez")

    assert requests(log) == ["/livez"]


class TestWithoutProbes:
    """A registry that leaves them out."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """Leave them out."""
        return settings.replace(log_probes=False)

    async def test_probes_that_succeed_are_left_out_and_nothing_else(
        self, stranger: Caller, log: Lines
    ) -> None:
        """An orchestrator asks every few seconds, and its questions would be most of the log."""
        for path in ("/livez", "/readyz", "/v2/", "/livez/x"):
            await stranger.call("GET", path)

        assert requests(log) == ["/v2/", "/livez/x"]

    async def test_a_probe_that_fails_is_logged(
        self, registry: Registry, stranger: Caller, log: Lines
    ) -> None:
        """It is why the orchestrator sends no more requests."""
        await registry.lifespan.close()
        await stranger.call("GET", "/readyz")
        await registry.lifespan.open()

        assert requests(log) == ["/readyz"]


@pytest.mark.parametrize(
    ("text", "trace"),
    [
        (f"00-{TRACE}-{PARENT}-01", TRACE),
        (f"00-{TRACE}-{PARENT}-00", TRACE),
        (f"01-{TRACE}-{PARENT}-01", TRACE),
        (f"cc-{TRACE}-{PARENT}-01-what-comes-later", TRACE),
        (f"00-{TRACE}-{PARENT}-01-too-long", None),
        (f"ff-{TRACE}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{PARENT}-01", None),
        (f"00-{TRACE}-{PARENT}-1", None),
        (f"00-{TRACE}-{PARENT}", None),
        ("", None),
        ("a" * 5000, None),
    ],
)
async def test_the_line_of_a_request_holds_the_trace_of_its_caller(
    stranger: Caller, log: Lines, text: str, trace: str | None
) -> None:
    """With it, the log of the client and that of the registry are read together."""
    await stranger.call("GET", "/livez", headers={"traceparent": text})

    assert log.lines[-1].get("trace") == trace

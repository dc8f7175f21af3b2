"""The handler of /metrics."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from msgspec import Struct

from acrux.http import parsing, responses
from acrux.http.messages import Request, Response

OPEN_METRICS: Final = "application/openmetrics-text"


class MetricsHandlers:
    """What the registry counts, for Prometheus. `render` writes the page in OpenMetrics or not.

    `rates` returns those of the last hour.
    """

    def __init__(
        self,
        render: Callable[[bool], Awaitable[tuple[bytes, str]]],
        rates: Callable[[], Sequence[Struct]],
    ) -> None:
        self._render = render
        self._rates = rates

    async def show(self, request: Request) -> Response:
        """GET: the metrics, as OpenMetrics if `Accept` names it, else as Prometheus' text."""
        page, content_type = await self._render(OPEN_METRICS in parsing.accept(request).wanted)
        return responses.text(page, content_type)

    async def recent(self, _: Request) -> Response:
        """GET: how many requests a second there were in the last hour, and how long they took.

        Of all workers of this machine, every 15 seconds, without probes and the files of pages, the
        oldest first.
        """
        return responses.json({"value": self._rates()})

"""The handler of /metrics."""

from collections.abc import Awaitable, Callable
from typing import Final

from acrux.http import parsing, responses
from acrux.http.messages import Request, Response

OPEN_METRICS: Final = "application/openmetrics-text"


class MetricsHandlers:
    """What the registry counts, for Prometheus. `render` writes the page in OpenMetrics or not."""

    def __init__(self, render: Callable[[bool], Awaitable[tuple[bytes, str]]]) -> None:
        self._render = render

    async def show(self, request: Request) -> Response:
        """GET: the metrics, as OpenMetrics if `Accept` names it, else as Prometheus' text."""
        page, content_type = await self._render(OPEN_METRICS in parsing.accept(request).wanted)
        return responses.text(page, content_type)

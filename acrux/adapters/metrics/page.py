"""The page of all metrics, which is kept for a moment."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from acrux.adapters.metrics.families import Values, add

KEPT_SECONDS: Final = 1.0  # however many scrapers ask

Rendered = tuple[bytes, str]  # the page, and its media type


class MetricsPage:
    """Writes what all processes counted, and the facts of the data directory.

    `publish` makes the counts of this process known, `read` returns those of all, and `facts` the
    rest. A page is written in a thread, and sent again to whoever asks within KEPT_SECONDS: so
    scraping takes little, however often it is done.
    """

    def __init__(
        self,
        publish: Callable[[], None],
        read: Callable[[], Values],
        facts: Callable[[], Awaitable[Values]],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._read = read
        self._facts = facts
        self._ticks = ticks
        self._kept: dict[bool, tuple[float, Rendered]] = {}
        self._writing = asyncio.Lock()

    async def render(self, is_open_metrics: bool) -> Rendered:  # noqa: FBT001 -- the only argument
        """The page as OpenMetrics, or as Prometheus' own text."""
        async with self._writing:
            written_at, rendered = self._kept.get(is_open_metrics, (0.0, (b"", "")))
            if rendered[0] and self._ticks() - written_at < KEPT_SECONDS:
                return rendered
            facts = await self._facts()
            self._publish()
            rendered = await asyncio.to_thread(self._write, facts, is_open_metrics)
            self._kept[is_open_metrics] = (self._ticks(), rendered)
            return rendered

    def _write(self, facts: Values, is_open_metrics: bool) -> Rendered:  # noqa: FBT001 -- as above
        # prometheus_client takes 25 ms and 2 MB, which a registry that nobody scrapes does without.
        from acrux.adapters.metrics.exposition import render  # noqa: PLC0415

        values = self._read()
        add(values, facts)
        return render(values, is_open_metrics=is_open_metrics)

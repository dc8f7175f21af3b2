"""The page of all metrics, made for all who ask at the same time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from acrux.adapters.metrics.families import Values, add

# After a page, no other is begun for so many times as long as it took: however many scrapers ask,
# and however often, they get no more than a tenth of the time of the process.
RESTS: Final = 9

Rendered: TypeAlias = tuple[bytes, str]  # the page, and its media type


class MetricsPage:
    """Writes what all processes counted, and the facts of the data directory.

    `publish` makes the counts of this process known, `read` returns those of all, and `facts` the
    rest. A page is never older than the request for it: those who ask while one is written share
    the next one. It is written in a thread.
    """

    def __init__(
        self,
        publish: Callable[[], None],
        read: Callable[[], Values],
        facts: Callable[[], Awaitable[Values]],
        ticks: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._publish = publish
        self._read = read
        self._facts = facts
        self._ticks = ticks
        self._sleep = sleep
        self._awaited: dict[bool, asyncio.Task[Rendered]] = {}
        self._writing = asyncio.Lock()
        self._rests_until = ticks()

    async def render(self, is_open_metrics: bool) -> Rendered:  # noqa: FBT001 -- the only argument
        """The page as OpenMetrics, or as Prometheus' own text."""
        page = self._awaited.get(is_open_metrics)
        if page is None:
            page = asyncio.create_task(self._make(is_open_metrics))
            self._awaited[is_open_metrics] = page
        return await asyncio.shield(page)  # others may wait for it too

    async def _make(self, is_open_metrics: bool) -> Rendered:  # noqa: FBT001 -- as above
        async with self._writing:
            await self._sleep(max(0.0, self._rests_until - self._ticks()))
            began = self._ticks()
            del self._awaited[is_open_metrics]  # whoever asks from now on gets the next one
            try:
                facts = await self._facts()
                self._publish()
                return await asyncio.to_thread(self._write, facts, is_open_metrics)
            finally:
                self._rests_until = self._ticks() + RESTS * (self._ticks() - began)

    def _write(self, facts: Values, is_open_metrics: bool) -> Rendered:  # noqa: FBT001 -- as above
        # prometheus_client takes 25 ms and 2 MB, which a registry that nobody scrapes does without.
        from acrux.adapters.metrics.exposition import render  # noqa: PLC0415

        values = self._read()
        add(values, facts)
        return render(values, is_open_metrics=is_open_metrics)

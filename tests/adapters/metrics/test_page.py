"""The page of metrics, in both formats."""

import asyncio
from collections.abc import Callable, Iterable

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics import parser
from prometheus_client.parser import text_string_to_metric_families as parse

from acrux.adapters.metrics.families import FAMILIES, Kind, Values
from acrux.adapters.metrics.page import RESTS, MetricsPage
from acrux.tally import BOUNDS

read_open_metrics: Callable[[str], Iterable[Metric]] = parser.text_string_to_metric_families

NUMBERS = {Kind.SUMMARY: [4, 2.5], Kind.HISTOGRAM: [9.5, 1, *[0] * (len(BOUNDS) - 1), 3]}
EVERY: Values = {
    (name, *(f'a "{label}"' for label in family.labels)): NUMBERS.get(family.kind, [7.0])
    for name, family in FAMILIES.items()
}


class Source:
    """What a registry counted; it notes how often a page was made, and for how long it rested.

    To publish takes a second.
    """

    def __init__(self, values: Values) -> None:
        self.values = values
        self.published = 0
        self.now = 100.0
        self.rests: list[float] = []
        self.page = MetricsPage(
            self.publish, lambda: dict(values), self.facts, lambda: self.now, self.sleep
        )

    def publish(self) -> None:
        """Count how often a page is made."""
        self.published += 1
        self.now += 1.0

    def fail_once(self) -> None:
        """Fail the first time."""
        self.published += 1
        if self.published == 1:
            raise OSError("no place")

    async def facts(self) -> Values:
        """None."""
        return {}

    async def sleep(self, seconds: float) -> None:
        """Note the rest, and let others have their turn."""
        self.rests.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


async def test_every_metric_can_be_read_in_both_formats() -> None:
    """Prometheus drops a whole page for one line that it cannot read."""
    page = Source(EVERY).page

    text, text_type = await page.render(False)
    opened, opened_type = await page.render(True)

    assert text_type.startswith("text/plain; version=0.0.4")
    assert opened_type.startswith("application/openmetrics-text; version=1.0.0")
    names = {family.name for family in parse(text.decode())}
    families = list(read_open_metrics(opened.decode()))
    assert len(families) == len(FAMILIES)
    assert names >= {name.removesuffix("_total") for name in FAMILIES} - {"acrux_build_info"}


async def test_a_histogram_is_cumulative_and_a_summary_has_a_mean() -> None:
    """Quantiles are computed from these numbers, and nobody would see that they are wrong."""
    text, _ = await Source(EVERY).page.render(False)

    lines = [line for line in text.decode().splitlines() if "duration_seconds" in line]
    values = [float(line.rpartition(" ")[2]) for line in lines if not line.startswith("#")]
    assert values == [*[1.0] * len(BOUNDS), 4.0, 4.0, 9.5]
    assert 'acrux_store_operation_seconds_count{operation="a \\"operation\\""} 4.0' in text.decode()
    assert 'acrux_store_operation_seconds_sum{operation="a \\"operation\\""} 2.5' in text.decode()


async def test_those_who_ask_at_once_share_a_page() -> None:
    """A hundred scrapers take no more time than one."""
    source = Source(EVERY)

    pages = await asyncio.gather(*(source.page.render(False) for _ in range(50)))

    assert (len(set(pages)), source.published) == (1, 1)


async def test_a_page_is_never_older_than_the_request_for_it() -> None:
    """Two workers that answer in turn from memory would make counters fall."""
    source = Source(dict(EVERY))
    before, _ = await source.page.render(False)
    source.values["acrux_uploads_open",] = [8.0]

    after, _ = await source.page.render(False)

    assert b"acrux_uploads_open 7.0" in before
    assert b"acrux_uploads_open 8.0" in after


async def test_scraping_takes_no_more_than_a_tenth_of_the_time() -> None:
    """A scraper in a loop would take a whole core from those who pull."""
    source = Source(EVERY)
    for _ in range(5):
        await asyncio.gather(source.page.render(False), source.page.render(True))

    assert source.published == 10
    assert source.rests == [0.0, *[RESTS * 1.0] * 9]

    source.now += 100
    await source.page.render(False)
    assert source.rests[-1] == 0.0


async def test_a_scraper_that_leaves_takes_the_page_from_nobody() -> None:
    """The others wait for the same one."""
    source = Source(EVERY)
    leaving, staying = (asyncio.create_task(source.page.render(False)) for _ in range(2))
    await asyncio.sleep(0)

    leaving.cancel()

    text, _ = await staying
    assert b"acrux_uploads_open 7.0" in text


async def test_a_page_that_fails_is_followed_by_another() -> None:
    """One failure must not end all metrics."""
    source = Source(EVERY)
    source.page = MetricsPage(source.fail_once, lambda: dict(EVERY), source.facts)

    with pytest.raises(OSError, match="no place"):
        await source.page.render(False)

    assert (await source.page.render(False))[0]

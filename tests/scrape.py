"""The numbers on a page of metrics."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.wire.connection import Connection


@dataclass(frozen=True)
class Page:
    """A page as Prometheus reads it."""

    text: str
    samples: tuple[Sample, ...]

    @classmethod
    def read(cls, text: bytes) -> "Page":
        """Parse the text format."""
        families = text_string_to_metric_families(text.decode())
        return cls(text.decode(), tuple(sample for family in families for sample in family.samples))

    @property
    def names(self) -> set[str]:
        """The names of all series."""
        return {sample.name for sample in self.samples}

    def sum(self, name: str, **labels: str) -> float:
        """The sum of the series of this name that have these labels."""
        return sum(sample.value for sample in self._found(name, labels))

    def values(self, name: str, label: str) -> set[str]:
        """The values that a label takes."""
        return {sample.labels[label] for sample in self._found(name, {})}

    def _found(self, name: str, labels: dict[str, str]) -> Iterator[Sample]:
        for sample in self.samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample


def scrape(port: int, username: str = "", password: str = "") -> Page:
    """The page of the registry on this port, by a scraper that uses this password if any."""
    connection = Connection(port)
    if username:
        pair = base64.b64encode(f"{username}:{password}".encode()).decode()
        connection.authorization = {"Authorization": f"Basic {pair}"}
    try:
        reply = connection.call("GET", "/metrics")
    finally:
        connection.close()
    assert reply.status == 200, reply.body
    return Page.read(reply.body)

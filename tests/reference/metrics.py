"""Every metric: from acrux/adapters/metrics/families.py."""

from acrux.adapters.metrics.families import FAMILIES, Family, Kind
from acrux.tally import BOUNDS
from tests.reference import markdown

SHOWN = {Kind.LATEST: "gauge"}


def render() -> str:
    """The page of the metrics."""
    return markdown.page(
        "Metrics",
        "`acrux/adapters/metrics/families.py`",
        markdown.prose(
            """What `GET /metrics` shows, as text of Prometheus or, if `Accept` names it, as
            OpenMetrics. [Metrics](../how-to/metrics.md) says how to scrape it. Counters begin at 0
            when the registry starts, and count what all its workers did, including those that have
            died. A page holds what the worker that answers has counted up to then, and what the
            others had counted half a second before. A worker that is killed loses what it counted
            in its last half second."""
        ),
        markdown.prose(
            """Labels take their values from closed sets: `route` is a path of
            [Endpoints](endpoints.md), `reason` one of [Audit reasons](audit-reasons.md), and no
            label names a repository, an account or an address."""
        ),
        markdown.table(("Metric", "Type", "Labels", "Meaning"), map(_row, FAMILIES.values())),
        markdown.prose(
            f"""The buckets of the histogram end at {", ".join(f"{bound:g}" for bound in BOUNDS)}
            seconds. A summary has no quantiles here: divide its `_sum` by its `_count`."""
        ),
    )


def _row(family: Family) -> tuple[str, ...]:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"`{family.name}`", SHOWN.get(family.kind, str(family.kind)), labels, family.meaning

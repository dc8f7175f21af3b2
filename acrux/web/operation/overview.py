"""The page of operation: health, requests, space, collection."""

from typing import Any, Final

from acrux.http.messages import Response
from acrux.web.calls import Call, Refused
from acrux.web.operation.charts import Chart, line
from acrux.web.operation.metrics import Metrics
from acrux.web.visits import Visit, redirect

PATH: Final = "/web/operation"
LARGEST: Final = "10"  # repositories that are shown
_MANAGEMENT: Final = "/management/v1"

# Metrics that are 0 while all is well, each with its sentence in the words of the page.
_ALARMS: Final = {
    "acrux_storage_writes_refused": "writes_refused",
    "acrux_database_errors_total": "database_errors",
    "acrux_store_errors_total": "store_errors",
    "acrux_task_failures_total": "task_failures",
    "acrux_audit_records_lost_total": "audit_lost",
    "acrux_log_lines_lost_total": "log_lost",
    "acrux_webhook_failing_seconds": "webhooks_failing",
}


async def show(visit: Visit) -> Response:
    """GET: all of it, of which /metrics may be elsewhere, or not for this visitor."""
    usage = await visit.get(f"{_MANAGEMENT}/usage", largest=LARGEST)
    repositories = usage["repositories"]
    largest = max((_bytes(one) for one in repositories), default=0) or 1
    metrics = await _metrics(visit)
    return visit.page(
        "operation/overview",
        health=await _health(visit),
        alarms=_alarms(metrics) if metrics else (),
        metrics=metrics,
        charts=await _charts(visit) if metrics else {},
        usage=usage,
        shares=[(one, _bytes(one), _bytes(one) / largest) for one in repositories],
        quotas=(await visit.get(f"{_MANAGEMENT}/quotas"))["value"],
        collection=await visit.get(f"{_MANAGEMENT}/gc"),
        done=visit.param("done"),
    )


async def collect(visit: Visit) -> Response:
    """POST: remove what is due."""
    await visit.change("POST", f"{_MANAGEMENT}/gc/run", b"{}")
    return redirect(f"{PATH}?done=collected")


def _bytes(usage: dict[str, Any]) -> int:
    content = usage["content"]
    return int(content["manifestBytes"] + content["blobBytes"])


async def _health(visit: Visit) -> str:
    # What a load balancer is told: empty if the registry is ready, otherwise why not.
    answer = await visit.look(Call("GET", "/readyz"))
    return str(answer.json().get("reason", ""))


async def _metrics(visit: Visit) -> Metrics | None:
    try:
        answer = await visit.send(Call("GET", "/metrics"))
    except Refused:
        return None
    return Metrics(answer.body.decode())


async def _charts(visit: Visit) -> dict[str, Chart | None]:
    rates = (await visit.get("/metrics/recent"))["value"]
    return {
        "per_second": line([one["requestsPerSecond"] for one in rates]),
        "failed_per_second": line([one["failuresPerSecond"] for one in rates]),
        "mean_milliseconds": line([one["meanSeconds"] * 1000 for one in rates]),
    }


def _alarms(metrics: Metrics) -> list[tuple[str, float]]:
    counted = ((word, metrics.total(name) or 0) for name, word in _ALARMS.items())
    return [(word, value) for word, value in counted if value]

"""Handlers of what carries out retention rules under /management/v1."""

from contextlib import aclosing

from acrux.http import paging, parsing, responses
from acrux.http.management.policies import shapes
from acrux.http.messages import Request, Response
from acrux.services.content.retention import Retention, Run


class RetentionRunManagement:
    """What `acrux retention run` does, over HTTP."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    async def preview(self, request: Request) -> Response:
        """GET: what a retention rule would remove now, up to one page of it."""
        most = paging.page(request).items
        found: list[shapes.RetentionVerdict] = []
        async with aclosing(self._retention.preview(parsing.name(request))) as steps:
            async for step in steps:
                found += [shapes.retention_verdict(step.repository, one) for one in step.verdicts]
                if len(found) > most:
                    break
        is_complete = len(found) <= most
        return responses.json(shapes.RetentionPreview(value=found[:most], is_complete=is_complete))

    async def show(self, _: Request) -> Response:
        """GET: when all rules were last carried out."""
        return responses.json(_shown(await self._retention.last_run()))

    async def start(self, _: Request) -> Response:
        """POST: have all rules carried out soon."""
        return responses.json(_shown(await self._retention.start()), 202)


def _shown(run: Run) -> shapes.RetentionRun:
    return shapes.RetentionRun(
        began_at=run.began_at,
        ended_at=run.ended_at,
        removed_tags=run.removed.tags,
        removed_manifests=run.removed.manifests,
    )

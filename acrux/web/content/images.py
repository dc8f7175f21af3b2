"""The page of an image, a chart, an index or any other artifact."""

import asyncio
from typing import Any

from acrux.http.messages import Response
from acrux.web.content import artifacts, asking, bills, layers, pulling, referrers
from acrux.web.content.artifacts import Artifact
from acrux.web.content.documents import configs, loose
from acrux.web.visits import Visit


async def show_image(visit: Visit) -> Response:
    """GET: what is known about a manifest."""
    name, reference = asking.repository(visit), asking.reference(visit)
    shows_secrets = visit.param("secrets") == "shown"
    artifact = await artifacts.find(visit, name, reference)
    is_image = artifact.kind == "image"
    configuration = configs.read(artifact.config, shows_secrets=shows_secrets) if is_image else None
    held, graph, documents, properties, actions = await asyncio.gather(
        layers.find(visit, artifact, configuration),
        referrers.find(visit, artifact),
        bills.documents(visit, artifact),
        properties_of(visit, artifact),
        asking.actions(visit, name),
    )
    return visit.page(
        "content/image",
        artifact=artifact,
        properties=properties,
        pulls=pulling.commands(visit.host, artifact),
        configuration=configuration,
        chart=configs.read_chart(artifact.config) if artifact.kind == "chart" else None,
        held=held,
        graph=graph,
        documents=documents,
        actions=actions,
        done=visit.param("done"),
    )


async def properties_of(visit: Visit, artifact: Artifact) -> dict[str, Any] | None:
    """What /acr/v1 says of the manifest, and of the tag; None if the visitor may not see it."""
    if not await asking.sees_properties(visit, artifact.repository):
        return None
    path = f"/acr/v1/{artifact.repository}"
    found = await asking.if_allowed(visit.get(f"{path}/_manifests/{artifact.digest}"))
    if found is None:
        return None
    shown = loose.mapping(found["manifest"])
    if artifact.is_tag:
        tag = await asking.if_allowed(visit.get(f"{path}/_tags/{artifact.reference}"))
        shown["tag"] = None if tag is None else tag["tag"]
    return shown

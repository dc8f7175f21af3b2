"""The page of an image, a chart, an index or any other artifact."""

import asyncio
import re
from typing import Any, Final

from acrux.domain.access.scope import METADATA_READ
from acrux.http.messages import Response
from acrux.web.content import artifacts, asking, bills, layers, pulling, referrers
from acrux.web.content.artifacts import Artifact
from acrux.web.content.documents import configs, loose
from acrux.web.visits import Visit

# What an index lists is a stranger's text, and becomes a part of a path.
_DIGEST: Final = re.compile("[a-z0-9+._-]{1,32}:[a-f0-9]{32,128}")
PLATFORMS: Final = 50  # of an index, whose sizes are shown
TAGS: Final = 20  # that are shown; an image may have thousands


async def show_image(visit: Visit) -> Response:
    """GET: what is known about a manifest."""
    async with visit.turn:
        return await _shown(visit)


async def _shown(visit: Visit) -> Response:
    name, reference = asking.repository(visit), asking.reference(visit)
    shows_secrets = visit.param("secrets") == "shown"
    artifact = await artifacts.find(visit, name, reference)
    is_image = artifact.kind == "image"
    configuration = configs.read(artifact.config, shows_secrets=shows_secrets) if is_image else None
    actions = await asking.actions(visit, name)
    knows = METADATA_READ in actions
    held, graph, documents, properties, platforms = await asyncio.gather(
        layers.find(visit, artifact, configuration, sees_properties=knows),
        referrers.find(visit, artifact, sees_properties=knows),
        bills.documents(visit, artifact),
        _properties(visit, artifact, sees_properties=knows),
        _platforms(visit, artifact, sees_properties=knows),
    )
    return visit.page(
        "content/image",
        artifact=artifact,
        properties=properties,
        tags=TAGS,
        pulls=pulling.commands(visit.origin, artifact),
        configuration=configuration,
        chart=configs.read_chart(artifact.config) if artifact.kind == "chart" else None,
        held=held,
        graph=graph,
        documents=documents,
        platforms=platforms,
        actions=actions,
        done=visit.param("done"),
    )


async def _platforms(
    visit: Visit, artifact: Artifact, *, sees_properties: bool
) -> dict[str, dict[str, Any]]:
    # The properties of the first images that an index lists, by digest: each is a call.
    listed = [one.digest for one in artifact.platforms[:PLATFORMS] if _DIGEST.fullmatch(one.digest)]
    if not sees_properties:
        return {}
    path = f"/acr/v1/{artifact.repository}/_manifests"
    calls = (asking.if_allowed(visit.get(f"{path}/{digest}", tags="0")) for digest in listed)
    found = await asyncio.gather(*calls)
    return {digest: one["manifest"] for digest, one in zip(listed, found, strict=True) if one}


async def _properties(
    visit: Visit, artifact: Artifact, *, sees_properties: bool
) -> dict[str, Any] | None:
    # What /acr/v1 says of the manifest, and of the tag.
    if not sees_properties:
        return None
    path = f"/acr/v1/{artifact.repository}"
    found = await asking.if_allowed(
        visit.get(f"{path}/_manifests/{artifact.digest}", tags=str(TAGS + 1))
    )
    if found is None:
        return None
    shown = loose.mapping(found["manifest"])
    if artifact.is_tag:
        tag = await asking.if_allowed(visit.get(f"{path}/_tags/{artifact.reference}"))
        shown["tag"] = None if tag is None else tag["tag"]
    return shown

"""Check pushes: an upload, its location, chunks, a manifest."""

import json
import secrets
from typing import Any, Final

import httpx2

from acrux.cli.doctor import answers, pulling
from acrux.cli.doctor.answers import Answer
from acrux.cli.doctor.visit import Artifact, Visit
from acrux.domain.access.scope import DELETE, PUSH
from acrux.domain.content.byte_sizes import written_bytes
from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import OCI_MANIFEST, OCTET_STREAM
from acrux.domain.server.findings import Ended, Finding, failed, ok, skipped, warning

# More in one request than nginx takes by default, which is 1 MiB.
FIRST_CHUNK: Final = 1024 * 1024 + 64 * 1024
SECOND_CHUNK: Final = 64 * 1024

# OCI image specification, manifest.md, "Guidance for an Empty Descriptor".
_EMPTY: Final = b"{}"
_EMPTY_TYPE: Final = "application/vnd.oci.empty.v1+json"
_ARTIFACT_TYPE: Final = "application/vnd.acrux.doctor.v1"


def upload(visit: Visit) -> Finding:
    """Whether an upload can be begun (OCI distribution specification, end-4)."""
    if visit.plan.read_only:
        raise skipped("--read-only")
    visit.require(PUSH)
    answer = _begin(visit)
    visit.begun = answer
    return ok(f"{visit.plan.repository} takes an upload: {answer.phrase}")


def location(visit: Visit) -> Finding:
    """Whether the upload's location leads back to the registry, and as it was called."""
    assert visit.begun is not None  # noqa: S101 -- the check `upload` is needed
    place = _location(visit, visit.begun)
    visit.location = place
    written = visit.begun.response.headers["Location"]
    if place.origin == visit.url.origin:
        return ok(f"a path on {visit.host}" if written.startswith("/") else f"a URL: {visit.host}")
    detail = f"uploads go to {answers.place(place)}, and not to {answers.place(visit.url)}"
    if (visit.url.scheme, place.scheme) == ("https", "http"):
        raise answers.unencrypted(detail)
    raise failed(
        detail,
        "let the proxy in front pass Host on with its port, and tell the registry its names "
        "(acrux: --login-server)",
    )


def chunks(visit: Visit) -> Finding:
    """Whether a layer of more than 1 MiB can be pushed in two chunks (end-5, end-6)."""
    assert visit.location is not None  # noqa: S101 -- the check `location` is needed
    content = secrets.token_bytes(FIRST_CHUNK + SECOND_CHUNK)
    try:
        place = _append(visit, visit.location, 0, content[:FIRST_CHUNK])
        place = _append(visit, place, FIRST_CHUNK, content[FIRST_CHUNK:])
        _close(visit, place, b"", Digest.of(content))
    except Ended:
        _cancel(visit, visit.location)
        raise
    visit.layer = content
    return ok(f"{written_bytes(len(content))} in two chunks")


def manifest(visit: Visit) -> Finding:
    """Whether a manifest can be pushed (end-7); with --read-only, whether there is one."""
    if visit.plan.read_only:
        return pulling.find(visit)
    if not visit.layer:
        raise skipped("needs the check 'chunks'")
    _close(visit, _location(visit, _begin(visit)), _EMPTY, Digest.of(_EMPTY))
    content = _manifest(visit.layer)
    named = f"{visit.plan.repository}:{visit.plan.tag}"
    answer = visit.call(
        "PUT",
        visit.within(f"manifests/{visit.plan.tag}"),
        headers={"Content-Type": OCI_MANIFEST},
        content=content,
    )
    if answer.status != 201:
        raise answers.refusal(answer, f"the manifest of {named} is not taken")
    visit.artifact = Artifact(visit.plan.tag, OCI_MANIFEST, content, Digest.of(visit.layer))
    return ok(f"pushed {named}")


def delete(visit: Visit) -> Finding:
    """Whether what was pushed can be deleted, and is gone then (end-9)."""
    if visit.plan.read_only:
        raise skipped("--read-only")
    assert visit.artifact is not None  # noqa: S101 -- the check `manifest` is needed
    left = f"{visit.plan.repository}:{visit.plan.tag} stays"
    try:
        visit.require(DELETE)
    except Ended as ended:
        return warning(f"{left}: {ended.finding.detail}", "delete it as somebody who may")
    place = visit.within(f"manifests/{visit.artifact.digest}")
    answer = visit.call("DELETE", place)
    if answer.status == 405:
        return warning(f"{left}: {answer.phrase}", "the registry does not delete, or not yet")
    if not answer.response.is_success:
        raise answers.refusal(answer, left)
    after = visit.call("HEAD", place, headers={"Accept": OCI_MANIFEST})
    if after.status != 404:
        raise failed(f"deleted, but afterwards HEAD is answered with {after.phrase}")
    if visit.plan.is_ours:
        _forget_repository(visit)
    return ok("deleted, and gone; its space is free once the registry has collected it")


def _begin(visit: Visit) -> Answer:
    answer = visit.call("POST", visit.within("blobs/uploads/"), content=b"")
    if answer.status != 202 or not answer.header("Location"):
        raise answers.refusal(answer, f"{visit.plan.repository} takes no upload")
    return answer


def _append(visit: Visit, place: httpx2.URL, offset: int, content: bytes) -> httpx2.URL:
    headers = {
        "Content-Type": OCTET_STREAM,
        "Content-Range": f"{offset}-{offset + len(content) - 1}",
    }
    answer = visit.call("PATCH", place, headers=headers, content=content)
    if answer.status != 202:
        size = written_bytes(len(content))
        raise answers.refusal(answer, f"a chunk of {size} is not taken")
    return _location(visit, answer)


def _close(visit: Visit, place: httpx2.URL, content: bytes, digest: Digest) -> None:
    answer = visit.call(
        "PUT",
        place.copy_merge_params({"digest": str(digest)}),
        headers={"Content-Type": OCTET_STREAM},
        content=content,
    )
    if answer.status != 201:
        raise answers.refusal(answer, "the end of the upload is not taken")


def _location(visit: Visit, answer: Answer) -> httpx2.URL:
    try:
        return visit.url.join(answer.response.headers["Location"])
    except (KeyError, ValueError, httpx2.InvalidURL):
        raise failed("the upload's Location is missing, or not a URL") from None


def _cancel(visit: Visit, place: httpx2.URL) -> None:
    """Give the upload up; a registry that cannot do that forgets it by itself."""
    try:
        visit.call("DELETE", place)
    except Ended:
        return


def _forget_repository(visit: Visit) -> None:
    """Delete the repository where ACR's API is offered; elsewhere it stays, empty."""
    visit.call("DELETE", visit.url.join(f"/acr/v1/{visit.plan.repository}"))


def _manifest(layer: bytes) -> bytes:
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": _ARTIFACT_TYPE,
            "config": _descriptor(_EMPTY_TYPE, _EMPTY),
            "layers": [_descriptor(OCTET_STREAM, layer)],
        }
    ).encode()


def _descriptor(media_type: str, content: bytes) -> dict[str, Any]:
    digest = str(Digest.of(content))
    return {"mediaType": media_type, "digest": digest, "size": len(content)}

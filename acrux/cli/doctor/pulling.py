"""Check pulls: by tag and digest, HEAD, and parts of a blob."""

import json
from dataclasses import replace
from typing import Any, Final

from acrux.cli.doctor import answers
from acrux.cli.doctor.answers import Answer
from acrux.cli.doctor.visit import Artifact, Visit
from acrux.client.errors import TokenRefused
from acrux.domain.access.scope import PULL
from acrux.domain.content.byte_sizes import written_bytes
from acrux.domain.content.digest import Digest
from acrux.domain.content.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.server.findings import Ended, Finding, failed, ok, skipped, warning
from acrux.errors import InvalidDigest, InvalidName, InvalidReference

_ACCEPT: Final = f"{OCI_MANIFEST}, {OCI_INDEX}, {DOCKER_MANIFEST}, {DOCKER_LIST}"
MAX_REPOSITORIES: Final = 20  # that are looked at for a tag
_PART: Final = 1  # the byte of a blob that is asked for; even `{}` has it


def find(visit: Visit) -> Finding:
    """The first tag of the repository, or if none is named the first that there is."""
    visit.require(PULL)
    tag = _tag_of_named(visit) if visit.plan.repository else _tag_of_any(visit)
    named = f"{visit.plan.repository}:{tag}"
    found = _get(visit, f"manifests/{tag}", f"the manifest of {named}")
    media_type = found.response.headers.get("Content-Type", OCI_MANIFEST)
    visit.artifact = Artifact(tag, media_type, found.content, _blob_of(found.content))
    return ok(f"found {named}")


def head(visit: Visit) -> Finding:
    """Whether HEAD says of a manifest what clients look for (end-3)."""
    wanted = _artifact(visit)
    answer = visit.call("HEAD", visit.within(f"manifests/{wanted.tag}"), headers=_accept(wanted))
    if answer.status != 200:
        raise answers.refusal(answer, "HEAD of the manifest")
    said = answer.header("Docker-Content-Digest")
    if said and said != str(_digest_like(said, wanted.manifest)):
        raise failed(f"HEAD names the digest {said}, which is not the manifest's")
    length = answer.header("Content-Length")
    missing = [
        name
        for name, is_right in (
            ("Docker-Content-Digest", bool(said)),
            ("Content-Length", length == str(len(wanted.manifest))),
            ("Content-Type", bool(answer.header("Content-Type"))),
        )
        if not is_right
    ]
    if missing:
        return warning(
            f"HEAD lacks {', '.join(missing)}, or has it wrong",
            "some clients need it: let the proxy in front leave headers and bodies as they are",
        )
    return ok("HEAD names the digest, the length and the type")


def pull(visit: Visit) -> Finding:
    """Whether manifest and blob come back as they are, by tag and by digest (end-2, end-3)."""
    wanted = _artifact(visit)
    for reference in (wanted.tag, str(wanted.digest)):
        found = _get(visit, f"manifests/{reference}", f"the manifest {reference}")
        if found.content != wanted.manifest:
            raise failed(
                f"the manifest {reference} came back with other bytes",
                "let the proxy in front leave bodies as they are",
            )
    if wanted.blob is None:
        return ok("the manifest is the same by tag and by digest")
    blob = _get(visit, f"blobs/{wanted.blob}", f"the blob {wanted.blob}")
    if Digest.of(blob.content, wanted.blob.algorithm) != wanted.blob:
        raise failed(
            f"the blob {wanted.blob} came back with other bytes",
            "let the proxy in front leave bodies as they are; look at the disk of the registry",
        )
    visit.blob = blob.content
    size = written_bytes(len(blob.content))
    return ok(f"the manifest by tag and by digest, and a blob of {size}, are the same")


def part(visit: Visit) -> Finding:
    """Whether a part of a blob can be had, so that a pull that broke off can go on (end-2)."""
    blob = _artifact(visit).blob
    if blob is None or len(visit.blob) <= _PART:
        raise skipped("there is no blob to read a part of")
    asked = {"Range": f"bytes={_PART}-{_PART}"}
    answer = visit.call("GET", visit.within(f"blobs/{blob}"), headers=asked)
    if answer.status == 200:
        raise skipped("it answers with the whole blob: pulls that broke off begin again")
    if answer.status != 206 or answer.content != visit.blob[_PART : _PART + 1]:
        raise answers.refusal(answer, "a part of the blob is not what was asked for")
    return ok("a part of a blob can be had")


def _get(visit: Visit, path: str, what: str) -> Answer:
    answer = visit.call("GET", visit.within(path), headers={"Accept": f"{_ACCEPT}, */*"})
    if answer.status != 200:
        raise answers.refusal(answer, what)
    return answer


def _artifact(visit: Visit) -> Artifact:
    assert visit.artifact is not None  # noqa: S101 -- the check `manifest` is needed
    return visit.artifact


def _accept(artifact: Artifact) -> dict[str, str]:
    return {"Accept": f"{artifact.media_type}, {_ACCEPT}"}


def _tag_of_named(visit: Visit) -> str:
    listed = _list_tags(visit)
    if listed.status != 200:
        raise answers.refusal(listed, f"the tags of {visit.plan.repository}")
    if tag := _first_tag(listed):
        return tag
    raise skipped("the repository has no tag")


def _tag_of_any(visit: Visit) -> str:
    """The first tag of the first repository that shows one, which the visit is then about."""
    try:
        return _search(visit)
    except Ended as ended:
        if not isinstance(ended.__cause__, TokenRefused):
            raise
        raise skipped(f"name one with --repository: {ended.finding.detail}") from None


def _search(visit: Visit) -> str:
    pages = {"n": str(MAX_REPOSITORIES)}
    listed = visit.call("GET", visit.url.join("/v2/_catalog").copy_merge_params(pages))
    if listed.status != 200:
        raise skipped(f"name one with --repository: the catalog is answered with {listed.phrase}")
    for name in _repositories(listed)[:MAX_REPOSITORIES]:
        visit.plan = replace(visit.plan, repository=name)
        answer = _list_tags(visit)
        if answer.status == 200 and (tag := _first_tag(answer)):
            return tag
    raise skipped("the catalog leads to no tag that may be pulled: name one with --repository")


def _repositories(listed: Answer) -> list[str]:
    names = _object(listed.content).get("repositories")
    try:
        return [RepositoryName.parse(str(name)).value for name in names or ()]
    except (InvalidName, TypeError):
        raise failed("the catalog lists a repository that is none") from None


def _list_tags(visit: Visit) -> Answer:
    return visit.call("GET", visit.within("tags/list").copy_merge_params({"n": "1"}))


def _first_tag(listed: Answer) -> str:
    """The first tag that is listed, empty if none is."""
    tags = _object(listed.content).get("tags")
    if not isinstance(tags, list) or not tags:
        return ""
    try:
        return Tag.parse(str(tags[0])).value
    except InvalidReference:
        raise failed("the repository lists a tag that is none") from None


def _blob_of(manifest: bytes) -> Digest | None:
    """The configuration of an image, which is small; None for an index."""
    config = _object(manifest).get("config")
    try:
        return Digest.parse(str(config["digest"])) if isinstance(config, dict) else None
    except (KeyError, InvalidDigest):
        return None


def _digest_like(said: str, content: bytes) -> Digest | None:
    """The digest of the content by the algorithm of the one that was said."""
    try:
        return Digest.of(content, Digest.parse(said).algorithm)
    except InvalidDigest:
        return None


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

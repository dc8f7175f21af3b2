"""Delete, lock and tag, each after a page that says what it does."""

from typing import Any, Final

import msgspec

from acrux.domain.content.names import Tag
from acrux.http.messages import Response
from acrux.web import seen, words
from acrux.web.calls import Call, Refused
from acrux.web.content import asking
from acrux.web.content.documents import loose
from acrux.web.visits import HOME, Visit, redirect

SWITCHES: Final = ("deleteEnabled", "writeEnabled", "listEnabled", "readEnabled")
_UNPROCESSABLE: Final = 422
_DIGEST: Final = "docker-content-digest"


class Target:
    """What is changed: a repository, a tag of it, or a manifest of it."""

    def __init__(self, visit: Visit) -> None:
        self.repository = asking.repository(visit)
        self.reference = asking.reference(visit) if "reference" in visit.request.params else ""

    @property
    def is_tag(self) -> bool:
        """Whether it is a tag: no tag has a colon."""
        return bool(self.reference) and ":" not in self.reference

    @property
    def kind(self) -> str:
        """What it is."""
        if not self.reference:
            return "repository"
        return "tag" if self.is_tag else "manifest"

    @property
    def address(self) -> str:
        """It as clients, and what-if, write it."""
        if not self.reference:
            return self.repository
        return f"{self.repository}{':' if self.is_tag else '@'}{self.reference}"

    @property
    def properties(self) -> str:
        """The path of its properties."""
        path = f"/acr/v1/{self.repository}"
        if not self.reference:
            return path
        return f"{path}/{'_tags' if self.is_tag else '_manifests'}/{self.reference}"

    @property
    def deletion(self) -> str:
        """The path that a DELETE takes it away at: of a tag, its manifest stays."""
        if self.reference and not self.is_tag:
            return f"/v2/{self.repository}/manifests/{self.reference}"
        return self.properties

    @property
    def page(self) -> str:
        """Its own page."""
        path = f"/web/repositories/{words.path(self.repository)}"
        return f"{path}/-/manifests/{self.reference}" if self.reference else path

    @property
    def parent(self) -> str:
        """The page where it is listed."""
        return f"/web/repositories/{words.path(self.repository)}" if self.reference else HOME

    def shown(self, answer: Any) -> dict[str, Any]:
        """Its properties in the API's answer."""
        key = "tag" if self.is_tag else "manifest"
        return loose.mapping(answer[key] if self.reference else answer)


async def ask_deletion(visit: Visit) -> Response:
    """GET: what a deletion would take away, and free."""
    return await _deletion(visit, Target(visit))


async def delete(visit: Visit) -> Response:
    """POST: delete it. Of a repository, the form repeats the name."""
    target, form = Target(visit), await visit.form()
    if not target.reference and form.get("name") != target.repository:
        return await _deletion(visit, target, _UNPROCESSABLE)
    if not seen.is_current(form, _mark(await _shown(visit, target))):
        return await _deletion(visit, target, seen.CHANGED)
    await visit.change("DELETE", target.deletion)
    return redirect(f"{target.parent}?done=deleted")


async def _deletion(visit: Visit, target: Target, status: int = 200) -> Response:
    await asking.check_visible(visit, target.repository)
    shown = await _shown(visit, target)
    return visit.page(
        "content/delete",
        status,
        target=target,
        shown=shown,
        seen=_mark(shown),
        is_stale=status == seen.CHANGED,
        freed=await _freed(visit, target),
        is_misspelt=status == _UNPROCESSABLE,
    )


def _mark(shown: dict[str, Any]) -> str:
    # Whom a tag was moved or a manifest was tagged for, would lose it unnoticed.
    return seen.mark(*(shown.get(name) for name in ("digest", "tags", "tagCount", "manifestCount")))


async def _shown(visit: Visit, target: Target) -> dict[str, Any]:
    # To delete, nobody needs to see properties. But what is not there cannot be deleted.
    if not await asking.sees_properties(visit, target.repository):
        return {}
    return target.shown(await visit.get(target.properties))


async def _freed(visit: Visit, target: Target) -> dict[str, Any] | None:
    # What it would free is a help: without it, because the visitor may not know or because it is
    # not counted yet, the deletion is as good.
    if not visit.visitor.sees_management:
        return None
    try:
        found: dict[str, Any] = await visit.get("/management/v1/gc/whatIf", delete=target.address)
    except Refused:
        return None
    return found


async def ask_lock(visit: Visit) -> Response:
    """GET: the four switches."""
    target = Target(visit)
    return _locking(visit, target, await _switches(visit, target))


async def lock(visit: Visit) -> Response:
    """POST: set the switches. One that is not in the form is off."""
    target, form = Target(visit), await visit.form()
    switches = await _switches(visit, target)
    if not seen.is_current(form, seen.mark(switches)):
        return _locking(visit, target, switches, seen.CHANGED)
    change = {name: name in form for name in SWITCHES}
    await visit.change("PATCH", target.properties, msgspec.json.encode(change))
    return redirect(f"{target.page}?done=locked")


async def _switches(visit: Visit, target: Target) -> dict[str, bool]:
    shown = target.shown(await visit.get(target.properties))
    return {name: shown["changeableAttributes"][name] for name in SWITCHES}


def _locking(
    visit: Visit, target: Target, switches: dict[str, bool], status: int = 200
) -> Response:
    return visit.page(
        "content/lock",
        status,
        target=target,
        switches=switches,
        seen=seen.mark(switches),
        is_stale=status == seen.CHANGED,
    )


async def ask_retag(visit: Visit) -> Response:
    """GET: under which tag, and if it is given, what that points to now."""
    target, text = Target(visit), visit.param("tag").strip()
    await asking.check_visible(visit, target.repository)
    if not text:
        return visit.page("content/retag", target=target, tag="")
    return await _retagging(visit, target, Tag.parse(text))


async def retag(visit: Visit) -> Response:
    """POST: push the manifest again, under another tag."""
    target, form = Target(visit), await visit.form()
    tag = Tag.parse(form.get("tag", "").strip())
    path = f"/v2/{target.repository}/manifests"
    manifest = await visit.send(Call("GET", f"{path}/{target.reference}"))
    now = seen.mark(manifest.headers[_DIGEST], await _digest(visit, target, str(tag)))
    if not seen.is_current(form, now):
        return await _retagging(visit, target, tag, seen.CHANGED)
    media_type = manifest.headers["content-type"]
    await visit.send(Call("PUT", f"{path}/{tag}", body=manifest.body, content_type=media_type))
    return redirect(f"{target.parent}/-/manifests/{tag}?done=tagged")


async def _retagging(visit: Visit, target: Target, tag: Tag, status: int = 200) -> Response:
    former = await _digest(visit, target, str(tag))
    return visit.page(
        "content/retag",
        status,
        target=target,
        tag=str(tag),
        former=former,
        seen=seen.mark(await _digest(visit, target, target.reference), former),
        is_stale=status == seen.CHANGED,
    )


async def _digest(visit: Visit, target: Target, reference: str) -> str:
    # What it points to; empty if it is not there, or not for this visitor.
    call = Call("GET", f"/v2/{target.repository}/manifests/{reference}")
    found = await asking.if_allowed(visit.send(call))
    return "" if found is None else found.headers[_DIGEST]

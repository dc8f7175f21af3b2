"""The pages of one kind of thing: all, one, create, change, delete."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import msgspec

from acrux.domain.content.page import MAX_ITEMS
from acrux.errors import InvalidRequest
from acrux.http import parsing
from acrux.http.messages import Response
from acrux.web import seen
from acrux.web.access import nouns
from acrux.web.access.nouns import Noun
from acrux.web.calls import Refused
from acrux.web.listings import part
from acrux.web.seen import CHANGED
from acrux.web.visits import Visit, redirect

# With what the visitor typed kept, and what was wrong said above it.
MENDABLE: Final = frozenset({400, 409, CHANGED, 413})


@dataclass(frozen=True, slots=True)
class Managing:
    """The pages of this kind of thing."""

    noun: Noun

    async def list(self, visit: Visit) -> Response:
        """GET: they by name, from `last` on, and the form that creates one."""
        return await self.listed(visit)

    async def listed(
        self, visit: Visit, form: Mapping[str, str] | None = None, refused: Refused | None = None
    ) -> Response:
        """The page of all, with the form as it was filled in, and why that was refused."""
        found, last = await part(visit, self.noun.api, {"last": visit.param("last")})
        return visit.page(
            "access/list",
            refused.status if refused else 200,
            noun=self.noun,
            found=found["value"],
            last=last,
            form=form or {},
            failure=refused.message if refused else "",
            is_refused=refused is not None,
            scope_maps=await self._scope_maps(visit),
            done=visit.param("done"),
        )

    async def create(self, visit: Visit) -> Response:
        """POST: create one, and show it."""
        form = await visit.form()
        if form.get("do") == "edit":  # another page suggests what to fill in
            return await self.listed(visit, form)
        wanted = nouns.body(self.noun.creation, form)
        try:
            await visit.change("POST", self.noun.api, msgspec.json.encode(wanted))
        except Refused as refused:
            if refused.status not in MENDABLE:
                raise
            return await self.listed(visit, form, refused)
        return redirect(f"{self._page(form.get('name', ''))}?done=created")

    async def show(self, visit: Visit) -> Response:
        """GET: one of them, and the forms that change it."""
        return await self.shown(visit, await visit.get(self._api(visit)), {})

    async def shown(
        self,
        visit: Visit,
        one: Mapping[str, Any],
        form: Mapping[str, str],
        refused: Refused | None = None,
    ) -> Response:
        """The page of one, with the form as it was filled in, and why that was refused."""
        return visit.page(
            f"access/{self.noun.template}",
            refused.status if refused else 200,
            noun=self.noun,
            one=one,
            form={**nouns.filled(self.noun.change, one), **form},
            suggested=bool(form) and refused is None,
            etag=form.get("etag") or self._etag(one),
            failure=refused.message if refused else "",
            is_stale=refused is not None and refused.status == CHANGED,
            scope_maps=await self._scope_maps(visit),
            done=visit.param("done"),
        )

    async def change(self, visit: Visit) -> Response:
        """POST: change or delete one, or what its verbs say. The field `do` says which."""
        form = await visit.form()
        wanted = form.get("do", "")
        if wanted == "delete":
            await visit.change("DELETE", self._api(visit))
            return redirect(f"{self.noun.home}?done=deleted")
        if wanted == "edit":  # another page suggests what to fill in
            return await self.shown(visit, await visit.get(self._api(visit)), self._kept(form))
        if wanted == "renew":
            return await self._renew(visit, form)
        try:
            await self._do(visit, wanted, form)
        except Refused as refused:
            if refused.status not in MENDABLE:
                raise
            one = await visit.get(self._api(visit))
            kept = self._kept(form)
            if refused.status == CHANGED:
                kept["etag"] = self._etag(one)  # whoever saves again has seen both
            return await self.shown(visit, one, kept, refused)
        return redirect(f"{self._page(parsing.name(visit.request))}?done={wanted}")

    async def _do(self, visit: Visit, wanted: str, form: Mapping[str, str]) -> None:
        verbs = {verb.name: verb.path for verb in self.noun.verbs}
        if wanted in verbs:
            await visit.change("POST", f"{self._api(visit)}{verbs[wanted]}")
        elif wanted == "password":
            await self._set_password(visit, form)
        elif wanted == "change":
            await self._change(visit, form)
        else:
            raise InvalidRequest("the form does not say what to do")

    def _kept(self, form: Mapping[str, str]) -> dict[str, str]:
        fields = (*(field.name for field in self.noun.change), "etag")
        return {name: form[name] for name in fields if name in form}

    async def _change(self, visit: Visit, form: Mapping[str, str]) -> None:
        wanted = nouns.body(self.noun.change, form)
        if "description" in form:
            wanted["description"] = form["description"]
        if wanted.get(nouns.SCOPE_MAP) and not wanted.get("actions"):
            wanted.pop("actions", None)  # a trust has either the one or the others
        if form.get("etag"):
            await self._check(visit, form["etag"], wanted)
        await visit.change("PATCH", self._api(visit), msgspec.json.encode(wanted))

    async def _check(self, visit: Visit, etag: str, wanted: dict[str, Any]) -> None:
        one = await visit.get(self._api(visit))
        if "etag" in one:  # the API checks it, in the transaction of the change
            wanted["etag"] = etag
        elif self._etag(one) != etag:
            raise Refused(CHANGED, "", "somebody else has changed it")

    def _etag(self, one: Mapping[str, Any]) -> str:
        own = seen.mark(*(one.get(field.name) for field in self.noun.change))
        return str(one.get("etag", own))

    async def _set_password(self, visit: Visit, form: Mapping[str, str]) -> None:
        wanted = msgspec.json.encode({"password": form.get("password", "")})
        await visit.change("POST", f"{self._api(visit)}/setPassword", wanted)

    async def _renew(self, visit: Visit, form: Mapping[str, str]) -> Response:
        wanted = msgspec.json.encode({"name": form.get("password", "")})
        answer = await visit.change("POST", f"{self._api(visit)}/generateCredentials", wanted)
        return with_passwords(visit, answer.json())

    async def _scope_maps(self, visit: Visit) -> tuple[str, ...]:
        # For the list that a field suggests. It may name one that is beyond it.
        if self.noun is nouns.SCOPE_MAPS:
            return ()
        found = await visit.get(nouns.SCOPE_MAPS.api, n=str(MAX_ITEMS))
        return tuple(one["name"] for one in found["value"])

    def _api(self, visit: Visit) -> str:
        return f"{self.noun.api}/{parsing.name(visit.request)}"

    def _page(self, name: str) -> str:
        return f"{self.noun.home}/{quote(name, safe='')}"


def with_passwords(visit: Visit, credentials: Mapping[str, Any]) -> Response:
    """New passwords, which are shown once, and how to log in with them."""
    username = credentials["username"]
    passwords = [one for one in credentials["passwords"] if "value" in one]
    logins = [
        f"echo {shlex.quote(one['value'])} | docker login {shlex.quote(visit.host)} "
        f"-u {shlex.quote(username)} --password-stdin"
        for one in passwords[:1]
    ]
    return visit.page("access/passwords", username=username, passwords=passwords, logins=logins)

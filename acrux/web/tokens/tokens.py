"""The page that shows a token, and the one that gets one step by step."""

import shlex
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from acrux.domain.access.reason import PROVEN, Reason
from acrux.http.access.identity import Identity
from acrux.http.access.origin import Origins
from acrux.http.messages import Response
from acrux.http.parsing import MAX_NAME_CHARACTERS
from acrux.web.calls import Call
from acrux.web.tokens.decoding import decode
from acrux.web.visits import Visit

ACTIONS: Final = ("pull", "push", "delete", "metadata_read", "metadata_write")

# Reasons that are found only after the signature was found to be good.
_SIGNED: Final = PROVEN | {"", Reason.OTHER_KIND}


class TokenPages:
    """Shows tokens. They are checked in this process, kept nowhere, and not recorded."""

    def __init__(self, identity: Identity, origins: Origins, clock: Callable[[], datetime]) -> None:
        self._identity = identity
        self._origins = origins
        self._clock = clock

    async def ask(self, visit: Visit) -> Response:
        """GET: the form for a token. A link cannot carry one: addresses are logged."""
        return visit.page("tokens/token", shown=None, is_wrong=False)

    async def show(self, visit: Visit) -> Response:
        """POST: what the token says, and whether this registry accepts it now."""
        text = (await visit.form()).get("token", "").strip().removeprefix("Bearer ").strip()
        shown = await self._shown(text)
        status = 400 if shown is None else 200
        return visit.page("tokens/token", status, shown=shown, is_wrong=shown is None)

    async def explain(self, visit: Visit) -> Response:
        """GET: the three steps to a token, and the form that takes them."""
        return visit.page("tokens/steps", **self._steps(visit, {}), shown=None, token="")

    async def get(self, visit: Visit) -> Response:
        """POST: get a token for the visitor, and show it after the three steps."""
        form = await visit.form()
        steps = self._steps(visit, form)
        query = {"service": steps["host"], "scope": steps["scope"]}
        answer = (await visit.send(Call("GET", "/oauth2/token", query))).json()
        token = answer["access_token"]
        return visit.page("tokens/steps", **steps, shown=await self._shown(token), token=token)

    def _steps(self, visit: Visit, form: dict[str, str]) -> dict[str, Any]:
        origin = self._origins.of(visit.request)
        repository = form.get("repository", "").strip()[:MAX_NAME_CHARACTERS] or "hello-world"
        wanted = [action for action in ACTIONS if action in form] or ["pull"]
        scope = f"repository:{repository}:{','.join(wanted)}"
        root = f"{origin.scheme}://{origin.login_server}"
        manifest = f"{root}/v2/{quote(repository)}/manifests/latest"
        realm, service = f"{root}/oauth2/token", origin.login_server
        asked = f"{realm}?service={quote(service)}&scope={quote(scope)}"
        name = visit.visitor.name or "USER"
        return {
            "repository": repository,
            "wanted": wanted,
            "actions": ACTIONS,
            "scope": scope,
            "host": service,
            "challenge": f'Bearer realm="{realm}",service="{service}",scope="{scope}"',
            "lines": (
                f"curl -i {shlex.quote(manifest)}",
                f"curl -u {shlex.quote(f'{name}:PASSWORD')} {shlex.quote(asked)}",
                f'curl -H "Authorization: Bearer TOKEN" {shlex.quote(manifest)}',
            ),
        }

    async def _shown(self, text: str) -> dict[str, Any] | None:
        decoded = decode(text)
        if decoded is None:
            return None
        reason = await self._identity.standing(text)
        return {
            "token": decoded,
            "now": self._clock(),
            "is_signed": reason in _SIGNED,
            "is_ours": reason in _SIGNED or reason == Reason.ALTERED,
            "reason": reason,
        }

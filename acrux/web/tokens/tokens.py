"""The page that shows a token, and the one that gets one step by step."""

import shlex
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from acrux.domain.access.reason import PROVEN, Reason
from acrux.domain.content.names import MAX_NAME_CHARACTERS
from acrux.http.access.identity import Identity
from acrux.http.messages import Response
from acrux.web.calls import Call
from acrux.web.tokens.decoding import decode
from acrux.web.visits import Visit

ACTIONS: Final = ("pull", "push", "delete", "metadata_read", "metadata_write")

# Reasons that are found only after the signature was found to be good.
_SIGNED: Final = PROVEN | {"", Reason.OTHER_KIND}


class TokenPages:
    """Shows tokens. They are checked in this process, kept nowhere, and not recorded."""

    def __init__(self, identity: Identity, clock: Callable[[], datetime]) -> None:
        self._identity = identity
        self._clock = clock

    async def ask(self, visit: Visit) -> Response:
        """GET: the form for a token. A link cannot carry one: addresses are logged."""
        return self._asked(visit, None)

    async def show(self, visit: Visit) -> Response:
        """POST: what the token says, and whether this registry accepts it now."""
        text = (await visit.form()).get("token", "").strip().removeprefix("Bearer ").strip()
        shown = await self._shown(text)
        return self._asked(visit, shown, 200 if shown else 400)

    async def explain(self, visit: Visit) -> Response:
        """GET: the three steps to a token, and the form that takes them."""
        return visit.page("tokens/steps", **self._steps(visit, {}), shown=None, token="", denied=())

    async def get(self, visit: Visit) -> Response:
        """POST: get a token for the visitor, and show it after the three steps."""
        form = await visit.form()
        steps = self._steps(visit, form)
        query = {"service": steps["host"], "scope": steps["scope"]}
        answer = (await visit.send(Call("GET", "/oauth2/token", query))).json()
        token = answer["access_token"]
        shown = await self._shown(token)
        rights = shown["token"].rights if shown else ()
        held = {action for right in rights for action in right.actions}
        denied = [action for action in steps["wanted"] if action not in held]
        return visit.page("tokens/steps", **steps, shown=shown, token=token, denied=denied)

    def _asked(self, visit: Visit, shown: dict[str, Any] | None, status: int = 200) -> Response:
        keys = shlex.quote(f"{_root(visit)}/.well-known/jwks.json")
        offline = (f"curl -o keys.json {keys}", "acrux auth inspect --jwks keys.json")
        is_wrong = status != 200
        return visit.page("tokens/token", status, shown=shown, is_wrong=is_wrong, offline=offline)

    def _steps(self, visit: Visit, form: dict[str, str]) -> dict[str, Any]:
        named = form.get("repository", "").strip()[:MAX_NAME_CHARACTERS] or "hello-world"
        repository, _, tag = named.partition(":")
        wanted = [action for action in ACTIONS if action in form] or ["pull"]
        scope = f"repository:{repository}:{','.join(wanted)}"
        root, service = _root(visit), visit.host
        manifest = f"{root}/v2/{quote(repository)}/manifests/{quote(tag or 'latest', safe='')}"
        realm, first_scope = f"{root}/oauth2/token", f"repository:{repository}:pull"
        asked = f"{realm}?service={quote(service)}&scope={quote(scope)}"
        name = visit.visitor.name or "USER"
        return {
            "repository": named,
            "wanted": wanted,
            "actions": ACTIONS,
            "scope": scope,
            "host": service,
            "challenge": f'Bearer realm="{realm}",service="{service}",scope="{first_scope}"',
            "lines": (
                f"curl -i {shlex.quote(manifest)}",
                f"curl -u {shlex.quote(name)} {shlex.quote(asked)}",
                f'curl -H "Authorization: Bearer $acr_access_token" {shlex.quote(manifest)}',
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


def _root(visit: Visit) -> str:
    return f"{visit.origin.scheme}://{visit.host}"

"""The two ways to ask for a token: GET with Basic, and POST with a form."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.http.caller import HOST, Answer, Caller

FORM = "application/x-www-form-urlencoded"

Ask = Callable[..., Awaitable[Answer]]
"""Called with a caller, scopes, and the keywords `service` or `offline`."""


async def post(caller: Caller, path: str = "/oauth2/token", **fields: Any) -> Answer:
    """Send a form."""
    return await caller.call(
        "POST",
        path,
        headers={"Content-Type": FORM},
        body=urlencode({"service": HOST, **fields}, doseq=True).encode(),
    )


async def by_get(
    caller: Caller, *scopes: str, service: str = HOST, offline: bool = False
) -> Answer:
    """Ask as docker does; without a credential if the caller has no name and no password."""
    return await caller.call(
        "GET",
        "/oauth2/token",
        query={
            "service": service,
            "scope": list(scopes),
            **({"offline_token": "true"} if offline else {}),
        },
        headers={"Authorization": caller.basic} if caller.username or caller.password else {},
    )


async def by_post(
    caller: Caller, *scopes: str, service: str = HOST, offline: bool = False
) -> Answer:
    """Ask as containerd does; without a user name, as Azure's SDKs do for anonymous."""
    named = {"username": caller.username, "password": caller.password}
    return await post(
        caller,
        grant_type="password",
        service=service,
        scope=list(scopes),
        **(named if caller.username or caller.password else {}),
        **({"access_type": "offline"} if offline else {}),
    )


both_ways = pytest.mark.parametrize("ask", [by_get, by_post])

"""Tokens that anybody may paste."""

import base64

import pytest

from acrux.bootstrap.application import Registry
from tests.web.http.visitor import Visitor


def _token(claims: bytes) -> str:
    parts = (b'{"alg":"none"}', claims)
    return ".".join([*(base64.urlsafe_b64encode(one).decode().rstrip("=") for one in parts), "x"])


@pytest.mark.parametrize(
    "claims",
    [
        b"{%s}" % b",".join(b'"a%d":%s%s' % (n, b"[" * 500, b"]" * 500) for n in range(22)),
        b'{"a":%s%s%s}' % (b"[" * 600, b",".join([b"1"] * 10_000), b"]" * 600),
        b'{"access":[{"type":%s%s,"actions":[%s%s]}]}' % ((b"[" * 450, b"]" * 450) * 2),
        b'{"access":[%s]}' % b",".join([b"{}"] * 8_000),
        b'{"a":"%s"}' % (b"<" * 20_000),
    ],
)
async def test_a_page_of_a_token_is_not_much_longer_than_the_token(
    registry: Registry, claims: bytes
) -> None:
    """Nobody has to log in to paste 32 KiB, which became 12 MB of indented lists."""
    shown = await Visitor(registry).post("/web/tokens", {"token": _token(claims)})

    assert shown.status == 200
    assert len(shown.body) < 1024 * 1024


async def test_a_name_that_no_repository_has_is_cut(registry: Registry, admin: object) -> None:
    """It stands on the page ten times."""
    del admin
    await registry.services.accounts.let_anonymous("_repositories_pull")

    shown = await Visitor(registry).post("/web/tokens/new", {"repository": "a" * 200_000})

    assert shown.status == 200
    assert len(shown.body) < 64 * 1024

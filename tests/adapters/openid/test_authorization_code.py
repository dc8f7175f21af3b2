"""How much strangers can make of the login with an issuer."""

import asyncio

import pytest

from acrux.adapters.openid.authorization_code import AT_ONCE, AuthorizationCode
from acrux.errors import IssuerUnavailable, TooManyRequests


async def test_only_so_many_logins_wait_for_an_issuer_at_once() -> None:
    """Nobody has to log in for it: strangers would take all memory, or flood the issuer."""
    asked, ending = asyncio.Semaphore(0), asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.release()
        await ending.wait()
        writer.close()

    code = AuthorizationCode("")
    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        issuer = f"http://127.0.0.1:{port}"

        def call() -> asyncio.Task[str]:
            return asyncio.create_task(code.token(issuer, "client", "back", "code", "verifier"))

        waiting = [call() for _ in range(AT_ONCE)]
        for _ in waiting:
            await asked.acquire()

        with pytest.raises(TooManyRequests):
            await call()
        ending.set()
        for one in waiting:
            with pytest.raises(IssuerUnavailable):
                await one
        with pytest.raises(IssuerUnavailable):  # and not TooManyRequests
            await call()

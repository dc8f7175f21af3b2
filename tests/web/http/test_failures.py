"""Faults of ours."""

from dataclasses import replace

from acrux.bootstrap.application import Registry
from acrux.http.messages import Request, Response
from tests.http.caller import Caller
from tests.http.conftest import Lines


async def test_a_fault_of_ours_is_a_page_too_and_is_logged(
    registry: Registry, log: Lines, admin: Caller
) -> None:
    """People should know that it was not they who did something wrong, and the operator why."""

    async def fails(_: Request) -> Response:
        raise ZeroDivisionError

    (row,) = (row for row in registry.pages if row.path == "/web/")
    row.methods["GET"] = replace(row.methods["GET"], handler=fails)  # type: ignore[index]

    answer = await admin.call("GET", "/web/")

    assert answer.status == 500
    assert b"<h1>Something failed here</h1>" in answer.body
    assert answer.header("Content-Security-Policy")
    assert [line for line in log.lines if line["event"] != "request"] != []


async def test_a_refusal_tells_when_to_try_again(registry: Registry, admin: Caller) -> None:
    """Browsers and proxies obey Retry-After and Allow on a page as on an answer of the API."""
    answer = await admin.call("DELETE", "/web/login")

    assert (answer.status, answer.header("Allow")) == (405, "GET, HEAD, POST")
    assert b"<h1>This cannot be done here</h1>" in answer.body

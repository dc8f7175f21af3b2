"""Reads pages as a browser would: what they say, and what they lead to."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from acrux.bootstrap.application import Registry
from acrux.http.messages import Request
from acrux.web.calls import Answer as Answered
from acrux.web.calls import Call, Calls
from acrux.web.calls import Visitor as Asking
from tests.http.caller import Answer, Caller
from tests.web.http.visitor import Visitor as Browser

# What HTML closes by itself.
VOID = {"meta", "link", "input", "br", "hr", "img", "wbr"}


@dataclass
class Shown:
    """A page that was shown."""

    answer: Answer
    text: str = ""
    links: list[dict[str, str]] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.answer.status

    @property
    def html(self) -> str:
        """The page as it was sent."""
        return self.answer.body.decode()

    def hrefs(self, containing: str = "") -> list[str]:
        """Where the links of the page lead."""
        return [one["href"] for one in self.links if containing in one.get("href", "")]


class _Reader(HTMLParser):
    def __init__(self, shown: Shown) -> None:
        super().__init__()
        self._shown = shown
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._shown.elements.append((tag, given))
        if tag == "a":
            self._shown.links.append(given)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._shown.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self._shown.text += data


@dataclass
class Visitor:
    """Somebody in front of a browser that runs no scripts."""

    browser: Browser

    async def get(self, path: str) -> Shown:
        """Open a page."""
        return _read(await self.browser.get(_decoded(path)))

    async def send(self, path: str, **form: str) -> Shown:
        """Send a form."""
        return _read(await self.browser.post(_decoded(path), form))


def _decoded(path: str) -> str:
    # As a server gives it to an application; the query stays as it is.
    path, mark, query = path.partition("?")
    return f"{unquote(path)}{mark}{query}"


def _read(answer: Answer) -> Shown:
    shown = Shown(answer)
    reader = _Reader(shown)
    reader.feed(answer.body.decode())
    reader.close()
    return shown


async def visitor(caller: Caller) -> Visitor:
    """The account of a caller in front of a browser."""
    return Visitor(Browser(caller.registry, await caller.refresh_token()))


async def account(registry: Registry, name: str, *permissions: str) -> Visitor:
    """A new account with these permissions in front of a browser."""
    await registry.services.scope_maps.create(f"{name}-map", permissions)
    created = await registry.services.accounts.create(name, f"{name}-map")
    password = created.passwords[0].value
    assert password is not None
    return await visitor(Caller(registry, name, password.reveal()))


def watched_calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """The calls of the API that pages make from now on."""
    asked: list[Call] = []
    send = Calls.send

    async def watched(self: Calls, page: Request, by: Asking, call: Call, limit: int) -> Answered:
        asked.append(call)
        return await send(self, page, by, call, limit)

    monkeypatch.setattr(Calls, "send", watched)
    return asked

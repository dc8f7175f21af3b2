"""A visitor's requests, as a browser sends them."""

import html
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from acrux.bootstrap.application import Registry
from acrux.web.sessions import COOKIE
from tests.http.caller import HOST, PEER, Answer, Caller

FORM = "application/x-www-form-urlencoded"


@dataclass
class Visitor:
    """A browser with a session, or with none."""

    registry: Registry
    session: str = ""
    peer: str = PEER
    scheme: str = "http"

    async def get(self, path: str, **headers: str) -> Answer:
        """Open a page."""
        return await self._call("GET", path, {}, headers)

    async def post(self, path: str, form: dict[str, str], **headers: str) -> Answer:
        """Send a form from a page of this registry, unless the headers say otherwise."""
        own = {"Origin": f"http://{HOST}", "Sec_Fetch_Site": "same-origin"}
        return await self._call("POST", path, form, own | headers)

    async def log_in(self, username: str, password: str) -> Answer:
        """Send the form of the login, and keep the session that it begins."""
        answer = await self.post("/web/login", {"username": username, "password": password})
        if cookies := answer.every("Set-Cookie"):
            self.session = cookies[0].partition(";")[0].removeprefix(f"{COOKIE}=")
        return answer

    async def _call(
        self, method: str, path: str, form: dict[str, str], headers: dict[str, str]
    ) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items() if value}
        if self.session:
            named.setdefault("Cookie", f"{COOKIE}={self.session}")
        if method == "POST":
            named.setdefault("Content-Type", FORM)
        return await Caller(self.registry, "", "").call(
            method, path, headers=named, body=urlencode(form).encode(), scheme=self.scheme,
            peer=self.peer,
        )  # fmt: skip


def heading(answer: Answer) -> str:
    """The first heading of a page."""
    (text,) = re.findall(r"<h1[^>]*>(.*?)</h1>", answer.body.decode(), re.DOTALL)
    return html.unescape(text)


def asks_to_log_in(answer: Answer) -> bool:
    """Whether the answer leads to the login."""
    return answer.status == 303 and (answer.header("Location") or "").startswith("/web/login?")

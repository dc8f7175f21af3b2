"""The pages that begin and end a session."""

import re
from typing import Final
from urllib.parse import urlencode

from acrux.domain.access.credential import Secret
from acrux.http.access.origin import Origins
from acrux.http.messages import Response
from acrux.web import sessions
from acrux.web.calls import FORM, Call, Refused
from acrux.web.visits import HOME, LOGIN, Visit, redirect, with_session

# A page of ours, and never another host: //host is one to a browser, and /\host too.
_OWN_PAGE: Final = re.compile(r"/web/[!-\[\]-~]*")


class LoginPages:
    """Login with any account or user, as `docker login` does it."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    async def ask(self, visit: Visit) -> Response:
        """GET: the form. With `begun`, first see whether the session has arrived.

        A browser keeps no session that came by http, unless from its own machine: without this
        look, whoever logs in would be asked to log in again, and never learn why.
        """
        following, begun = _next(visit.param("next")), visit.param("begun") == "yes"
        if begun and not visit.visitor.is_anonymous:
            return redirect(following)
        response = visit.page("login", next=following, username="", failure="", is_lost=begun)
        if visit.visitor.has_ended:
            sessions.end(response)
        return response

    async def begin(self, visit: Visit) -> Response:
        """POST: check the name and the password, begin a session, and go on."""
        form = await visit.form()
        username, following = form.get("username", ""), _next(form.get("next", ""))
        try:
            session = await self._session(visit, username, form.get("password", ""))
        except Refused as refused:
            values = {"next": following, "username": username, "failure": refused.message}
            return visit.page("login", refused.status, is_lost=False, **values)
        arrival = urlencode({"begun": "yes", "next": following})
        return with_session(redirect(f"{LOGIN}?{arrival}"), session)

    async def end(self, visit: Visit) -> Response:
        """POST: end the session."""
        response = redirect(LOGIN if visit.visitor.is_anonymous else HOME)
        sessions.end(response)
        return response

    async def _session(self, visit: Visit, username: str, password: str) -> Secret:
        form = {
            "grant_type": "password",
            "service": self._origins.of(visit.request).login_server,
            "access_type": "offline",
            "username": username,
            "password": password,
        }
        call = Call("POST", "/oauth2/token", body=urlencode(form).encode(), content_type=FORM)
        return Secret((await visit.send(call)).json()["refresh_token"])


def _next(wanted: str) -> str:
    return wanted if _OWN_PAGE.fullmatch(wanted) else HOME

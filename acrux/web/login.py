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
# Browsers keep cookies of up to 4096 bytes, and one holds this during a login with an issuer.
_OWN_PAGE: Final = re.compile(r"/web/[!-\[\]-~]{0,2000}")


class LoginPages:
    """Login with any account or user, as `docker login` does it."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins

    async def ask(self, visit: Visit) -> Response:
        """GET: the form. With `begun`, first see whether the session has arrived.

        A browser keeps no session that came by http, unless from its own machine: without this
        look, whoever logs in would be asked to log in again, and never learn why.
        """
        following, begun = own_page(visit.param("next")), visit.param("begun") == "yes"
        if begun and not visit.visitor.is_anonymous:
            return redirect(following)
        # A form that is sent to a name which the registry does not know is refused.
        origin, is_known = self._origins.of(visit.request), self._origins.is_known(visit.request)
        response = visit.page(
            "login",
            next=following,
            username="",
            failure="",
            is_lost=begun,
            known="" if is_known else f"{origin.scheme}://{origin.login_server}/web/",
        )
        if visit.visitor.has_ended:
            sessions.end(response)
        return response

    async def begin(self, visit: Visit) -> Response:
        """POST: check the name and the password, begin a session, and go on."""
        form = await visit.form()
        username, following = form.get("username", ""), own_page(form.get("next", ""))
        try:
            password = form.get("password", "")
            return await begin_session(visit, self._origins, username, password, following)
        except Refused as refused:
            return refuse(visit, following, refused.status, refused.message, username)

    async def end(self, visit: Visit) -> Response:
        """POST: end the session."""
        response = redirect(LOGIN if visit.visitor.is_anonymous else HOME)
        sessions.end(response)
        return response


async def begin_session(
    visit: Visit, origins: Origins, username: str, password: str, following: str
) -> Response:
    """The session of who has this name and password, and the way to the page. Raises Refused."""
    form = {
        "grant_type": "password",
        "service": origins.of(visit.request).login_server,
        "access_type": "offline",
        "username": username,
        "password": password,
    }
    call = Call("POST", "/oauth2/token", body=urlencode(form).encode(), content_type=FORM)
    session = Secret((await visit.send(call)).json()["refresh_token"])
    arrival = urlencode({"begun": "yes", "next": following})
    return with_session(redirect(f"{LOGIN}?{arrival}"), session)


def refuse(visit: Visit, following: str, status: int, reason: str, username: str = "") -> Response:
    """The form again, and why the login failed."""
    values = {"next": following, "username": username, "failure": reason}
    return visit.page("login", status, is_lost=False, known="", **values)


def own_page(wanted: str) -> str:
    """The page to go on to; the first one if what is wanted is none of ours."""
    return wanted if _OWN_PAGE.fullmatch(wanted) else HOME

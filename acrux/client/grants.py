"""The ways to a token, without I/O: GET, the forms of OAuth2, exchange."""

from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeVar

import httpx2

from acrux.client.forms import Fields
from acrux.client.login import Login, RefreshToken, SubjectToken
from acrux.client.tokens import IssuedToken, TokenRequest, read_refresh_token, read_token
from acrux.domain.access.credential import Credential

Clock = Callable[[], datetime]
Result = TypeVar("Result")

# Requests out, their answers in, read; and what came of it at the end.
Steps = Generator[httpx2.Request, httpx2.Response, Result]

# distribution, spec/auth/oauth.md: who knows no forms says so, and is asked with GET.
NO_FORMS: Final = frozenset({404, 405})
# What a good password is answered with where only GET takes it; containerd, fetch.go, has the same.
NO_PASSWORD_FORM: Final = NO_FORMS | {400, 401}


def obtain(
    asked: TokenRequest,
    login: Login | None,
    clock: Clock,
    *,
    offline: bool = False,
    post: bool = False,
) -> Steps[IssuedToken]:
    """Get an access token, and with it the refresh token that there is afterwards, if any.

    A password goes by GET, or in a form first where `post`; `offline` asks for a refresh token
    with it. A refresh token goes in a form, and by GET to who knows none. A subject token is
    exchanged for a refresh token. Raises TokenRefused, TokenUnreadable, RealmRefused.
    """
    if isinstance(login, SubjectToken):
        login = yield from exchange(asked, login)
    if isinstance(login, RefreshToken):
        return (yield from _refresh(asked, login, clock, offline=offline))
    if post and login is not None:
        response = yield asked.form(_password(login, offline=offline))
        if response.status_code not in NO_PASSWORD_FORM:
            return read_token(asked, response, login, clock())
    response = yield asked.message(login, offline=offline)
    return read_token(asked, response, login, clock())


def exchange(asked: TokenRequest, login: SubjectToken) -> Steps[RefreshToken]:
    """Exchange a subject token for a refresh token, where the realm is (acr-protocol.md §3.2).

    Raises TokenRefused, TokenUnreadable, RealmRefused.
    """
    response = yield asked.exchange(login)
    return read_refresh_token(asked, response, login)


def _refresh(
    asked: TokenRequest, login: RefreshToken, clock: Clock, *, offline: bool
) -> Steps[IssuedToken]:
    response = yield asked.form({"grant_type": "refresh_token", "refresh_token": login.secret})
    # ACR answers forms without a scope with 400 (acr-protocol.md §3.1), and GET with 200.
    if response.status_code in (NO_FORMS if asked.scopes else NO_FORMS | {400}):
        response = yield asked.message(login.as_password, offline=offline)
    issued = read_token(asked, response, login, clock())
    # One that the registry has rotated takes the place of the old one.
    return replace(issued, refresh_token=issued.refresh_token or login)


def _password(login: Credential, *, offline: bool) -> Fields:
    fields: Fields = {"grant_type": "password", "username": login.name, "password": login.secret}
    return {**fields, "access_type": "offline"} if offline else fields

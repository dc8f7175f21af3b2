"""The ways to get a token, without I/O: GET, OAuth2 forms, exchange."""

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

# Yields requests, takes their answers with the body read, and returns the result.
Steps = Generator[httpx2.Request, httpx2.Response, Result]

# distribution, spec/auth/oauth.md: a server without forms answers so, and is then asked with GET.
NO_FORMS: Final = frozenset({404, 405})
# How a server that takes passwords only with GET answers a form; as in containerd, fetch.go.
NO_PASSWORD_FORM: Final = NO_FORMS | {400, 401}


def obtain(
    asked: TokenRequest,
    login: Login | None,
    clock: Clock,
    *,
    offline: bool = False,
    post: bool = False,
) -> Steps[IssuedToken]:
    """Get an access token, together with the refresh token to use from now on, if any.

    A password is sent with GET, or with `post` in a form first. `offline` also requests a refresh
    token, and asks again with a form if GET gave none: acrux gives it only so (RFC 6749 §4.3). A
    refresh token is sent in a form, and with GET to a server without forms. A subject token is
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
    issued = read_token(asked, response, login, clock())
    if offline and not post and login is not None and issued.refresh_token is None:
        response = yield asked.form(_password(login, offline=True))
        if response.is_success:
            return read_token(asked, response, login, clock())
    return issued


def exchange(asked: TokenRequest, login: SubjectToken) -> Steps[RefreshToken]:
    """Exchange a subject token for a refresh token, on the realm's host (acr-protocol.md §3.2).

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
    # A refresh token that the registry has rotated replaces the old one.
    return replace(issued, refresh_token=issued.refresh_token or login)


def _password(login: Credential, *, offline: bool) -> Fields:
    fields: Fields = {"grant_type": "password", "username": login.name, "password": login.secret}
    return {**fields, "access_type": "offline"} if offline else fields

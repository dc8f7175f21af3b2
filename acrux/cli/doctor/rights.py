"""Check tokens: without credentials, with them, and what one grants."""

import json
from datetime import UTC, datetime
from typing import Final

from acrux.cli.caller import walk
from acrux.cli.caller.http_client import describe_life, printable
from acrux.cli.doctor import answers
from acrux.cli.doctor.visit import NO_LOGIN, Visit
from acrux.client import challenge as challenges
from acrux.client import jwt
from acrux.client.errors import TokenRefused, TokenUnreadable
from acrux.client.login import Login, SubjectToken, describe
from acrux.client.tokens import TokenRequest, basic
from acrux.domain.access.credential import Credential
from acrux.domain.access.scope import EVERYTHING, PULL, PUSH, REPOSITORY, Scope
from acrux.domain.server.findings import Ended, Finding, failed, ok, skipped, warning

_OPAQUE: Final = "only the registry can read its tokens"

_OF_STATUS: Final = {403: answers.FORBIDDEN, 429: answers.TOO_MANY}


def anonymous(visit: Visit) -> Finding:
    """What the realm gives to whoever asks."""
    answer = visit.anonymous
    assert answer is not None  # noqa: S101 -- the check `realm` is needed
    if answer.status != 200:
        return ok(f"no token without credentials: {answer.phrase}")
    try:
        content = json.loads(answer.content)
        visit.anonymous_token = str(content.get("access_token") or content.get("token") or "")
    except (ValueError, AttributeError, RecursionError):
        raise failed("the realm answers without credentials, but not with JSON") from None
    if not visit.scopes:
        return ok("a token is given without credentials")
    granted = _granted(visit.anonymous_token, visit.scopes)
    if granted is None:
        return ok(f"a token is given without credentials; {_OPAQUE}")
    may = f"without credentials may: {_listed(granted)}"
    if PUSH in granted:
        return warning(may, "turn this off, unless everyone is meant to push")
    return ok(may)


def token(visit: Visit) -> Finding:
    """Whether the login is good for a token, and the token for `/v2/`."""
    if visit.challenge is None:
        raise skipped("the registry asks for no login")
    if visit.login is None:
        raise skipped(NO_LOGIN)
    if visit.challenge.scheme == challenges.BASIC:
        return _basic(visit, visit.login)
    if visit.asked is None:
        raise skipped("needs the check 'realm'")
    return _bearer(visit, visit.asked, visit.login)


def rights(visit: Visit) -> Finding:
    """What the token grants, compared with what was asked for."""
    if not visit.scopes:
        raise skipped("no repository: name one with --repository")
    held = visit.token or visit.anonymous_token
    if not held:
        raise skipped(NO_LOGIN if visit.login is None else "there is no token")
    granted = visit.granted = _granted(held, visit.scopes)
    if granted is None:
        raise skipped(_OPAQUE)
    asked = frozenset(action for scope in visit.scopes for action in scope.actions)
    found = f"on {visit.plan.repository}: {_listed(granted)}"
    if missing := asked - granted:
        found += f"; not granted: {_listed(missing)}"
    needed = frozenset({PULL} if visit.plan.read_only else {PULL, PUSH})
    if visit.login is not None and not needed <= granted:
        raise failed(
            found,
            "give the account these rights, name a repository that it has rights to with "
            "--repository, or try --read-only",
            answers.PERMISSIONS,
        )
    return ok(found)


def _basic(visit: Visit, login: Login) -> Finding:
    if not isinstance(login, Credential):
        raise skipped("this registry takes a user name and a password, and no token")
    answer = visit.ask(visit.url, Authorization=basic(login))
    if answer.status != 200:
        raise answers.refusal(answer, f"{describe(login)} are not accepted")
    visit.is_logged_in = True
    return ok(f"{printable(describe(login))} are accepted")


def _bearer(visit: Visit, asked: TokenRequest, login: Login) -> Finding:
    try:
        with visit.reaching():
            issued = walk.obtain(visit.client, asked, login, post=visit.post)
    except Ended as ended:
        if isinstance(ended.__cause__, TokenRefused):
            raise _refused(ended, ended.__cause__, login) from None
        raise
    visit.token = issued.text.reveal()
    answer = visit.ask(visit.url, Authorization=issued.header)
    if answer.status != 200:
        refused = answers.refusal(answer, "the registry does not take the realm's token")
        raise failed(
            refused.finding.detail,
            "do the realm and the registry share the issuer, the key, the service, and the time?",
            answers.ACCESS_TOKEN,
        )
    visit.is_logged_in = True
    return ok(f"an access token is given for {printable(describe(login))}; it {_life(visit.token)}")


def _refused(ended: Ended, refused: TokenRefused, login: Login) -> Ended:
    usual = answers.REFRESH_TOKEN if isinstance(login, SubjectToken) else answers.ACCESS_TOKEN
    advice = {
        403: "look for a firewall, or ask whoever runs the registry",
        429: "wait as long as the answer says: too many logins failed, or came at once",
    }.get(refused.status, "log in again: acrux login; a password may have been renewed or expired")
    return failed(ended.finding.detail, advice, _OF_STATUS.get(refused.status, usual))


def _granted(token: str, scopes: frozenset[Scope]) -> frozenset[str] | None:
    """The actions that a token allows on the repository; None if it does not say."""
    try:
        access = jwt.decode(token).claims.get("access") or []
        held = [entry for entry in access if entry.get("type") == REPOSITORY]
        names = {scope.name for scope in scopes}
        actions = {a for entry in held if entry.get("name") in names for a in entry["actions"]}
    except (TokenUnreadable, TypeError, AttributeError, LookupError):
        return None
    if EVERYTHING in actions:
        return frozenset(action for scope in scopes for action in scope.actions)
    return frozenset(map(str, actions))


def _listed(actions: frozenset[str]) -> str:
    return printable(", ".join(Scope(REPOSITORY, "-", actions).ordered_actions)) or "nothing"


def _life(token: str) -> str:
    try:
        return describe_life(jwt.decode(token).life_left(datetime.now(UTC))).removeprefix("it ")
    except TokenUnreadable:
        return "is opaque"

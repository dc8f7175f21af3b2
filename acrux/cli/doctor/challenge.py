"""Check what a registry answers to a stranger: clock, challenge, realm."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2

from acrux.cli.caller.http_client import printable
from acrux.cli.doctor import answers
from acrux.cli.doctor.answers import Answer
from acrux.cli.doctor.visit import Visit
from acrux.client import challenge as challenges
from acrux.client import realm as realms
from acrux.client.challenge import Challenge
from acrux.client.errors import RealmRefused
from acrux.client.tokens import TokenRequest
from acrux.domain.server.findings import Ended, Finding, failed, ok, skipped, warning

# Verifiers of tokens of other issuers often allow for a minute (RFC 7519 §4.1.4, "small leeway").
CLOCKS_DIFFER: Final = timedelta(seconds=60)


def http(visit: Visit) -> Finding:
    """Whether `/v2/` answers at all."""
    answer = visit.answer = visit.ask(visit.url)
    server = answer.header("Server")
    by = f" by {server}" if server else ""
    return ok(f"GET /v2/ is answered with {answer.phrase}{by}")


def clock(visit: Visit) -> Finding:
    """How far the two clocks differ, by the header Date."""
    answer = _answer(visit)
    try:
        there = parsedate_to_datetime(answer.header("Date"))
    except ValueError:
        raise skipped("the answer has no header Date") from None
    if there.tzinfo is None:
        there = there.replace(tzinfo=UTC)
    ahead = there - datetime.now(UTC)
    seconds = round(abs(ahead.total_seconds()))
    if abs(ahead) < CLOCKS_DIFFER:
        return ok(f"the clocks differ by about {seconds} s")
    which = "ahead of" if ahead > timedelta() else "behind"
    return warning(
        f"the registry's clock is {seconds} s {which} this machine's",
        "set both by NTP: tokens and certificates are valid by the clock of whoever checks them",
    )


def challenge(visit: Visit) -> Finding:
    """Whether `/v2/` asks for a login in a way that clients understand."""
    answer = _answer(visit)
    if answer.status == 200:
        return warning(
            "asks for no login: whoever reaches it may call it",
            "turn on authentication, unless that is meant; `az acr login` needs it",
            answers.CHALLENGE,
        )
    if answer.status != 401:
        raise _no_challenge(answer, visit.url)
    headers = answer.response.headers.get_list("WWW-Authenticate")
    chosen = challenges.choose(challenges.parse(headers))
    if chosen is None:
        shown = printable(", ".join(headers))[: answers.MAX_CHARACTERS] or "none"
        raise failed(
            f"401 without a usable WWW-Authenticate: {shown}",
            "expected Bearer realm=…,service=… or Basic: look at the proxy in front",
            answers.WWW_AUTHENTICATE,
        )
    visit.challenge = chosen
    if chosen.scheme == challenges.BASIC:
        return ok("asks for Basic, a user name and a password with each request")
    service = printable(chosen.get("service")) or "none"
    return ok(f"asks for Bearer, realm {_shown_realm(visit.url, chosen)}, service {service}")


def realm(visit: Visit) -> Finding:
    """Whether credentials may be sent to the realm, and whether it answers."""
    asked = visit.challenge
    if asked is None or asked.scheme != challenges.BEARER:
        raise skipped("this registry has no tokens")
    try:
        place = realms.resolve(asked.get("realm"), visit.url, visit.allowed_realm_hosts)
    except RealmRefused as refused:
        raise _bad_realm(visit, asked, refused) from None
    request = TokenRequest.answering(asked, place).widened(visit.scopes)
    answer = visit.anonymous = visit.ask(request.url, Accept="application/json")
    if answer.status in (404, 405) or answer.status >= 500 or answer.response.is_redirect:
        raise answers.refusal(answer, f"the realm {answers.place(place)} gives no tokens")
    visit.asked = request
    return ok(f"{answers.place(place)} answers, and may receive credentials")


def _answer(visit: Visit) -> Answer:
    assert visit.answer is not None  # noqa: S101 -- the check `http` is needed
    return visit.answer


def _no_challenge(answer: Answer, url: httpx2.URL) -> Ended:
    if to := _target(answer, url):
        return failed(f"redirects to {to}", f"call it there: acrux doctor {to}", answers.CHALLENGE)
    if answer.status == 400 and url.scheme == "http":
        advice = "the server may speak https at this port: call it as https://"
        return failed(f"does not ask for a login: {answer.phrase}", advice, answers.CHALLENGE)
    ended = answers.refusal(answer, "does not ask for a login").finding
    advice = ended.advice or "is there a registry at this address, at its root?"
    return failed(ended.detail, advice, ended.error or answers.CHALLENGE)


def _target(answer: Answer, url: httpx2.URL) -> str:
    """Where the answer redirects to, empty if nowhere."""
    if not answer.response.has_redirect_location:
        return ""
    try:
        return answers.place(url.join(answer.response.headers["Location"]))
    except (httpx2.InvalidURL, ValueError):
        return "what is not a URL"


def _bad_realm(visit: Visit, asked: Challenge, refused: RealmRefused) -> Ended:
    detail = printable(str(refused))
    if visit.url.scheme == "https" and asked.get("realm").lower().startswith("http:"):
        return answers.unencrypted(detail)
    allowed = f": --allow-realm {refused.host}" if refused.host else ""
    return failed(
        detail,
        f"if {visit.url.host} is one of its names, let the proxy pass Host on, and tell the "
        f"registry its names (acrux: --login-server); if the realm is right, allow it{allowed}",
    )


def _shown_realm(url: httpx2.URL, asked: Challenge) -> str:
    try:
        found = url.join(asked.get("realm"))
    except (httpx2.InvalidURL, ValueError):
        return "that is not a URL"
    return printable(f"{answers.place(found)}{found.path}")

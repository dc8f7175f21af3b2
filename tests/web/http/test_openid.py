"""Logging in with an OpenID issuer."""

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from acrux.bootstrap.application import Registry, build
from acrux.domain.access.trust import ClaimRule, Trust
from acrux.errors import InvalidSettings
from acrux.settings import Settings
from acrux.web.sessions import ATTEMPT, COOKIE
from tests.http.caller import HOST, Answer
from tests.http.conftest import HandClock
from tests.openid_provider import Provider, provider
from tests.web.http.visitor import Visitor, heading

CLIENT = "acrux pages"
BACK = "/web/login/openid"


@pytest.fixture(scope="module")
def server() -> Iterator[Provider]:
    """An OpenID provider."""
    with provider() as server:
        yield server


@pytest.fixture
def issuer(server: Provider) -> Provider:
    """The provider, without what the test before it asked."""
    server.forms.clear()
    server.bodies.clear()
    server.discovered = {
        "authorization_endpoint": f"{server.issuer}/authorize",
        "token_endpoint": f"{server.issuer}/token",
    }
    return server


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """People may log in with the trust's issuer, where the registry has a secret."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret/+\n")
    return replace(settings, web_login_trust="people", web_login_secret_file=secret)


@pytest.fixture
async def trusted(registry: Registry, issuer: Provider) -> Registry:
    """A registry that trusts the provider's people."""
    await registry.services.trusts.create(
        Trust(
            name="people",
            issuer=issuer.issuer,
            audience=CLIENT,
            rules=(ClaimRule("sub", "alice@example.test"),),
            scope_map="_repositories_pull_metadata_read",
        )
    )
    return registry


@dataclass
class Sent:
    """A browser that was sent to the issuer: where to, and what it keeps."""

    answer: Answer
    query: dict[str, str]
    cookie: str


async def begin(registry: Registry, following: str = "/web/?last=a") -> Sent:
    """Follow the link of the login."""
    answer = await Visitor(registry).get(f"{BACK}/begin?{urlencode({'next': following})}")
    assert answer.status == 303, answer.body
    query = dict(parse_qsl(urlsplit(answer.header("Location") or "").query))
    return Sent(answer, query, (answer.header("Set-Cookie") or "").partition(";")[0])


async def come_back(registry: Registry, sent: Sent, **query: str) -> Answer:
    """Come back from the issuer with this query."""
    given = {"code": "the code", "state": sent.query["state"], **query}
    return await Visitor(registry).get(f"{BACK}?{urlencode(given)}", Cookie=sent.cookie)


def answers(issuer: Provider, clock: HandClock, **claims: object) -> None:
    """Let the issuer answer a code with a token."""
    claimed = {"aud": CLIENT, "sub": "alice@example.test", **claims}
    issuer.bodies["/token"] = json.dumps({"id_token": issuer.token(clock.now, **claimed)}).encode()


async def test_a_person_logs_in_with_the_issuer(
    trusted: Registry, issuer: Provider, clock: HandClock
) -> None:
    """Nobody wants one more password."""
    sent = await begin(trusted)
    answers(issuer, clock, nonce=sent.query["nonce"])

    back = await come_back(trusted, sent)

    assert back.header("Location") == "/web/login?begun=yes&next=%2Fweb%2F%3Flast%3Da"
    session, forgotten = back.every("Set-Cookie")
    assert forgotten.startswith(f"{ATTEMPT}=; Max-Age=0")
    visitor = Visitor(trusted, session.partition(";")[0].removeprefix(f"{COOKIE}="))
    page = await visitor.get("/web/")
    assert (page.status, b"trusts/people/alice@example.test" in page.body) == (200, True)


async def test_the_issuer_is_asked_with_a_proof_that_only_this_browser_can_give(
    trusted: Registry, issuer: Provider, clock: HandClock
) -> None:
    """A code that somebody reads on the way must be of no use to them (RFC 7636)."""
    sent = await begin(trusted)
    answers(issuer, clock, nonce=sent.query["nonce"])
    await come_back(trusted, sent)

    (form,) = issuer.forms
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert sent.query["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert sent.query["code_challenge_method"] == "S256"
    assert (form["code"], form["grant_type"]) == ("the code", "authorization_code")
    assert form["redirect_uri"] == sent.query["redirect_uri"] == f"http://{HOST}{BACK}"
    assert form["client_id"] == sent.query["client_id"] == CLIENT
    secret = base64.b64decode(form[""].removeprefix("Basic ")).decode()
    assert secret == "acrux%20pages:s3cret%2F%2B"
    assert form["code_verifier"] not in (sent.answer.header("Location") or "")


async def test_what_the_browser_keeps_of_the_login_is_kept_from_others(trusted: Registry) -> None:
    """It proves whose login comes back."""
    sent = await begin(trusted)

    attributes = set((sent.answer.header("Set-Cookie") or "").split("; ")[1:])
    assert attributes == {"Max-Age=600", "Path=/", "Secure", "HttpOnly", "SameSite=Lax"}
    assert sent.cookie.startswith("__Host-")


@pytest.mark.parametrize("cookie", ["", f"{ATTEMPT}=x", f"{ATTEMPT}=e30=", f"{ATTEMPT}=é"])
async def test_a_login_that_this_browser_did_not_begin_is_refused(
    trusted: Registry, issuer: Provider, cookie: str
) -> None:
    """Whoever sends you their own code would have you work in their account."""
    sent = await begin(trusted)

    back = await come_back(trusted, replace(sent, cookie=cookie))

    assert (back.status, issuer.forms, back.every("Set-Cookie")) == (400, [], [])


async def test_a_page_with_a_long_address_is_not_what_the_login_fails_for(
    trusted: Registry, issuer: Provider, clock: HandClock
) -> None:
    """A browser keeps no cookie of more than 4096 bytes: it would come back with nothing."""
    sent = await begin(trusted, "/web/?contains=" + "x" * 4000)
    answers(issuer, clock, nonce=sent.query["nonce"])

    assert len(sent.answer.header("Set-Cookie") or "") < 4096
    assert (await come_back(trusted, sent)).status == 303


async def test_a_login_with_another_state_is_refused(trusted: Registry, issuer: Provider) -> None:
    """The same, from who began a login of their own."""
    mine, theirs = await begin(trusted), await begin(trusted)

    back = await come_back(trusted, mine, state=theirs.query["state"])

    assert (back.status, issuer.forms) == (400, [])


@pytest.mark.parametrize("nonce", ["another", None, "é"])
async def test_a_token_of_another_login_is_refused(
    trusted: Registry, issuer: Provider, clock: HandClock, nonce: str | None
) -> None:
    """A token that was stolen elsewhere must begin no session here."""
    sent = await begin(trusted)
    answers(issuer, clock, nonce=nonce)

    back = await come_back(trusted, sent)

    assert (back.status, back.every("Set-Cookie")) == (400, [])


@pytest.mark.parametrize(
    "claims", [{"sub": "mallory@example.test"}, {"aud": "others"}, {"exp": 1}, {"iss": "https://x"}]
)
async def test_whom_the_trust_does_not_let_in_is_told(
    trusted: Registry, issuer: Provider, clock: HandClock, claims: dict[str, object]
) -> None:
    """An issuer has many people, and the trust says whose tokens count."""
    sent = await begin(trusted)
    answers(issuer, clock, nonce=sent.query["nonce"], **claims)

    back = await come_back(trusted, sent)

    assert back.status in {401, 403}
    assert heading(back) == "Log in"
    assert b'role="alert"' in back.body
    assert back.every("Set-Cookie") == []


async def test_a_refusal_of_the_issuer_is_shown_as_text(trusted: Registry) -> None:
    """It stands in the address, where anybody may have written it."""
    sent = await begin(trusted)

    back = await come_back(
        trusted, sent, error="access_denied", error_description="<b>no</b>\u202e"
    )

    assert back.status == 403
    assert "&lt;b&gt;no&lt;/b&gt;⟨U+202E⟩" in back.body.decode()


@pytest.mark.parametrize(
    "endpoint", ["http://elsewhere.example/", "javascript:alert(1)", "/relative", None, "https://é"]
)
async def test_the_browser_is_sent_to_safe_addresses_only(
    trusted: Registry, issuer: Provider, endpoint: str | None
) -> None:
    """The document of an issuer is a stranger's text, too."""
    issuer.discovered["authorization_endpoint"] = endpoint

    answer = await Visitor(trusted).get(f"{BACK}/begin")

    assert (answer.status, answer.header("Location")) == (503, None)


async def test_an_issuer_that_answers_a_code_with_nothing_begins_no_session(
    trusted: Registry, issuer: Provider
) -> None:
    """Issuers answer many things."""
    for body in (b"{}", b"[]", b'{"id_token": 7}'):
        issuer.bodies["/token"] = body

        back = await come_back(trusted, await begin(trusted))

        assert (back.status, back.every("Set-Cookie")) == (503, [])


async def test_the_login_goes_on_to_our_own_pages_only(
    trusted: Registry, issuer: Provider, clock: HandClock
) -> None:
    """A link to our login must not lead to somebody else's copy of it."""
    sent = await begin(trusted, "https://evil.example/")
    answers(issuer, clock, nonce=sent.query["nonce"])

    back = await come_back(trusted, sent)

    assert (back.header("Location") or "").endswith("next=%2Fweb%2F")


async def test_the_login_offers_it(trusted: Registry) -> None:
    """Otherwise nobody would find it."""
    page = await Visitor(trusted).get("/web/login")

    assert b"Log in with people" in page.body


def test_a_secret_that_cannot_be_read_is_found_at_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    """Not when the first person logs in."""
    with pytest.raises(InvalidSettings, match="web_login_secret_file"):
        build(replace(settings, web_login_secret_file=tmp_path / "missing"))


def test_without_a_trust_there_is_no_such_page(settings: Settings) -> None:
    """What is not configured cannot be attacked."""
    rows = build(replace(settings, web_login_trust="")).pages

    assert [row.path for row in rows if "openid" in row.path] == []

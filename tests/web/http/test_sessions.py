"""Sessions, and what attackers try with them."""

import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from acrux.settings import Settings
from acrux.web.sessions import COOKIE
from tests.http.access.test_audit import records
from tests.http.caller import HOST, Caller
from tests.http.conftest import HandClock
from tests.web.http.visitor import Visitor, asks_to_log_in, heading

PASSWORD = "a long enough pass phrase"
# What stands in the paths of pages; of everything else, v1.
NAMES = {"repository": "team/app", "digest": "sha256:" + "0" * 64}
SIBLING = "https://ui.registry.test"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A page of a sibling may call the API."""
    return replace(settings, cors_origins=(SIBLING,))


@pytest.fixture
async def alice(registry: Registry, admin: Caller) -> Visitor:
    """A user who has logged in."""
    del admin
    await registry.services.users.create("alice", "_admin", Secret(PASSWORD))
    visitor = Visitor(registry)
    await visitor.log_in("alice", PASSWORD)
    assert (await visitor.get("/web/")).status == 200
    return visitor


async def test_no_script_no_http_and_no_other_site_gets_the_session(alice: Visitor) -> None:
    """A cookie without these attributes is sent along with what a stranger's page asks for."""
    answer = await alice.log_in("alice", PASSWORD)

    attributes = (answer.header("Set-Cookie") or "").split("; ")
    assert attributes[0].startswith(f"{COOKIE}=")
    assert set(attributes[1:]) == {"Path=/", "Secure", "HttpOnly", "SameSite=Lax"}
    assert answer.header("Cache-Control") == "no-store"


async def test_a_login_begins_a_session_of_its_own(alice: Visitor) -> None:
    """Whoever plants a session before the login must not share the one after it."""
    planted = alice.session

    await alice.log_in("acrux", "wrong")
    assert alice.session == planted
    await alice.log_in("alice", PASSWORD)

    assert alice.session != planted


@pytest.mark.parametrize("session", ["x", "a.b.c", '"', "\x01", "a" * 5000, "%00"])
async def test_what_is_no_session_is_nobody(alice: Visitor, session: str) -> None:
    """A cookie is what a stranger sent."""
    answer = await replace(alice, session=session).get("/web/")

    assert asks_to_log_in(answer)


@pytest.mark.parametrize(
    "cookie", ['a={"b":1}', "a=b c", "x[y]=1", "é=é", "=", "a", 'a="', f'a="{COOKIE}=x']
)
async def test_a_cookie_of_another_server_on_this_host_ends_no_session(
    alice: Visitor, cookie: str
) -> None:
    """Browsers send the cookies of every server that shares the name, in any order."""
    for cookies in (f"{cookie}; {COOKIE}={alice.session}", f"{COOKIE}={alice.session};{cookie}"):
        assert (await alice.get("/web/", Cookie=cookies)).status == 200


async def test_no_cookie_takes_long_to_read(alice: Visitor) -> None:
    """Python's own reader takes seconds for this, and nobody has to log in to send it."""
    began = time.process_time()

    await replace(alice, session="").get("/web/", Cookie=f'a="{chr(92) * 60_000}"')

    assert time.process_time() - began < 1


async def test_an_access_token_is_no_session(alice: Visitor, admin: Caller) -> None:
    """One that leaks from a log of a client would open the pages for as long as it likes."""
    assert admin.authorization is not None
    token = admin.authorization.removeprefix("Bearer ")

    assert asks_to_log_in(await replace(alice, session=token).get("/web/"))


async def test_a_session_is_no_right_outside_the_pages(alice: Visitor) -> None:
    """Browsers send the cookie to all of this host: there it must open nothing."""
    for path in ("/v2/", "/acr/v1/_catalog", "/management/v1/tokens", "/metrics"):
        assert (await alice.get(path)).status == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "null", "Sec_Fetch_Site": "cross-site"},
        {"Origin": "null", "Sec_Fetch_Site": ""},
        {"Origin": "https://evil.example", "Sec_Fetch_Site": ""},
        {"Origin": f"https://{HOST}.evil.example", "Sec_Fetch_Site": ""},
        {"Origin": "", "Sec_Fetch_Site": "same-site"},
        {"Origin": "", "Sec_Fetch_Site": "cross-site"},
        {"Origin": SIBLING, "Sec_Fetch_Site": "same-site"},
        {"Origin": SIBLING, "Sec_Fetch_Site": ""},
    ],
)
async def test_no_page_of_another_site_sends_a_form(
    registry: Registry, alice: Visitor, headers: dict[str, str]
) -> None:
    """It would act in the name of who looks at it; so would a page that may call the API."""
    for row in registry.pages:
        if "POST" in row.methods:
            path = re.sub(r"{(\w+)}", lambda name: NAMES.get(name[1], "v1"), row.path)

            answer = await alice.post(path, {"username": "alice", "password": PASSWORD}, **headers)

            assert (answer.status, heading(answer)) == (403, "Not allowed"), path
            assert answer.every("Set-Cookie") == []


async def test_a_page_that_may_call_the_api_cannot_read_our_pages(alice: Visitor) -> None:
    """A sibling's request carries the cookie, since it is of the same site."""
    answer = await alice.get("/web/", Origin=SIBLING, Sec_Fetch_Site="same-site")

    assert answer.every("Access-Control-Allow-Origin") == []
    assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"
    assert "frame-ancestors 'none'" in (answer.header("Content-Security-Policy") or "")


_Ends = Callable[[Registry], Awaitable[object]]

ENDS: dict[str, _Ends] = {
    "deleted": lambda registry: registry.services.users.delete("alice"),
    "password": lambda registry: registry.services.users.set_password(
        "alice", Secret("another long pass phrase")
    ),
    "revoked": lambda registry: registry.services.users.revoke("alice"),
    "disabled": lambda registry: registry.services.users.change("alice", is_enabled=False),
}


@pytest.mark.parametrize("end", ENDS)
async def test_a_session_ends_with_its_account(
    registry: Registry, alice: Visitor, end: str
) -> None:
    """Who was dismissed a moment ago must not go on at an open window."""
    await ENDS[end](registry)

    asked = await alice.get("/web/")
    assert asks_to_log_in(asked)
    login = await alice.get(asked.header("Location") or "")
    assert b"Your session has ended" in login.body
    assert "Max-Age=0" in (login.header("Set-Cookie") or "")


async def test_scripts_learn_that_the_session_has_ended(registry: Registry, alice: Visitor) -> None:
    """A script follows a redirection without knowing, and takes the login for what it asked for."""
    await registry.services.users.delete("alice")

    answer = await alice.get("/web/?contains=x", HX_Request="true")

    assert (answer.status, answer.body) == (204, b"")
    assert answer.header("HX-Redirect") == "/web/login?next=%2Fweb%2F%3Fcontains%3Dx"


async def test_what_scripts_ask_for_and_is_refused_is_shown_whole(alice: Visitor) -> None:
    """A refusal is a page, and holds no part of another one."""
    for path in ("/web/nothing", "/web/repositories/no/such"):
        answer = await alice.get(path, HX_Request="true")

        assert (answer.status, answer.header("HX-Reselect")) == (404, "#content")
        assert (await alice.get(path)).header("HX-Reselect") is None


async def test_a_session_lasts_as_long_as_a_refresh_token(
    alice: Visitor, clock: HandClock, settings: Settings
) -> None:
    """Whoever leaves a browser open is logged out in the end."""
    clock.forward(seconds=settings.refresh_token_seconds - 60)
    assert (await alice.get("/web/")).status == 200

    clock.forward(seconds=120)

    assert asks_to_log_in(await alice.get("/web/"))


async def test_a_form_of_an_ended_session_does_nothing(registry: Registry, alice: Visitor) -> None:
    """Not even what anybody may do: its sender believes to be somebody."""
    await registry.services.users.delete("alice")

    answer = await alice.post("/web/logout", {})

    assert answer.header("Location") == "/web/login"


async def test_logins_in_parallel_do_not_end_each_other(alice: Visitor) -> None:
    """People have a browser at work and one at home."""
    other = Visitor(alice.registry)
    await other.log_in("alice", PASSWORD)

    assert other.session != alice.session
    assert [(await one.get("/web/")).status for one in (alice, other)] == [200, 200]


async def test_guesses_at_the_form_are_locked_out(registry: Registry, alice: Visitor) -> None:
    """A form that forgives would be the way around the lockout."""
    guesser = Visitor(registry, peer="203.0.113.9")
    statuses = [(await guesser.log_in("alice", f"guess {n}")).status for n in range(40)]

    assert set(statuses) == {401, 429}
    last = await guesser.log_in("alice", PASSWORD)
    assert last.status == 429
    assert guesser.session == ""
    assert (await alice.get("/web/")).status == 200


async def test_a_login_that_gets_no_cookie_back_says_what_to_do(registry: Registry) -> None:
    """A browser drops a session that came by http without a word; people would try for ever."""
    stranger = Visitor(registry)

    lost = await stranger.get("/web/login?begun=yes&next=%2Fweb%2F")

    assert b"did not send the session back" in lost.body
    assert b"https" in lost.body


async def test_a_login_at_an_unknown_name_says_which_names_are_known(registry: Registry) -> None:
    """The form would be refused as that of another site, which helps nobody."""
    stranger = Visitor(registry)

    unknown = await stranger.get("/web/login", Host="192.0.2.1:5000")
    known = await stranger.get("/web/login", Host="second.test")

    assert f'<a href="http://{HOST}/web/">'.encode() in unknown.body
    assert b"--login-server" in unknown.body
    assert b"--login-server" not in known.body


async def test_a_login_with_its_cookie_goes_on(alice: Visitor) -> None:
    """The look whether the session arrived is not seen by anybody."""
    answer = await alice.get("/web/login?begun=yes&next=%2Fweb%2F%3Flast%3Da")

    assert (answer.status, answer.header("Location")) == (303, "/web/?last=a")


async def test_the_audit_log_holds_a_login_once(registry: Registry, alice: Visitor) -> None:
    """Whoever reads it should not take one login for two."""
    before = len(await records(registry))

    await alice.log_in("alice", PASSWORD)

    assert len(await records(registry)) == before + 1


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"username=a&password=%ff", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 400),
        (b"&".join([b"a=b"] * 1000), "application/x-www-form-urlencoded", 400),
        (b"a" * 300_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_is_no_form_is_refused(
    registry: Registry, body: bytes, content_type: str, status: int
) -> None:
    """A stranger's form must take neither memory nor time, and cause no fault."""
    answer = await Caller(registry, "", "").call(
        "POST", "/web/login", headers={"Content-Type": content_type}, body=body
    )

    assert answer.status == status
    assert heading(answer) in {"This cannot be read", "This cannot be done"}


@pytest.mark.parametrize("accept", ["text/html", "*/*", "application/json", "text/html;q=0", ""])
@pytest.mark.parametrize("path", ["/", "/web"])
async def test_a_cache_tells_browsers_from_other_clients(
    registry: Registry, path: str, accept: str
) -> None:
    """A proxy that kept the 404 of a client would show it to people."""
    answer = await Visitor(registry).get(path, Accept=accept)

    assert answer.status == (303 if accept == "text/html" else 404)
    assert "Accept" in answer.every("Vary")


async def test_no_window_of_another_site_holds_a_page(alice: Visitor) -> None:
    """Whoever opens one could look at how it changes, and send it elsewhere."""
    name = "Cross-Origin-Opener-Policy"
    for path in ("/web/", "/web/login", "/web/repositories/no/such"):
        alice.scheme = "http"  # browsers ignore it there, and complain
        assert (await alice.get(path)).header(name) is None
        alice.scheme = "https"
        assert (await alice.get(path)).header(name) == "same-origin"


async def test_a_line_to_log_in_names_no_host_of_the_senders_choice(alice: Visitor) -> None:
    """Whoever copies it sends a password there."""
    form = {"name": "pipeline", "scopeMapId": "_repositories_pull"}

    made = await alice.post("/web/accounts", form, Host="evil.example", Sec_Fetch_Site="")

    assert b"docker login" in made.body
    assert b"evil.example" not in made.body
    assert f"docker login {HOST} ".encode() in made.body

"""Whatever the token endpoints get, they never answer with a 500."""

from typing import Any
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from acrux.domain.access.token import TOKEN_USER
from tests.http.caller import HOST, Caller, basic
from tests.http.oauth2.test_walk import claims
from tests.http.oauth2.token_requests import FORM

bounded = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

texts = st.one_of(
    st.sampled_from(
        ["", "acrux", TOKEN_USER, HOST, "second.test", "password", "refresh_token", "access_token",
         "repository:a:pull", "repository:*:*", "registry:catalog:*", "e30.e30.e30", "true",
         "offline", "a.b.c", "\x00", "\ud7ff", "%", "&", "=", "+"]
    ),
    st.text(max_size=30),
    st.text("repositygcal:*,/.- ", max_size=40),
)  # fmt: skip
fields = st.sampled_from(
    ["grant_type", "service", "scope", "username", "password", "refresh_token", "access_token",
     "access_type", "offline_token", "account", "client_id", "tenant", ""]
)  # fmt: skip
forms = st.one_of(
    st.lists(st.tuples(fields, texts), max_size=9).map(lambda pairs: urlencode(pairs).encode()),
    st.lists(st.tuples(fields, texts.map(str.encode)), max_size=9).map(
        lambda pairs: b"&".join(name.encode() + b"=" + value for name, value in pairs)
    ),
    st.binary(max_size=200),
)
header_values = st.one_of(
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=60),
    texts.map(lambda text: "Bearer " + text.encode().decode("latin-1")),
    st.tuples(texts, texts).map(lambda pair: basic(*pair)),
    st.binary(max_size=40).map(lambda content: "Basic " + content.hex()),
)
headers = st.lists(
    st.one_of(
        st.tuples(st.just("Authorization"), header_values),
        st.tuples(
            st.just("Content-Type"),
            st.sampled_from([FORM, f"{FORM};charset=utf-8", f"{FORM};;=", "text/plain", ";", ""]),
        ),
        st.tuples(
            st.sampled_from(["Host", "X-Forwarded-Host", "X-Forwarded-For", "Content-Length"]),
            header_values,
        ),
    ),
    max_size=4,
)


# From many addresses: an address with many wrong guesses is only told to wait.
peers = st.ip_addresses(v=4).map(str)


def is_told(answer: Any) -> bool:
    """Whether the answer is a token without rights, or a refusal in the protocol's form."""
    if answer.status == 200:
        token = answer.json.get("access_token")
        return token is None or claims(token)["access"] == []
    return answer.status in (400, 401, 413, 429) and set(answer.json) == {"errors"}


@bounded
@given(body=forms, headers=headers, peer=peers)
async def test_no_form_and_no_header_makes_an_error_or_a_right(
    stranger: Caller, body: bytes, headers: list[tuple[str, str]], peer: str
) -> None:
    """Without a password a caller gets nothing, however they write the request."""
    for path in ("/oauth2/token", "/oauth2/exchange"):
        answer = await stranger.call("POST", path, headers=headers, body=body, peer=peer)

        assert is_told(answer), (path, answer.status, answer.body)


@bounded
@given(query=forms, headers=headers, peer=peers)
async def test_no_query_and_no_header_makes_an_error_or_a_right(
    stranger: Caller, query: bytes, headers: list[tuple[str, str]], peer: str
) -> None:
    """The same with GET."""
    answer = await stranger.call(
        "GET", "/oauth2/token", query=query.decode("latin-1"), headers=headers, peer=peer
    )

    assert is_told(answer), (answer.status, answer.body)


@bounded
@given(headers=headers, peer=peers)
async def test_no_header_opens_the_api(
    stranger: Caller, headers: list[tuple[str, str]], peer: str
) -> None:
    """And no header breaks it."""
    answer = await stranger.call("GET", "/v2/app/manifests/v1", headers=headers, peer=peer)

    assert answer.status in (400, 401, 429)


@bounded
@given(scopes=st.lists(texts, max_size=400))
async def test_no_scopes_requested_by_the_administrator_make_an_error(
    stranger: Caller, scopes: list[str]
) -> None:
    """Hundreds of scopes, valid or not, become a token that fits a header."""
    answer = await stranger.token(*scopes)

    assert answer.status == 200
    assert len(answer.json["access_token"]) < 8000

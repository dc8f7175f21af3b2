"""Requests that a page of another site can trigger change nothing."""

import pytest

from tests.http.access.test_access import EXAMPLES, REPOSITORY, seed
from tests.http.caller import HOST, Caller

CHANGING = [endpoint for endpoint in EXAMPLES if endpoint[1] != "GET"]
MANAGEMENT = [endpoint for endpoint in CHANGING if endpoint[0].startswith("/management")]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": f"http://{HOST}.evil.example"},
    {"Origin": f"http://evil.example/{HOST}"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "cross-site"},
]
FORMS = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "text/plain; charset=application/json",
    "application/jsonx",
]


@pytest.fixture
async def owner(stranger: Caller) -> Caller:
    """The administrator, whose browser stores the password, in a registry that is not empty."""
    stranger.authorization = stranger.basic
    await seed(stranger)
    return stranger


@pytest.mark.parametrize("endpoint", CHANGING, ids=lambda one: " ".join(reversed(one)))
async def test_every_change_refuses_the_pages_of_other_sites(
    owner: Caller, endpoint: tuple[str, str]
) -> None:
    """Viewing an attacker's page created an account for the attacker."""
    example = EXAMPLES[endpoint]

    answers = [
        await owner.call(
            endpoint[1], example.path, headers={**example.headers, **headers}, body=example.body
        )
        for headers in FOREIGN
    ]

    assert {(answer.status, answer.code) for answer in answers} == {(403, "DENIED")}


@pytest.mark.parametrize("body", [b"", b'{"name":"password1"}', b"name=password1"])
@pytest.mark.parametrize("media_type", FORMS)
@pytest.mark.parametrize("endpoint", MANAGEMENT, ids=lambda one: " ".join(reversed(one)))
async def test_management_takes_json_and_no_form(
    owner: Caller, endpoint: tuple[str, str], media_type: str, body: bytes
) -> None:
    """Browsers that send no Origin still send forms, and an empty one is enough to revoke."""
    answer = await owner.call(
        endpoint[1], EXAMPLES[endpoint].path, headers={"Content-Type": media_type}, body=body
    )

    assert answer.status == 400
    assert "Content-Type: application/json" in answer.json["errors"][0]["message"]


@pytest.mark.parametrize("endpoint", MANAGEMENT, ids=lambda one: " ".join(reversed(one)))
async def test_a_body_without_a_content_type_changes_nothing(
    owner: Caller, endpoint: tuple[str, str]
) -> None:
    """A page can send a body without a type to another site without asking it first."""
    example = EXAMPLES[endpoint]

    answer = await owner.call(endpoint[1], example.path, body=example.body)

    assert answer.status == (400 if example.body else example.status)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": f"http://{HOST}"},
        {"Origin": f"https://{HOST}"},
        {"Origin": "https://second.test:443", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_our_own_pages_and_clients_that_are_not_browsers_are_let_in(
    owner: Caller, headers: dict[str, str]
) -> None:
    """A page of the registry must be able to do what its owner may."""
    answer = await owner.call(
        "POST", "/management/v1/tokens/helper/generateCredentials", headers=headers
    )

    assert answer.status == 200


async def test_reads_ignore_the_origin(owner: Caller) -> None:
    """A page that shows an image's tags comes from elsewhere, and is allowed to."""
    answer = await owner.call(
        "GET", f"/v2/{REPOSITORY}/tags/list", headers={"Origin": "https://other.example"}
    )

    assert answer.status == 200

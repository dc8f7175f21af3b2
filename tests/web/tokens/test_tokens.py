"""What a token says, and how one is got."""

import base64
import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from playwright.sync_api import expect

from acrux.cli.main import cli
from acrux.client.auth import RegistryAuth
from acrux.domain.access.credential import Credential, Secret
from tests.cli.places import push
from tests.images import image
from tests.tools import require_tool
from tests.web.visiting import Guest, call


def show(guest: Guest, token: str) -> None:
    """Paste the token into the page."""
    guest.go("/web/tokens")
    guest.page.get_by_label("Token", exact=True).fill(token)
    guest.press("Show")


def issued(guest: Guest) -> str:
    """A token of the admin user."""
    address = f"/oauth2/token?service={guest.registry.host}&scope=repository:team/app:pull"
    return str(json.loads(call(guest.registry, "GET", address))["access_token"])


def foreign(claims: object, header: object = None) -> str:
    """A token that somebody else made."""
    parts = (json.dumps(part).encode() for part in (header or {"alg": "HS256"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "x"])


def test_a_token_of_ours_is_shown_and_checked(guest: Guest) -> None:
    """Whoever debugs a pipeline wants to know what its token may, without another site."""
    show(guest, issued(guest))

    expect(guest.page.locator(".facts").first).to_contain_text("good: one of this registry's keys")
    expect(guest.page.get_by_role("region", name="What it may")).to_contain_text("team/app")
    expect(guest.page.get_by_role("region", name="Claims")).to_contain_text("access_token")
    expect(guest.page.get_by_role("img", name="When the token is valid")).to_be_visible()


def test_a_token_that_was_changed_is_said_to_be(guest: Guest) -> None:
    """A token that was cut when it was copied costs an afternoon."""
    token = issued(guest)
    show(guest, f"{token[:-6]}AAAAAA")

    expect(guest.page.locator(".facts").first).to_contain_text("wrong: it looks like a token")


def test_a_revoked_token_is_signed_and_yet_not_accepted(guest: Guest) -> None:
    """A good signature alone opens nothing."""
    made = {"name": "short-lived", "scopeMapId": "_repositories_pull"}
    account = json.loads(call(guest.registry, "POST", "/management/v1/tokens", made))
    login = f"short-lived:{account['credentials']['passwords'][0]['value']}"
    address = f"/oauth2/token?service={guest.registry.host}&scope=repository:x:pull"
    token = json.loads(call(guest.registry, "GET", address, login=login))["access_token"]
    call(guest.registry, "POST", "/management/v1/tokens/short-lived/revoke")
    show(guest, token)

    facts = guest.page.locator(".facts").first
    expect(facts).to_contain_text("good")
    expect(facts).to_contain_text("revoked")


def test_nothing_of_a_pasted_token_is_kept(guest: Guest) -> None:
    """A token in a log is a token of everybody who may read it."""
    mark = "a-subject-that-is-nowhere-else"
    token = foreign({"sub": mark})
    show(guest, token)
    expect(guest.page.get_by_role("region", name="Claims")).to_contain_text(mark)

    assert mark not in guest.page.url
    log = guest.registry.log.read_text()
    assert token not in log
    assert mark not in log
    audit = call(guest.registry, "GET", "/management/v1/audit").decode()
    assert mark not in audit
    assert "/web/tokens" not in audit


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "<img src=x onerror=alert(1)>", "exp": 1e300, "iat": True},
        {"sub": {"deep": [1, None]}, "exp": "soon", "access": [1, {"actions": 3}, {"type": []}]},
        {"exp": -1, "access": "repository:*:*"},
        {"iat": 9e9, "exp": 1, "nbf": 5},
        {"\u202eevil": "\u202egnp.exe", "exp": 0.5},
    ],
)
def test_a_strangers_token_is_text(guest: Guest, claims: object) -> None:
    """Everybody can make a token, and send it to somebody who will look at it here."""
    show(guest, foreign(claims))

    expect(guest.page.locator(".facts").first).to_contain_text("not ours")
    assert guest.page.locator("img").count() == 0
    assert "\u202e" not in guest.page.content()
    assert guest.complaints == []


@pytest.mark.parametrize(
    "text", ["hello", "a.b.c", "e30.W10.x", "e30.e30", "é.e30.x", "." * 40_000]
)
def test_what_is_not_a_token_is_refused(guest: Guest, text: str) -> None:
    """A password that was pasted by mistake is not shown back."""
    show(guest, text)

    expect(guest.page.get_by_role("alert")).to_contain_text("not a token")
    assert guest.page.get_by_label("Token", exact=True).input_value() == ""


def test_a_token_is_got_in_three_steps(guest: Guest) -> None:
    """The document describes three steps, and seeing them once saves reading it twice."""
    guest.log_in_as_admin()
    guest.go("/web/tokens/new")
    guest.page.get_by_label("Repository").fill("team/app")
    guest.page.get_by_label("push").check()
    guest.press("Get the token")

    words = guest.page.locator("#words")
    expect(words).to_contain_text('scope="repository:team/app:pull"')
    expect(words).to_contain_text("scope=repository%3Ateam/app%3Apull%2Cpush")
    expect(words).to_contain_text("curl -u acrux ")
    assert guest.registry.password not in guest.page.content()
    picture = guest.page.get_by_role("img", name="Client and registry, in three steps")
    expect(picture).to_contain_text("401 and where to get a token")
    expect(guest.page.get_by_role("region", name="What it may")).to_contain_text("pull, push")


def shell(line: str) -> str:
    """What a line prints in a shell."""
    silent = line.replace("curl ", "curl -s ")
    done = subprocess.run(["sh", "-c", silent], capture_output=True, text=True, check=True)
    return done.stdout


def test_the_lines_of_the_three_steps_work_as_they_are_copied(guest: Guest) -> None:
    """Whoever learns by them must not have to guess what went wrong."""
    require_tool("curl", package="curl")
    pushed = image(b"to be pulled")
    auth = RegistryAuth(guest.registry.url, Credential("acrux", Secret(guest.registry.password)))
    push(guest.registry.url, "team/app", pushed, "v1", auth=auth)
    guest.log_in_as_admin()
    guest.go("/web/tokens/new")
    guest.page.get_by_label("Repository").fill("team/app:v1")
    guest.press("Get the token")

    challenge = guest.page.locator("#words pre.lines").inner_text()
    first, second, variable, third = guest.page.locator("#words .command code").all_inner_texts()
    assert challenge in shell(first)
    name = f"-u acrux:{guest.registry.password} "
    assert "access_token" in shell(second.replace("-u acrux ", name))  # it asks for the password
    assert shell(f"{variable}; {third}") == pushed.manifest.decode()


def test_an_action_that_is_not_granted_is_named(guest: Guest) -> None:
    """A token that holds less than was asked for is no error, and so nobody notices."""
    made = {"name": "only-pull", "scopeMapId": "_repositories_pull"}
    account = json.loads(call(guest.registry, "POST", "/management/v1/tokens", made))
    guest.log_in("only-pull", account["credentials"]["passwords"][0]["value"])
    expect(guest.page.get_by_role("button", name="Log out")).to_be_visible()
    guest.go("/web/tokens/new")
    guest.page.get_by_label("push").check()
    guest.press("Get the token")

    expect(guest.page.get_by_role("status")).to_have_text(
        "Not granted, since your scope map does not grant it: push"
    )


def test_a_token_can_be_checked_without_the_registry(guest: Guest, tmp_path: Path) -> None:
    """The token of a registry that is down, or of another network, is what one looks at most."""
    guest.go("/web/tokens")
    save, inspect = guest.page.locator(".command code").all_inner_texts()
    shell(f"cd {tmp_path}; {save}")
    words = inspect.replace("keys.json", str(tmp_path / "keys.json")).split()[1:]

    result = CliRunner().invoke(cli, words, input=issued(guest))
    assert result.exit_code == 0, result.output


def test_a_command_on_the_page_is_safe_to_paste(guest: Guest) -> None:
    """What stands in a form may come from a link or from somebody else."""
    guest.log_in_as_admin()
    guest.go("/web/tokens/new")
    guest.page.get_by_label("Repository").fill("a'; rm -rf ~; '")
    guest.press("Get the token")

    assert "; rm -rf" not in guest.page.locator("#words pre").first.inner_text()

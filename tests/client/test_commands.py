"""The commands as typed: output, exit codes, one line per failure."""

import json
import os
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from joserfc import jwt as jose
from joserfc.jwk import ECKey, KeySet

from acrux.cli.caller.http_client import masked
from acrux.cli.main import cli
from tests.client.registry import MANIFEST, REFRESH_TOKEN, SUBJECT_TOKEN, FakeRegistry

PATH = "/v2/hello-world/manifests/latest"
PULL = "repository:hello-world:pull"
LOGIN = ("-u", "alice", "--password-stdin")
TOKEN = PULL.encode().hex()
KEY = ECKey.generate_key("P-256", parameters={"kid": "k"})


def acrux(*arguments: str, stdin: str | bytes = "") -> Result:
    """Run a command."""
    return CliRunner().invoke(cli, arguments, input=stdin)


def refused_with(result: Result, code: int, why: str) -> None:
    """Check that the command failed with this code, one line that says why, and no secret."""
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit)
    last = result.stderr.splitlines()[-1]
    assert re.search(why, last), last
    assert "wonderland" not in result.output


def signed(**claims: object) -> str:
    """A token signed with KEY."""
    return jose.encode({"alg": "ES256", "kid": "k"}, claims, KEY)


@pytest.mark.parametrize("prefix", ["http://", ""])
def test_challenge_shows_what_the_registry_asks_for(prefix: str, registry: FakeRegistry) -> None:
    """It is the document's first step, and the first thing to look at when a login fails."""
    result = acrux("auth", "challenge", f"{prefix}{registry.host}{PATH}")

    assert result.exit_code == 0
    assert dict(line.split(maxsplit=1) for line in result.stdout.splitlines()) == {
        "challenge": "Bearer",
        "realm": f"{registry.url}/oauth2/token",
        "service": registry.host,
        "scope": PULL,
    }
    assert registry.steps == [(PATH, "-")]


def test_challenge_as_json(registry: FakeRegistry) -> None:
    """Scripts read it."""
    result = acrux("auth", "challenge", f"{registry.url}/v2/", "--output", "json")

    assert json.loads(result.stdout) == {
        "challenge": "bearer",
        "realm": f"{registry.url}/oauth2/token",
        "service": registry.host,
    }


def test_challenge_reports_if_there_is_none(registry: FakeRegistry) -> None:
    """An open registry answers without a challenge."""
    refused_with(acrux("auth", "challenge", f"{registry.url}/x"), 1, "answered 404 without")


def test_token_prints_the_token_alone(registry: FakeRegistry) -> None:
    """You put it into a variable, or pipe it into another command."""
    result = acrux(
        "auth", "token", "--registry", registry.host, "--scope", PULL, *LOGIN, stdin="wonderland\n"
    )

    assert (result.exit_code, result.stdout) == (0, f"{TOKEN}\n")
    assert registry.steps == [("/v2/", "-"), ("/oauth2/token", "Basic")]


def test_token_as_json_holds_the_answer_and_the_claims(registry: FakeRegistry) -> None:
    """What was granted is not always what was requested."""
    body = json.dumps({"access_token": signed(sub="alice"), "expires_in": 300}).encode()
    registry.answers["/oauth2/token"] = lambda _: (200, {}, body)

    result = acrux(
        "auth", "token", "--registry", registry.url, "--scope", PULL, "--scope",
        "registry:catalog:*", "--output", "json",
    )  # fmt: skip

    assert json.loads(result.stdout) == {**json.loads(body), "claims": {"sub": "alice"}}
    assert registry.asked[-1].path.count("scope=") == 2


@pytest.mark.parametrize(
    ("arguments", "stdin", "steps"),
    [
        (("--refresh-token-stdin",), REFRESH_TOKEN, [("/oauth2/token", "-")]),
        (("--refresh-token-stdin", "--grant", "refresh_token"), REFRESH_TOKEN,
         [("/oauth2/token", "-")]),
        (("--refresh-token-stdin", "--grant", "get"), REFRESH_TOKEN,
         [("/oauth2/token", "Basic")]),
        (("--token-stdin",), SUBJECT_TOKEN, [("/oauth2/exchange", "-"), ("/oauth2/token", "-")]),
        (("--grant", "password", *LOGIN), "wonderland", [("/oauth2/token", "-")]),
        (("--grant", "get", *LOGIN), "wonderland", [("/oauth2/token", "Basic")]),
    ],
)  # fmt: skip
def test_token_is_requested_in_each_way(
    arguments: tuple[str, ...], stdin: str, steps: list[tuple[str, str]], registry: FakeRegistry
) -> None:
    """To find out what a registry refuses, you must be able to send exactly that."""
    result = acrux(
        "auth", "token", "--registry", registry.host, "--scope", PULL, *arguments, stdin=stdin
    )

    assert (result.exit_code, result.stdout) == (0, f"{TOKEN}\n")
    assert registry.steps == [("/v2/", "-"), *steps]


@pytest.mark.parametrize("grant", ["get", "password"])
def test_token_offline_prints_the_refresh_token(grant: str, registry: FakeRegistry) -> None:
    """A script stores it in place of the password."""
    command = ("auth", "token", "--registry", registry.host, "--offline", "--grant", grant)

    result = acrux(*command, *LOGIN, stdin="wonderland\n")

    assert (result.exit_code, result.stdout) == (0, f"{REFRESH_TOKEN}\n")


def test_token_offline_reports_if_there_is_no_refresh_token(registry: FakeRegistry) -> None:
    """An access token in its place would be refused ten minutes later."""
    registry.has_refresh_tokens = False

    result = acrux("auth", "token", "--registry", registry.host, "--offline", *LOGIN,
                   stdin="wonderland\n")  # fmt: skip

    refused_with(result, 1, "no refresh token")


def test_token_needs_a_scope(registry: FakeRegistry) -> None:
    """A token without a scope is useful only with a refresh token."""
    refused_with(acrux("auth", "token", "--registry", registry.host, *LOGIN), 2, "no --scope")


@pytest.mark.parametrize("output", ["json", "table"])
def test_exchange_prints_the_refresh_token(
    output: str, registry: FakeRegistry, tmp_path: Path
) -> None:
    """You pipe it into docker login, or into another command."""
    (tmp_path / "token").write_text(f"{SUBJECT_TOKEN}\n")
    command = ("auth", "exchange", registry.host, "--output", output)

    from_file = acrux(*command, "--token-file", str(tmp_path / "token"))
    from_stdin = acrux(*command, "--token-stdin", stdin=SUBJECT_TOKEN)

    expected = {"json": f'{{\n  "refresh_token": "{REFRESH_TOKEN}"\n}}\n'}
    assert from_file.stdout == from_stdin.stdout == expected.get(output, f"{REFRESH_TOKEN}\n")
    assert registry.steps[:2] == [("/v2/", "-"), ("/oauth2/exchange", "-")]


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "why"),
    [((), "", 2, "give --token-file or"), (("--token-stdin",), "stale", 1, "wrong subject token")],
)
def test_exchange_failures_are_one_line(
    arguments: tuple[str, ...], stdin: str, code: int, why: str, registry: FakeRegistry
) -> None:
    """The registry's message says what it does not trust."""
    refused_with(acrux("auth", "exchange", registry.host, *arguments, stdin=stdin), code, why)


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "why"),
    [
        (LOGIN, "mistyped\n", 1, "401.*wrong password"),
        (("--password-stdin",), "", 2, "needs -u"),
        (("-u", "alice"), "", 2, "no password for 'alice'"),
        (("--scope", "nonsense"), "", 2, "repository:hello-world:pull"),
        (("--cacert", os.devnull), "", 2, "holds no certificates"),
        (("--refresh-token-stdin",), "stale\n", 1, "401.*wrong refresh token"),
        (("--token-stdin",), "stale\n", 1, "401.*wrong subject token"),
        (("--token-stdin",), "", 2, "standard input does not hold a token"),
        (("--token-stdin",), b"\xff", 2, "from standard input: it is not text"),
        (("--token-file", os.devnull), "", 2, "/dev/null does not hold a token"),
        (("--token-file", "/nowhere"), "", 2, "cannot read a token from /nowhere: No such"),
        (("--token-file", "/bin/true"), "", 2, "it is not text"),
        (("--token-file", "/nowhere", "--token-stdin"), "", 2, "give only one"),
        (("--refresh-token-stdin", "--token-stdin"), "", 2, "give only one"),
        (("-u", "alice", "--token-stdin"), "", 2, "give only one"),
        (("--grant", "refresh_token", *LOGIN), "wonderland", 2, "needs a refresh token"),
        (("--grant", "password", "--token-stdin"), "a", 2, "needs a user name"),
        (("--grant", "password"), "", 2, "needs a user name"),
        (("--offline",), "", 1, "401"),
    ],
)
def test_token_failures_are_one_line(
    arguments: tuple[str, ...], stdin: str | bytes, code: int, why: str, registry: FakeRegistry
) -> None:
    """After a mistyped password, a traceback helps nobody."""
    result = acrux(
        "auth", "token", "--registry", registry.host, "--scope", PULL, *arguments, stdin=stdin
    )

    refused_with(result, code, why)


def test_token_reports_a_registry_without_tokens(registry: FakeRegistry) -> None:
    """ECR has none: it requires the password itself."""
    registry.answers["/v2/"] = lambda _: (401, {"WWW-Authenticate": 'Basic realm="r"'}, b"")

    result = acrux("auth", "token", "--registry", registry.host, "--scope", PULL)

    refused_with(result, 1, "asks for Basic")


def test_a_realm_elsewhere_is_refused_and_can_be_allowed(registry: FakeRegistry) -> None:
    """The line names the option to add, if you know the host."""
    other = registry.url.replace("127.0.0.1", "localhost")
    challenge = {"WWW-Authenticate": f'Bearer realm="{other}/oauth2/token"'}
    registry.answers["/v2/"] = lambda _: (401, challenge, b"")
    command = ("auth", "token", "--registry", registry.host, "--scope", PULL, *LOGIN)

    refused = acrux(*command, stdin="wonderland")
    allowed = acrux(*command, "--allow-realm", other[len("http://") :], stdin="wonderland")

    refused_with(refused, 1, "another place")
    assert refused.stderr.endswith(f": --allow-realm {other[len('http://') :]}\n")
    assert allowed.stdout == f"{TOKEN}\n"


def test_api_prints_the_answer(registry: FakeRegistry) -> None:
    """The whole document in one command."""
    result = acrux("api", *LOGIN, f"{registry.host}{PATH}", stdin="wonderland\n")

    assert (result.exit_code, result.stdout_bytes, result.stderr) == (0, MANIFEST, "")
    assert registry.steps == [(PATH, "-"), ("/oauth2/token", "Basic"), (PATH, "Bearer")]


def test_api_traces_each_step_without_a_secret(registry: FakeRegistry) -> None:
    """The document as it happens: a reader learns the protocol, and no password."""
    result = acrux("api", "-v", *LOGIN, "--registry", registry.host, PATH, stdin="wonderland\n")

    host, url = registry.host, registry.url
    query = f"service=127.0.0.1%3A{host.rpartition(':')[2]}&scope=repository%3Ahello-world%3Apull"
    assert result.stdout_bytes == MANIFEST
    assert result.stderr.splitlines() == [
        "* Ask without credentials",
        f"> GET {url}{PATH}",
        "< 401 Unauthorized",
        f'< WWW-Authenticate: Bearer realm="{url}/oauth2/token",service="{host}",scope="{PULL}"',
        "< Content-Type: application/json",
        "< Content-Length: 37",
        "* The challenge says where: get the token with Basic",
        f"> GET {url}/oauth2/token?{query}",
        "> Authorization: Basic ***",
        "< 200 OK",
        "< Content-Length: 93",
        "* Call it with Bearer",
        f"> GET {url}{PATH}",
        f"> Authorization: Bearer {TOKEN[:3]}...{TOKEN[-3:]}",
        "< 200 OK",
        "< Docker-Content-Digest: sha256:0",
        "< Content-Type: text/x",
        f"< Content-Length: {len(MANIFEST)}",
    ]


def test_api_traces_forms_with_stars(registry: FakeRegistry) -> None:
    """It shows all that is sent, except for secrets."""
    result = acrux("api", "-v", "--token-stdin", f"{registry.host}{PATH}", stdin=SUBJECT_TOKEN)

    service = f"127.0.0.1%3A{registry.url.rpartition(':')[2]}"
    known = f"client_id=acrux&service={service}&scope=repository%3Ahello-world%3Apull"
    lines = result.stderr.splitlines()
    assert [line for line in lines if line[0] in "*>"][2:8] == [
        "* The challenge says where: exchange the subject token for a refresh token",
        f"> POST {registry.url}/oauth2/exchange",
        f"> grant_type=access_token&service={service}&access_token=***",
        "* The challenge says where: get the token with the refresh token",
        f"> POST {registry.url}/oauth2/token",
        f"> grant_type=refresh_token&refresh_token=***&{known}",
    ]
    assert SUBJECT_TOKEN not in result.stderr
    assert REFRESH_TOKEN not in result.stderr


def test_api_traces_a_password_in_a_form_with_stars(registry: FakeRegistry) -> None:
    """A password is never printed, however it is sent."""
    result = acrux("api", "-v", "--grant", "password", *LOGIN, f"{registry.host}{PATH}",
                   stdin="wonderland\n")  # fmt: skip

    assert "> grant_type=password&username=alice&password=***&" in result.stderr
    assert "wonderland" not in result.output


def test_api_uses_the_refresh_token_that_docker_keeps(
    registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After acrux login, az acr login or docker login no password is needed."""
    auths = {registry.host: {"auth": "MDA6", "identitytoken": REFRESH_TOKEN}}
    (tmp_path / "config.json").write_text(json.dumps({"auths": auths}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    result = acrux("api", f"{registry.host}{PATH}")

    assert (result.exit_code, result.stdout_bytes) == (0, MANIFEST)
    assert registry.asked[1].form["refresh_token"] == REFRESH_TOKEN


@pytest.mark.parametrize(
    ("secret", "shown"), [("", "***"), ("short", "***"), ("a" * 21, "aaa...aaa")]
)
def test_a_short_secret_is_masked_whole(secret: str, shown: str) -> None:
    """Six characters of a long token reveal nothing, of a short one nearly everything."""
    assert masked(secret) == shown


def test_api_includes_the_headers_on_request(registry: FakeRegistry) -> None:
    """A digest is in a header."""
    result = acrux("api", "-i", *LOGIN, f"{registry.host}{PATH}", stdin="wonderland\n")

    assert result.stdout.startswith("200 OK\n")
    assert "docker-content-digest: sha256:0\n" in result.stdout.lower()
    assert result.stdout.endswith(f"\n\n{MANIFEST.decode()}")


@pytest.mark.parametrize("source", ["text", "file", "stdin"])
def test_api_sends_data(
    source: str, registry: FakeRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """You can push a manifest with one command."""
    monkeypatch.setenv("ACRUX_PASSWORD", "wonderland")
    (tmp_path / "data").write_text("some data")
    data = {"text": "some data", "file": f"@{tmp_path}/data", "stdin": "@-"}[source]
    options = ("-X", "put", "-H", "Content-Type: a/b", "--data", data, "-u", "alice")

    result = acrux("api", *options, f"{registry.host}{PATH}", stdin="some data")

    assert (result.exit_code, result.stdout) == (0, "some data")
    assert [asked.method for asked in registry.asked] == ["PUT", "GET", "PUT"]


def test_api_reports_a_refusal_and_prints_the_registrys_answer(registry: FakeRegistry) -> None:
    """A script looks at the exit code, a person at the body."""
    path = "/v2/hello-world/manifests/missing"

    result = acrux("api", *LOGIN, f"{registry.host}{path}", stdin="wonderland\n")

    assert "MANIFEST_UNKNOWN" in result.stdout
    refused_with(result, 1, "404 Not Found")


@pytest.mark.parametrize(
    "arguments",
    [
        ("/v2/",),
        ("--registry", "localhost", "localhost/v2/"),
        ("ftp://localhost/",),
        ("http://a:b@localhost/",),
        ("localhost:99999/",),
        ("localhost", "-H", "no colon"),
        ("localhost", "-H", "a: b\nc: d"),
        ("localhost", "--data", "@/nowhere/at/all"),
        ("localhost", "--data", "@-", "-u", "a", "--password-stdin"),
        ("localhost", "--data", "@-", "--token-stdin"),
        ("localhost", "--insecure=maybe"),
    ],
)
def test_wrong_usage_is_exit_code_two(arguments: tuple[str, ...]) -> None:
    """Nothing is sent if it is unclear what to send."""
    refused_with(acrux("api", *arguments), 2, ".")


def test_an_unreachable_registry_is_exit_code_three(registry: FakeRegistry) -> None:
    """A script that waits for its registry must tell this from a refusal."""
    registry.answers["/v2/"] = lambda _: (401, {"WWW-Authenticate": f'Bearer realm="{gone}"'}, b"")
    gone = "http://127.0.0.1:1/token"

    nobody = acrux("api", "http://127.0.0.1:1/v2/")
    no_realm = acrux("api", f"{registry.host}/v2/", "--allow-realm", "127.0.0.1:1")

    refused_with(nobody, 3, "cannot reach http://127.0.0.1:1: ")
    refused_with(no_realm, 3, "cannot reach http://127.0.0.1:1: ")


def test_credentials_of_the_environment_are_used(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build has no terminal and no docker."""
    monkeypatch.setenv("ACRUX_USERNAME", "alice")
    monkeypatch.setenv("ACRUX_PASSWORD", "wonderland")

    assert acrux("api", f"{registry.host}{PATH}").exit_code == 0


def test_credentials_of_docker_are_used(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After a login with docker you need not log in again."""
    answer = """'{"Username":"alice","Secret":"wonderland"}'"""
    helper = tmp_path / "docker-credential-fake"
    helper.write_text(f"#!/bin/sh\necho {answer}\n")
    helper.chmod(stat.S_IRWXU)
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {registry.host: "fake"}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    assert acrux("api", f"{registry.host}{PATH}").exit_code == 0


def test_inspect_shows_header_claims_and_lifetime() -> None:
    """What may it do, and until when: the two questions behind most refusals."""
    result = acrux("auth", "inspect", stdin=signed(sub="al\x1b[2Jice", exp=4_000_000_000))

    lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
    assert result.exit_code == 0
    assert lines["header.alg"] == "ES256"
    assert lines["sub"] == "al?[2Jice"
    assert lines["life"].startswith("expires in ")
    assert lines["signature"] == "not verified"


def test_inspect_of_an_expired_token_says_since_when() -> None:
    """Expired tokens are inspected more often than any others."""
    result = acrux("auth", "inspect", signed(exp=1), "--output", "json")

    shown = json.loads(result.stdout)
    assert shown["claims"] == {"exp": 1}
    assert shown["seconds_left"] < 0
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("kind", "told"),
    [("access_token", "access token: "), ("refresh_token", "refresh token: "), (1, "it does not")],
)
def test_inspect_shows_the_kind(kind: object, told: str) -> None:
    """The two are confused more often than anything else."""
    token = signed(grant_type=kind)

    table = acrux("auth", "inspect", token)
    shown = json.loads(acrux("auth", "inspect", token, "--output", "json").stdout)

    assert (
        dict(line.split(maxsplit=1) for line in table.stdout.splitlines())["kind"][: len(told)]
        == told
    )
    assert shown["kind"] == (kind if isinstance(kind, str) else None)


@pytest.mark.parametrize("from_url", [True, False])
def test_inspect_verifies_with_a_key_set(
    from_url: bool, registry: FakeRegistry, tmp_path: Path
) -> None:
    """If you build on the tokens, you want to see that the keys work."""
    keys = json.dumps(KeySet([KEY]).as_dict(private=False)).encode()
    registry.answers["/keys"] = lambda _: (200, {}, keys)
    (tmp_path / "keys").write_bytes(keys)
    source = f"{registry.url}/keys" if from_url else str(tmp_path / "keys")

    good = acrux("auth", "inspect", signed(sub="alice"), "--jwks", source)
    bad = acrux("auth", "inspect", signed(sub="alice")[:-8] + "AAAAAAAA", "--jwks", source)

    assert "good (ES256)" in good.stdout
    refused_with(bad, 1, "signature is not good")


@pytest.mark.parametrize(
    ("source", "code"), [("/nowhere", 2), ("URL/missing", 1), ("URL/html", 1), ("URL/none", 1)]
)
def test_inspect_reports_keys_that_cannot_be_fetched(
    source: str, code: int, registry: FakeRegistry
) -> None:
    """Missing keys are not a bad signature."""
    registry.answers["/html"] = lambda _: (200, {}, b"<html>")
    registry.answers["/none"] = lambda _: (200, {}, b"{}")

    result = acrux("auth", "inspect", signed(), "--jwks", source.replace("URL", registry.url))

    refused_with(result, code, "without a key set|not a readable JSON file|not a JSON Web Key Set")


def test_inspect_reports_an_opaque_token() -> None:
    """Some registries' tokens cannot be decoded."""
    refused_with(acrux("auth", "inspect", stdin="opaque"), 1, "opaque token")


@pytest.mark.parametrize(
    "command",
    [
        ("auth",), ("auth", "challenge"), ("auth", "token"), ("auth", "inspect"),
        ("auth", "exchange"), ("api",), ("login",), ("logout",),
    ],
)  # fmt: skip
def test_help_has_examples(command: tuple[str, ...]) -> None:
    """Most people learn a command from its examples."""
    result = acrux(*command, "--help")

    assert result.exit_code == 0
    assert command == ("auth",) or "Example" in result.stdout

"""acrux webhook, as typed: the words of az acr webhook."""

from pathlib import Path

import pytest

from acrux.domain.webhooks.signing import written
from acrux.errors import InvalidInput, NameTaken, NotYet, UnknownName
from tests.cli.policies.typed import Terminal

URI = "https://hooks.example.com/s3cret-path"
CREATE = ("webhook", "create", "-n", "deploy", "--uri", URI, "--actions", "push")
UPDATE = ("webhook", "update", "-n", "deploy")
CONFIG = ("webhook", "get-config", "-n", "deploy")


def test_a_webhook_is_created_shown_changed_and_deleted(terminal: Terminal) -> None:
    """The life of a webhook; the secret is shown once."""
    created = terminal.json(
        *CREATE, "delete", "--scope", "team/app:*", "--status", "disabled",
        "--headers", "Authorization=Bearer s3cret token", "X-Team=blue", "--format", "cloudevents",
    )  # fmt: skip
    shown = terminal.json("webhook", "show", "-n", "deploy")
    listed = terminal.json("webhook", "list")
    changed = terminal.json(
        *UPDATE, "--actions", "push", "--scope", "", "--status", "enabled", "--format", "acr"
    )
    terminal.ok("webhook", "delete", "-n", "deploy", "--yes")

    assert created.pop("secret").startswith("whsec_")
    assert listed == [shown] == [created]
    assert created["actions"] == ["push", "delete"]
    assert (created["scope"], created["status"]) == ("team/app:*", "disabled")
    assert (created["format"], created["receiver"]) == ("cloudevents", "https://hooks.example.com")
    assert (changed["actions"], changed["scope"]) == (["push"], "")
    assert (changed["status"], changed["format"]) == ("enabled", "acr")
    assert terminal.json("webhook", "list") == []


def test_people_read_a_table_and_the_secret(terminal: Terminal) -> None:
    """Whoever sets up the receiver copies it from there."""
    lines = terminal.ok(*CREATE).stdout.splitlines()

    assert lines[0].split()[:3] == ["NAME", "STATUS", "RECEIVER"]
    assert lines[1].split() == [
        "deploy", "enabled", "https://hooks.example.com", "push", "all", "0", "0", "none", "yet",
    ]  # fmt: skip
    assert lines[2].startswith("secret: whsec_")
    assert "whsec_" not in terminal.ok("webhook", "list").stdout


def test_headers_are_given_as_az_takes_them_and_never_shown(terminal: Terminal) -> None:
    """An empty text removes them."""
    terminal.ok(*CREATE, "--headers", "Authorization=Bearer a b", "X-Team=blue=green")
    before = terminal.json(*CONFIG)
    table = terminal.ok(*CONFIG).stdout
    terminal.ok(*UPDATE, "--headers", "X-Other=1")
    replaced = terminal.json(*CONFIG)
    terminal.ok(*UPDATE, "--headers", "")
    removed = terminal.json(*CONFIG)

    assert before == {
        "serviceUri": URI, "customHeaders": {"Authorization": "***", "X-Team": "***"},
    }  # fmt: skip
    assert URI in table
    assert "Authorization, X-Team" in table
    assert replaced["customHeaders"] == {"X-Other": "***"}
    assert removed == {"serviceUri": URI, "customHeaders": {}}


def test_what_may_be_a_credential_is_not_recorded(terminal: Terminal) -> None:
    """Everybody who audits would read it."""
    terminal.ok(*CREATE, "--headers", "Authorization=Bearer s3cret")
    terminal.ok(*CONFIG)
    recorded = [one["request"].partition(" ")[2] for one in terminal.json("audit", "list")]

    assert sorted(recorded) == [
        "webhook create --name deploy --uri '***' --actions push --headers '***'",
        "webhook get-config --name deploy",
    ]


def test_a_secret_can_be_given_and_renewed(terminal: Terminal, tmp_path: Path) -> None:
    """A receiver may have one already, and secrets must be replaced now and then."""
    file = tmp_path.parent / f"{tmp_path.name}-secret"
    file.write_text(written(b"k" * 32) + "\n")
    given = terminal.json(*CREATE, "--secret-file", str(file))
    renewed = terminal.json("webhook", "renew-secret", "-n", "deploy")
    typed = terminal.ok(
        "webhook", "renew-secret", "-n", "deploy", "--secret-file", "-",
        typed=written(b"x" * 32),
    )  # fmt: skip

    assert given["secret"] == written(b"k" * 32)
    assert renewed["secret"] not in ("", given["secret"])
    assert typed.stdout.strip() == written(b"x" * 32)


def test_a_ping_waits_for_the_running_registry(terminal: Terminal) -> None:
    """The id leads to what became of it."""
    terminal.ok(*CREATE)
    ping = terminal.json("webhook", "ping", "-n", "deploy")
    again = terminal.ok("webhook", "ping", "-n", "deploy").stdout.strip()
    events = terminal.json("webhook", "list-events", "-n", "deploy")
    table = terminal.ok("webhook", "list-events", "-n", "deploy").stdout.splitlines()

    assert [event["id"] for event in events] == [again, ping["id"]]
    assert {event["state"] for event in events} == {"waiting"}
    assert events[0]["eventRequestMessage"]["content"]["action"] == "ping"
    assert table[1].split() == [again, "ping", "waiting", "0"]
    assert terminal.json("webhook", "list-events", "-n", "deploy", "--state", "dead") == []
    assert len(terminal.json("webhook", "list-events", "-n", "deploy", "--limit", "1")) == 1


def test_a_replay_says_how_many(terminal: Terminal) -> None:
    """None may be dead."""
    terminal.ok(*CREATE)

    assert terminal.ok("webhook", "replay", "-n", "deploy", "--all").stdout == (
        "0 events wait again\n"
    )
    assert terminal.json("webhook", "replay", "-n", "deploy", "--all") == {"events": 0}


@pytest.mark.parametrize(
    "arguments",
    [
        (*CREATE[:-2],),
        (*CREATE[:-1], "pull"),
        (*CREATE[:-1], "ping"),
        (*CREATE[:4], "--actions", "push"),
        (*CREATE, "--headers", "Authorization"),
        (*CREATE, "--status", "on"),
        (*CREATE, "--format", "xml"),
        UPDATE,
        ("webhook", "replay", "-n", "deploy"),
        ("webhook", "replay", "-n", "deploy", "--all", "--event-id", "x"),
        ("webhook", "list-events", "-n", "deploy", "--state", "lost"),
    ],
    ids=" ".join,
)
def test_wrong_usage_has_its_exit_code(terminal: Terminal, arguments: tuple[str, ...]) -> None:
    """A script tells it from a failure."""
    assert terminal.run(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "kind", "said"),
    [
        ((*CREATE, "--scope", "team/*"), InvalidInput, "REPOSITORY:*"),
        ((*CREATE[:5], "http://example.com", *CREATE[6:]), InvalidInput, "webhook_networks"),
        ((*CREATE, "--headers", "Host=x"), InvalidInput, "acrux itself"),
        (("webhook", "show", "-n", "deplyo"), UnknownName, "acrux webhook list"),
        (("webhook", "delete", "-n", "deplyo", "-y"), UnknownName, "acrux webhook list"),
        (("webhook", "ping", "-n", "deplyo"), UnknownName, "acrux webhook list"),
        (("webhook", "list-events", "-n", "deplyo"), UnknownName, "acrux webhook list"),
        (("webhook", "replay", "-n", "deplyo", "--all"), UnknownName, "acrux webhook list"),
        (("webhook", "renew-secret", "-n", "deplyo"), UnknownName, "acrux webhook list"),
    ],
)
def test_what_is_wrong_is_said(
    terminal: Terminal, arguments: tuple[str, ...], kind: type[Exception], said: str
) -> None:
    """A person reads what to do."""
    refused = terminal.run(*arguments).exception

    assert isinstance(refused, kind)
    assert said in str(refused)


def test_a_name_is_given_once(terminal: Terminal) -> None:
    """The second one would replace the first."""
    terminal.ok(*CREATE)

    assert isinstance(terminal.run(*CREATE).exception, NameTaken)


def test_a_disabled_webhook_is_not_pinged(terminal: Terminal) -> None:
    """It says what to do first."""
    terminal.ok(*CREATE, "--status", "disabled")

    assert isinstance(terminal.run("webhook", "ping", "-n", "deploy").exception, NotYet)


def test_networks_can_be_named_for_a_command(terminal: Terminal) -> None:
    """The registry may never have run yet."""
    created = terminal.json(
        *CREATE[:5], "http://10.0.0.7/hook", *CREATE[6:], "--webhook-network", "10.0.0.0/8"
    )

    assert created["receiver"] == "http://10.0.0.7"

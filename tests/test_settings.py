"""Settings: read once, fully checked, and shown with their source."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from acrux.cli.main import cli
from acrux.errors import InvalidSettings
from acrux.settings import Settings, rows
from acrux.settings_sources import CurrentSettings, load


def write(folder: Path, text: str) -> Path:
    """Write a file of settings."""
    file = folder / "acrux.toml"
    file.write_text(text)
    return file


def test_without_anything_the_defaults_are_what_the_document_says() -> None:
    """The one command that runs the registry needs no setting."""
    settings = load({}, {}, None).settings

    assert (settings.host, settings.port, settings.name) == ("127.0.0.1", 5000, "acrux")
    assert settings.data_dir == Path("acrux-data")
    assert settings.access_token_seconds == 4500
    assert settings.known_login_servers[0] == "localhost:5000"


def test_options_win_over_variables_and_these_over_the_file(tmp_path: Path) -> None:
    """The closer to the keyboard, the stronger."""
    config = write(tmp_path, 'port = 1\nhost = "10.0.0.1"\nname = "from-file"')

    loaded = load({"ACRUX_PORT": "2", "ACRUX_HOST": "10.0.0.2"}, {"port": 3}, config)

    values = {origin.name: (origin.value, origin.source) for origin in loaded.origins}
    assert values["port"] == (3, "command line")
    assert values["host"] == ("10.0.0.2", "environment")
    assert values["name"] == ("from-file", str(config))
    assert values["workers"] == (0, "default")


def test_a_list_is_separated_by_commas_in_a_variable_and_an_array_in_the_file(
    tmp_path: Path,
) -> None:
    """Both are read as people write them."""
    config = write(tmp_path, 'login_servers = ["a.test", "b.test:5000"]')

    assert load({}, {}, config).settings.login_servers == ("a.test", "b.test:5000")
    environ = {"ACRUX_LOGIN_SERVERS": "c.test, d.test"}
    assert load(environ, {}, config).settings.login_servers == ("c.test", "d.test")


@pytest.mark.parametrize(
    ("environ", "options", "said"),
    [
        ({"ACRUX_PORT": "x"}, {}, "port (ACRUX_PORT)"),
        ({"ACRUX_PORT": "70000"}, {}, "0 to 65535"),
        ({"ACRUX_SIGNING_ALGORITHM": "none"}, {}, "signing_algorithm"),
        ({"ACRUX_TLS_SELF_SIGNED": "perhaps"}, {}, "tls_self_signed"),
        ({}, {"name": "abc"}, "5 to 50"),
        ({}, {"workers": -1}, "workers"),
        ({}, {"login_servers": ("https://a.test",)}, "without a scheme"),
        ({}, {"login_servers": ("a..b",)}, "login_servers"),
        ({}, {"login_servers": ("a.-b:1",)}, "login_servers"),
        ({}, {"login_servers": ("a:0",)}, "login_servers"),
        ({}, {"data_dir": ""}, "data_dir"),
        ({}, {"refresh_token_seconds": 299}, "refresh_token_seconds"),
        ({}, {"trusted_proxies": ("10.0.0.0/33",)}, "10.0.0.0/33"),
        ({}, {"access_token_seconds": 59}, "60 to 86400"),
        ({}, {"idle_seconds": 0}, "idle_seconds"),
        ({}, {"account_limits": ("read=5", "read=6")}, "twice"),
        ({}, {"anonymous_limits": ("token",)}, "such as read=600"),
        ({}, {"concurrent_uploads": 5000}, "0 to 4096"),
        ({}, {"metrics_listen": "127.0.0.1:5000"}, "the registry's own port"),
        ({}, {"metrics_listen": "0.0.0.0:5001", "port": 5001}, "the registry's own port"),
        ({}, {"tls_cert": Path("c.pem")}, "set tls_key too"),
        ({}, {"tls_key": Path("k.pem")}, "set tls_cert too"),
        (
            {},
            {"tls_cert": Path("c"), "tls_key": Path("k"), "tls_self_signed": True},
            "either this",
        ),
        ({"ACRUX_TOKEN_ISSUER": ""}, {}, "token_issuer (ACRUX_TOKEN_ISSUER): must be 1 to 255"),
        ({"ACRUX_TOKEN_ISSUER": "a\nb"}, {}, "token_issuer (ACRUX_TOKEN_ISSUER): must be 1 to 255"),
        ({}, {"token_services": ("Images",)}, "'Images' is not a service's name in lower case"),
        ({}, {"token_services": ("localhost:5000",)}, "is a login server of this registry itself"),
        (
            {},
            {"token_certificates": True},
            "token_certificates (command line): set token_services too",
        ),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start(
    environ: dict[str, str], options: dict[str, object], said: str
) -> None:
    """A registry that runs with half its settings is worse than none."""
    with pytest.raises(InvalidSettings) as refused:
        load(environ, options, None)

    assert said in refused.value.message


def test_a_variable_that_is_not_a_setting_is_ignored_and_named() -> None:
    """Other programs may have variables with our prefix, and a typo must be seen."""
    loaded = load({"ACRUX_PROT": "1", "OTHER": "2", "ACRUX_USERNAME": "me"}, {}, None)

    [sentence] = loaded.ignored
    assert "ACRUX_PROT" in sentence
    assert "did you mean ACRUX_PORT" in sentence


@pytest.mark.parametrize(
    "name",
    ["ACRUX_SERVICE_HOST", "ACRUX_SERVICE_PORT", "ACRUX_SERVICE_PORT_HTTP", "ACRUX_PORT",
     "ACRUX_PORT_443_TCP", "ACRUX_PORT_53_UDP_ADDR", "ACRUX_WEB_SERVICE_HOST", "ACRUX_WEB_PORT",
     "ACRUX_WEB_PORT_80_TCP_PROTO"],
)  # fmt: skip
def test_what_kubernetes_sets_for_a_service_is_not_a_setting(name: str) -> None:
    """A pod beside a Service named acrux would not start."""
    loaded = load({name: "tcp://10.96.0.7:5000"}, {}, None)

    assert loaded.settings == Settings()
    assert f"ignored {name}:" in loaded.ignored[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [("prot = 1", "did you mean port"), ("port = ", "acrux.toml"), ('port = "x"', "port")],
)
def test_a_file_that_cannot_be_used_stops_the_start(tmp_path: Path, text: str, said: str) -> None:
    """The message names the file and the error in it."""
    with pytest.raises(InvalidSettings) as refused:
        load({}, {}, write(tmp_path, text))

    assert said in refused.value.message


def test_a_missing_file_stops_the_start(tmp_path: Path) -> None:
    """Otherwise the registry would silently run with the defaults."""
    with pytest.raises(InvalidSettings) as refused:
        load({}, {}, tmp_path / "nowhere.toml")

    assert "nowhere.toml" in refused.value.message


def test_all_problems_are_reported_at_once_with_their_source_and_what_was_expected(
    tmp_path: Path,
) -> None:
    """Nobody likes to find them one by one, or to look for where a value comes from."""
    config = write(tmp_path, 'workers = "many"\nidle_seconds = 0\nlog_level = "loud"')
    environ = {
        "ACRUX_PORT": "70000", "ACRUX_NAME": "x", "ACRUX_TLS_SELF_SIGNED": "perhaps",
        "ACRUX_WORKRES": "2", "ACRUX_TYPO": "1",
    }  # fmt: skip
    with pytest.raises(InvalidSettings) as refused:
        load(environ, {"audit_days": "soon", "account_limits": ("x=5", "reed=5")}, config)

    for problem in (
        f"workers ({config}): must be a whole number, not 'many'",
        f"idle_seconds ({config}): must be from 1 to 3600, not 0",
        f"log_level ({config}): must be one of debug, info, warning, error, not 'loud'",
        "port (ACRUX_PORT): must be from 0 to 65535, not 70000",
        "name (ACRUX_NAME): must be 5 to 50",
        "tls_self_signed (ACRUX_TLS_SELF_SIGNED): must be true or false, not 'perhaps'",
        "audit_days (command line): must be a whole number, not 'soon'",
        "account_limits (command line): 'x=5' is not read, write, delete, referrers or token",
        "account_limits (command line): 'reed=5' is not read, write, delete, referrers or token",
        "there is no setting ACRUX_WORKRES (environment): did you mean ACRUX_WORKERS?",
        "there is no setting ACRUX_TYPO (environment): see acrux settings",
    ):
        assert any(line.startswith(problem) for line in refused.value.message.splitlines())


def test_a_long_wrong_value_is_cut() -> None:
    """A file that was pasted into a variable would fill the terminal."""
    with pytest.raises(InvalidSettings) as refused:
        load({"ACRUX_PORT": "x" * 5000}, {}, None)

    assert len(refused.value.message) < 200


def test_wrong_options_are_refused_with_all_other_problems(tmp_path: Path) -> None:
    """The parser of the command line would name the first one only, and no variable."""
    told = CliRunner().invoke(
        cli,
        ["settings", "--port", "x", "--log-format", "xml", "--data-dir", str(tmp_path)],
        env={"ACRUX_WORKERS": "many"},
    )

    for name in ("port (command line)", "log_format (command line)", "workers (ACRUX_WORKERS)"):
        assert name in str(told.exception)


def test_what_is_read_again_takes_effect_and_the_rest_is_named(tmp_path: Path) -> None:
    """An operator changes the level of the log, and must learn what a signal does not change."""
    config = write(tmp_path, "port = 0")
    read = partial(load, {"ACRUX_LOG_PROBES": "false"}, {}, config)
    given = read().settings
    current = CurrentSettings(given.replace(port=4711), given, lambda: read().settings)
    write(tmp_path, 'port = 0\nlog_level = "error"\naccount_limits = ["read=5"]\nworkers = 3')

    assert current.read_again() == ("workers",)
    assert current.settings.log_level == "error"
    assert current.settings.account_limits == ("read=5",)
    assert (current.settings.port, current.settings.log_probes) == (4711, False)
    assert current.settings.workers == 0


def test_settings_that_became_wrong_change_nothing(tmp_path: Path) -> None:
    """A typo in a file would stop a registry that runs."""
    config = write(tmp_path, 'log_level = "error"')
    read = partial(load, {}, {}, config)
    current = CurrentSettings(read().settings, read().settings, lambda: read().settings)
    write(tmp_path, 'log_level = "loud"')

    with pytest.raises(InvalidSettings, match="log_level"):
        current.read_again()
    assert current.settings.log_level == "error"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), ("localhost:5000", "127.0.0.1:5000", "[::1]:5000")),
        (Settings(port=80), ("localhost", "127.0.0.1", "[::1]")),
        (Settings(port=443, tls_self_signed=True), ("localhost", "127.0.0.1", "[::1]")),
        (Settings(host="10.0.0.1"),
         ("10.0.0.1:5000", "localhost:5000", "127.0.0.1:5000", "[::1]:5000")),
        (Settings(host="fd00::1", port=1),
         ("[fd00::1]:1", "localhost:1", "127.0.0.1:1", "[::1]:1")),
        (Settings(host="0.0.0.0"), ("localhost:5000", "127.0.0.1:5000", "[::1]:5000")),
        (Settings(host="0.0.0.0", login_servers=("a.test",)), ("a.test",)),
    ],
)  # fmt: skip
def test_without_login_servers_those_that_reach_this_machine_are_known(
    settings: Settings, expected: tuple[str, ...]
) -> None:
    """The first command must work without a name."""
    assert settings.known_login_servers == expected


def every_command(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    """The commands within the group, each with the words that you type."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from every_command(command, f"{path} {name}")


def test_no_option_of_a_command_means_two_things() -> None:
    """`acrux user create --name alice` would rename the registry instead."""
    for typed, command in every_command(cli, "acrux"):
        options = [option for parameter in command.params for option in parameter.opts]
        assert len(options) == len(set(options)), typed


def test_what_is_on_by_default_can_be_turned_off_by_an_option() -> None:
    """An option that only turns on what is on does nothing."""
    for row in rows():
        if row.default is True:
            typed = f"--no-{row.name.replace('_', '-')}"
            shown = CliRunner().invoke(cli, ["settings", typed, "-o", "json"]).output
            [found] = [one for one in json.loads(shown) if one["name"] == row.name]
            assert (found["value"], found["source"]) == (False, "command line")

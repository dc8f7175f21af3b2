"""The command `acrux`: find the subcommand, report failures in one line."""

import difflib
import importlib
import sys
from typing import Final

import click
from click.shell_completion import CompletionItem

from acrux.cli import environment, exits
from acrux.errors import RegistryError

_LOST: Final = (
    "standard output took only a part, or nothing. What the command was to change may be changed; "
    "a password that it was to show can only be made anew"
)

REGISTRY: Final = frozenset({"--registry", "-r"})

# A command is imported only when it is called: `acrux version` must not load a web server.
COMMANDS: Final = {
    "serve": "acrux.cli.server.serve:serve",
    "health": "acrux.cli.server.health:health",
    "credential": "acrux.cli.access.credential:credential",
    "token": "acrux.cli.access.token:token",
    "user": "acrux.cli.access.user:user",
    "scope-map": "acrux.cli.access.scope_map:scope_map",
    "lockout": "acrux.cli.access.lockout:lockout",
    "key": "acrux.cli.access.key:key",
    "trust": "acrux.cli.access.trust:trust",
    "show": "acrux.cli.update:show",
    "update": "acrux.cli.update:update",
    "retention": "acrux.cli.policies.retention:retention",
    "purge": "acrux.cli.policies.purge:purge",
    "write-once": "acrux.cli.policies.write_once:write_once",
    "quota": "acrux.cli.policies.quota:quota",
    "config": "acrux.cli.policies.config:config",
    "webhook": "acrux.cli.webhooks.webhook:webhook",
    "gc": "acrux.cli.storage.gc:gc",
    "usage": "acrux.cli.storage.usage:usage",
    "show-usage": "acrux.cli.storage.usage:show_usage",
    "deleted": "acrux.cli.storage.deleted:deleted",
    "repository": "acrux.cli.content.repository:repository",
    "manifest": "acrux.cli.content.manifest:manifest",
    "check": "acrux.cli.storage.check:check",
    "backup": "acrux.cli.backup.backup:backup",
    "restore": "acrux.cli.backup.restore:restore",
    "migrate": "acrux.cli.backup.migrate:migrate",
    "audit": "acrux.cli.audit:audit",
    "log-level": "acrux.cli.server.log_level:log_level",
    "settings": "acrux.cli.settings:settings",
    "completion": "acrux.cli.completion:completion",
    "version": "acrux.cli.version:version",
    "login": "acrux.cli.caller.login:login",
    "logout": "acrux.cli.caller.login:logout",
    "doctor": "acrux.cli.doctor.doctor:doctor",
    "auth": "acrux.cli.auth:auth",
    "api": "acrux.cli.caller.api:api",
}


class Commands(click.Group):
    """The commands, each in a module of its own."""

    def list_commands(self, _: click.Context) -> list[str]:
        """Their names, in the order of the help text."""
        return list(COMMANDS)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """The command of this name. Raises InvalidSettings if its dependencies are outdated."""
        if name not in COMMANDS:
            return None
        environment.check_own()  # before an import of a package that is missing, and before data
        module, attribute = COMMANDS[name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Their names alone: for their help, each of them would have to be imported."""
        named = [CompletionItem(name) for name in COMMANDS if name.startswith(incomplete)]
        return named or click.Command.shell_complete(self, context, incomplete)

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a hint if the name is similar to that of a command."""
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            nearest = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {nearest[0]!r}?" if nearest else ""
            raise click.UsageError(error.format_message() + hint, context) from None


def _print_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted and not context.resilient_parsing:
        from acrux.cli.version import version  # noqa: PLC0415 -- a command imports what it uses

        context.invoke(version)
        context.exit()


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", "-V", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version, as acrux version does.",
)  # fmt: skip
def cli() -> None:
    """A self-hosted container registry that speaks Azure Container Registry's protocol.

    \b
    Examples:
      acrux serve                          # a registry on http://localhost:5000
      acrux credential show                # who may log in
      acrux credential renew --password-name password
      acrux api -u acrux -v localhost:5000/v2/_catalog
    """


def main() -> None:
    """Run the command line. Exit with the codes of `exits` if something was refused."""
    try:
        code = cli(prog_name="acrux", standalone_mode=False)
        if sys.stdout is not None:  # it may have been closed: acrux ... >&-
            sys.stdout.flush()
        sys.exit(code if isinstance(code, int) else 0)
    except RegistryError as refused:
        _fail(exits.message_of(refused), exits.code_of(refused))
    except click.exceptions.NoArgsIsHelpError as helped:
        helped.show()
        sys.exit(helped.exit_code)
    except click.ClickException as refused:
        if isinstance(refused, click.UsageError) and refused.ctx is not None:
            click.echo(refused.ctx.get_usage(), err=True)
        _fail(_said(refused), refused.exit_code)
    except click.Abort:
        _fail("aborted", exits.REFUSED)
    except BrokenPipeError:
        exits.lose_output()
        sys.exit(exits.REFUSED)
    except OSError as failed:  # a full disk below a redirected output, a file that is missing
        exits.lose_output()
        if exits.is_of_output(failed):
            _fail(f"{failed.strerror or failed}: {_LOST}", exits.REFUSED)
        where = f"{failed.filename}: " if failed.filename else ""
        _fail(f"{where}{failed.strerror or failed}", exits.REFUSED)


def _said(refused: click.ClickException) -> str:
    message = refused.format_message()
    is_registry = isinstance(refused, click.NoSuchOption) and refused.option_name in REGISTRY
    context = refused.ctx if isinstance(refused, click.UsageError) else None
    if not is_registry or context is None:
        return message
    if not any(parameter.name == "data_dir" for parameter in context.command.params):
        return message
    command = context.command_path
    return (
        f"{command} works on the files of a registry: run it on the registry's machine, with "
        "--data-dir, such as by ssh or kubectl exec"
    )


def _fail(message: str, code: int) -> None:
    for line in message.splitlines():
        click.echo(f"acrux: {line}", err=True)
    sys.exit(code)

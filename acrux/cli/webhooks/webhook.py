"""acrux webhook: tell other programs of pushes and deletions."""

from pathlib import Path
from typing import Any

import click
from msgspec import to_builtins
from msgspec.structs import replace

from acrux.cli.options import asking, output_option, print_json, setting_options
from acrux.cli.webhooks.events import list_events, ping, replay
from acrux.cli.webhooks.options import (
    actions_option,
    format_option,
    headers_option,
    name_option,
    print_webhooks,
    read_secret,
    run,
    scope_option,
    secret_option,
    status_option,
    uri_option,
)
from acrux.cli.webhooks.receiver import get_config, renew_secret
from acrux.cli.words import WordsCommand
from acrux.domain.webhooks.event import Action
from acrux.domain.webhooks.scope import EventScope
from acrux.domain.webhooks.webhook import Format, Webhook
from acrux.http.management.webhooks import shapes
from acrux.services.webhooks.webhooks import Receiver


@click.group()
def webhook() -> None:
    """Manage webhooks, which tell other programs of pushes and deletions.

    The running registry sends each event as a signed POST, in ACR's form or as a CloudEvent. What
    is not accepted is sent again for a day.
    """


for command in (ping, list_events, replay, get_config, renew_secret):
    webhook.add_command(command)


@webhook.command(cls=WordsCommand)
@name_option
@uri_option(required=True)
@actions_option(required=True)
@scope_option
@headers_option
@format_option
@secret_option
@status_option
@setting_options("data_dir", "webhook_networks")
@output_option
def create(  # noqa: PLR0913, PLR0917 -- az acr has that many options
    config: Path | None,
    webhook_name: str,
    uri: str,
    actions: tuple[Action, ...],
    scope: str | None,
    headers: tuple[tuple[str, str], ...] | None,
    format_: str | None,
    secret_file: Any,
    status: str | None,
    output: str,
    **options: object,
) -> None:
    """Create a webhook and show the secret that signs its events. It is shown only once.

    \b
    Examples:
      acrux webhook create -n deploy --uri https://ci.example.com/hook --actions push
      acrux webhook create -n audit --uri https://log.example.com/in --actions push delete \\
          --scope "team/app:*" --headers "Authorization=Bearer x" --format cloudevents
    """
    wanted = Webhook(
        name=webhook_name,
        actions=actions,
        scope=EventScope.parse(scope or ""),
        format=Format(format_ or Format.ACR),
        is_enabled=status != "disabled",
    )
    receiver, given = Receiver(uri, headers or ()), read_secret(secret_file)
    created, secret = run(
        config, options, lambda services: services.webhooks.create(wanted, receiver, given)
    )
    if output == "json":
        print_json(to_builtins(shapes.webhook(created, secret)))
        return
    print_webhooks([created], output)
    click.echo(f"secret: {secret.reveal()}")


@webhook.command()
@setting_options("data_dir")
@output_option
def list(config: Path | None, output: str, **options: object) -> None:  # noqa: A001 -- as az acr
    """List the webhooks, and how their deliveries go."""
    found = run(config, options, lambda services: services.webhooks.list())
    print_webhooks(found, output, many=True)


@webhook.command()
@name_option
@setting_options("data_dir")
@output_option
def show(config: Path | None, webhook_name: str, output: str, **options: object) -> None:
    """Show one webhook, and how its deliveries go."""
    found = run(config, options, lambda services: services.webhooks.show(webhook_name))
    print_webhooks([found], output)


@webhook.command(cls=WordsCommand)
@name_option
@uri_option(required=False)
@actions_option(required=False)
@scope_option
@headers_option
@format_option
@status_option
@setting_options("data_dir", "webhook_networks")
@output_option
def update(  # noqa: PLR0913, PLR0917 -- each may change
    config: Path | None,
    webhook_name: str,
    uri: str | None,
    actions: tuple[Action, ...] | None,
    scope: str | None,
    headers: tuple[tuple[str, str], ...] | None,
    format_: str | None,
    status: str | None,
    output: str,
    **options: object,
) -> None:
    """Change a webhook. An option replaces the old value as a whole.

    What waits is delivered at once, to where the webhook then points.

    \b
    Examples:
      acrux webhook update -n deploy --status disabled
      acrux webhook update -n deploy --uri https://ci.example.com/new --headers ""
    """
    changes: dict[str, Any] = {}
    if actions:
        changes["actions"] = actions
    if scope is not None:
        changes["scope"] = EventScope.parse(scope)
    if format_:
        changes["format"] = Format(format_)
    if status:
        changes["is_enabled"] = status == "enabled"
    if not changes and uri is None and headers is None:
        raise click.UsageError("say what to change: see acrux webhook update --help")
    changed = run(
        config,
        options,
        lambda services: services.webhooks.change(
            webhook_name, lambda old: replace(old, **changes), uri=uri, headers=headers
        ),
    )
    print_webhooks([changed], output)


@webhook.command()
@name_option
@asking("Delete the webhook {webhook_name} and the events that wait for it?")
@setting_options("data_dir")
def delete(config: Path | None, webhook_name: str, **options: object) -> None:
    """Delete a webhook and its events, also those that wait."""
    run(config, options, lambda services: services.webhooks.delete(webhook_name))

"""acrux webhook: tell other programs of pushes and deletions."""

from typing import Any

import click
from msgspec import UNSET, to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import asking, output_option, print_json
from acrux.cli.webhooks.events import list_events, ping, replay
from acrux.cli.webhooks.options import (
    ONE,
    actions_option,
    format_option,
    headers_option,
    name_option,
    print_webhooks,
    read_secret,
    scope_option,
    secret_option,
    status_option,
    uri_option,
)
from acrux.cli.webhooks.receiver import get_config, renew_secret
from acrux.cli.words import WordsCommand
from acrux.domain.webhooks.event import Action
from acrux.domain.webhooks.webhook import Format
from acrux.http.management.bodies import Status
from acrux.http.management.webhooks import bodies, shapes


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
@place_options("data_dir", "webhook_networks", password=False)
@output_option
def create(  # noqa: PLR0913, PLR0917 -- az acr has that many options
    place: Place,
    webhook_name: str,
    uri: str,
    actions: tuple[Action, ...],
    scope: str | None,
    headers: tuple[tuple[str, str], ...] | None,
    format_: str | None,
    secret_file: Any,
    status: str | None,
    output: str,
) -> None:
    """Create a webhook and show the secret that signs its events. It is shown only once.

    \b
    Examples:
      acrux webhook create -n deploy --uri https://ci.example.com/hook --actions push
      acrux webhook create -n audit --uri https://log.example.com/in --actions push delete \\
          --scope "team/app:*" --headers "Authorization=Bearer x" --format cloudevents
    """
    wanted = bodies.CreateWebhook(
        name=webhook_name,
        service_uri=uri,
        actions=[*actions],
        custom_headers=dict(headers or ()),
        scope=scope or "",
        status=_status(status),
        format=Format(format_ or Format.ACR),
        secret=read_secret(secret_file),
    )
    with place.reach() as api:
        created = api.put("POST", "/webhooks", wanted, shapes.Webhook)
    if output == "json":
        print_json(to_builtins(created))
        return
    print_webhooks([created], output)
    click.echo(f"secret: {created.secret}")


@webhook.command()
@place_options("data_dir")
@output_option
def list(place: Place, output: str) -> None:  # noqa: A001 -- as az acr
    """List the webhooks, and how their deliveries go."""
    with place.reach() as api:
        found = [*api.every("/webhooks", shapes.WebhookList)]
    print_webhooks(found, output, many=True)


@webhook.command()
@name_option
@place_options("data_dir")
@output_option
def show(place: Place, webhook_name: str, output: str) -> None:
    """Show one webhook, and how its deliveries go."""
    with place.reach() as api:
        found = api.get(ONE, shapes.Webhook, name=webhook_name)
    print_webhooks([found], output)


@webhook.command(cls=WordsCommand)
@name_option
@uri_option(required=False)
@actions_option(required=False)
@scope_option
@headers_option
@format_option
@status_option
@place_options("data_dir", "webhook_networks")
@output_option
def update(  # noqa: PLR0913, PLR0917 -- each may change
    place: Place,
    webhook_name: str,
    uri: str | None,
    actions: tuple[Action, ...] | None,
    scope: str | None,
    headers: tuple[tuple[str, str], ...] | None,
    format_: str | None,
    status: str | None,
    output: str,
) -> None:
    """Change a webhook. An option replaces the old value as a whole.

    What waits is delivered at once, to where the webhook then points.

    \b
    Examples:
      acrux webhook update -n deploy --status disabled
      acrux webhook update -n deploy --uri https://ci.example.com/new --headers ""
    """
    change = bodies.ChangeWebhook(
        service_uri=UNSET if uri is None else uri,
        actions=[*actions] if actions else UNSET,
        custom_headers=UNSET if headers is None else dict(headers),
        scope=UNSET if scope is None else scope,
        status=_status(status) if status else UNSET,
        format=Format(format_) if format_ else UNSET,
    )
    if change == bodies.ChangeWebhook():
        raise click.UsageError("say what to change: see acrux webhook update --help")
    with place.reach() as api:
        changed = api.put("PATCH", ONE, change, shapes.Webhook, name=webhook_name)
    print_webhooks([changed], output)


@webhook.command()
@name_option
@asking("Delete the webhook {webhook_name} and the events that wait for it?")
@place_options("data_dir")
def delete(place: Place, webhook_name: str) -> None:
    """Delete a webhook and its events, also those that wait."""
    with place.reach() as api:
        api.do("DELETE", ONE, name=webhook_name)
    click.echo(f"Deleted the webhook {webhook_name}, and the events that waited for it.")


def _status(text: str | None) -> Status:
    return "disabled" if text == "disabled" else "enabled"

"""acrux webhook ping, list-events and replay: the events of a webhook."""

from collections.abc import Sequence
from pathlib import Path

import click
from msgspec import to_builtins

from acrux.bootstrap.services import Services
from acrux.cli.options import output_option, print_json, print_table, setting_options
from acrux.cli.registry import on_registry
from acrux.cli.webhooks.options import name_option, run
from acrux.domain.audit.refusal import to_the_second
from acrux.domain.webhooks.payload import Source
from acrux.domain.webhooks.standing import RecordedEvent, State
from acrux.http.management.webhooks import shapes
from acrux.http.management.webhooks.shapes import WebhookEvent
from acrux.settings import Settings


@click.command()
@name_option
@setting_options("data_dir")
@output_option
def ping(config: Path | None, webhook_name: str, output: str, **options: object) -> None:
    """Have the running registry send the receiver a ping, once. Prints the id of the event.

    What came of it: acrux webhook list-events.
    """
    event = run(config, options, lambda services: services.webhooks.ping(webhook_name))
    if output == "json":
        print_json(to_builtins(shapes.EventInfo(event)))
    else:
        click.echo(event)


@click.command(name="list-events")
@name_option
@click.option(
    "--state",
    type=click.Choice([state.value for state in State]),
    help="Only events in this state.",
)
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many."
)
@setting_options("data_dir")
@output_option
def list_events(
    config: Path | None,
    webhook_name: str,
    state: str | None,
    limit: int,
    output: str,
    **options: object,
) -> None:
    """List the newest events of a webhook, and what the receiver answered.

    The last 100 that were delivered are kept, and the last 1000 that are dead, for 30 days.

    \b
    Examples:
      acrux webhook list-events -n deploy
      acrux webhook list-events -n deploy --state dead --output json
    """

    async def act(services: Services, settings: Settings) -> Sequence[WebhookEvent]:
        receiver = (await services.webhooks.show(webhook_name)).webhook.receiver
        source = Source(settings.name, settings.known_login_servers[0])
        found: Sequence[RecordedEvent] = await services.webhooks.events(
            webhook_name, State(state) if state else None, limit
        )
        return [shapes.event(one, receiver, source) for one in found]

    shown = on_registry(config, options, act)
    if output == "json":
        print_json(to_builtins(shown))
    else:
        columns = ("ID", "ACTION", "IMAGE", "STATE", "ATTEMPTS", "LAST ATTEMPT", "ANSWER")
        print_table(columns, [_row(one) for one in shown])


@click.command()
@name_option
@click.option("--event-id", help="Only this event.")
@click.option("--all", "all_", is_flag=True, help="All dead events, except pings.")
@setting_options("data_dir")
@output_option
def replay(
    config: Path | None,
    webhook_name: str,
    event_id: str | None,
    all_: bool,  # noqa: FBT001 -- a flag
    output: str,
    **options: object,
) -> None:
    """Deliver dead events after all: those that the receiver did not accept for a day.

    \b
    Examples:
      acrux webhook replay -n deploy --all
      acrux webhook replay -n deploy --event-id 31c51664-e5bd-416a-a5df-e5206bc47ed0
    """
    if all_ == (event_id is not None):
        raise click.UsageError("give either --event-id or --all")
    count = run(config, options, lambda services: services.webhooks.replay(webhook_name, event_id))
    if output == "json":
        print_json(to_builtins(shapes.Replayed(count)))
    else:
        click.echo(f"{count} events wait again")


def _row(one: WebhookEvent) -> tuple[str, ...]:
    content, answer = one.event_request_message.content, one.event_response_message
    target = content.get("target", {})
    digest = f"@{target['digest']}" if "digest" in target else ""
    image = f":{target['tag']}" if "tag" in target else digest
    answered = f"{answer.status_code} {answer.reason_phrase}" if answer else one.problem
    return (
        one.id,
        content["action"],
        target.get("repository", "") + image,
        one.state,
        str(one.attempts),
        to_the_second(one.last_attempt) if one.last_attempt else "",
        answered,
    )

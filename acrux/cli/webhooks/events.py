"""acrux webhook ping, list-events and replay: the events of a webhook."""

import click
from msgspec import to_builtins

from acrux.cli.carrier.place import Place, place_options
from acrux.cli.options import output_option, print_json, print_table
from acrux.cli.webhooks.options import ONE, name_option
from acrux.domain.audit.refusal import to_the_second
from acrux.domain.webhooks.standing import State
from acrux.http.management.webhooks import bodies, shapes


@click.command()
@name_option
@place_options("data_dir")
@output_option
def ping(place: Place, webhook_name: str, output: str) -> None:
    """Have the running registry send the receiver a ping, once. Prints the id of the event.

    What came of it: acrux webhook list-events.
    """
    with place.reach() as api:
        event = api.put("POST", f"{ONE}/ping", None, shapes.EventInfo, name=webhook_name)
    if output == "json":
        print_json(to_builtins(event))
    else:
        click.echo(event.id)


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
@place_options("data_dir")
@output_option
def list_events(
    place: Place, webhook_name: str, state: str | None, limit: int, output: str
) -> None:
    """List the newest events of a webhook, and what the receiver answered.

    The last 100 that were delivered are kept, and the last 1000 that are dead, for 30 days.

    \b
    Examples:
      acrux webhook list-events -n deploy
      acrux webhook list-events -n deploy --state dead --output json
    """
    query = (("n", str(limit)), *([("state", state)] if state else []))
    with place.reach() as api:
        path = f"{ONE}/events"
        shown = api.get(path, shapes.WebhookEventList, query, name=webhook_name).value
    if output == "json":
        print_json(to_builtins(shown))
    else:
        columns = ("ID", "ACTION", "IMAGE", "STATE", "ATTEMPTS", "LAST ATTEMPT", "ANSWER")
        print_table(columns, [_row(one) for one in shown])


@click.command()
@name_option
@click.option("--event-id", help="Only this event.")
@click.option("--all", "all_", is_flag=True, help="All dead events, except pings.")
@place_options("data_dir")
@output_option
def replay(
    place: Place,
    webhook_name: str,
    event_id: str | None,
    all_: bool,  # noqa: FBT001 -- a flag
    output: str,
) -> None:
    """Deliver dead events after all: those that the receiver did not accept for a day.

    \b
    Examples:
      acrux webhook replay -n deploy --all
      acrux webhook replay -n deploy --event-id 31c51664-e5bd-416a-a5df-e5206bc47ed0
    """
    if all_ == (event_id is not None):
        raise click.UsageError("give either --event-id or --all")
    with place.reach() as api:
        wanted = bodies.Replay(id=event_id)
        replayed = api.put("POST", f"{ONE}/replay", wanted, shapes.Replayed, name=webhook_name)
    if output == "json":
        print_json(to_builtins(replayed))
    else:
        click.echo(f"{replayed.events} events wait again")


def _row(one: shapes.WebhookEvent) -> tuple[str, ...]:
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

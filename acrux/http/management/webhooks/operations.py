"""The operations on webhooks."""

from acrux.domain.access.scope import READ, WRITE
from acrux.http.management.operation import PAGED, Operation
from acrux.http.management.webhooks import bodies, shapes
from acrux.http.management.webhooks.webhooks import WebhookManagement


def operations(webhooks: WebhookManagement) -> tuple[Operation, ...]:
    """Every operation on webhooks."""
    return (*_webhooks(webhooks), *_receiver(webhooks), *_events(webhooks))


def _webhooks(webhooks: WebhookManagement) -> tuple[Operation, ...]:
    one, answer = "/webhooks/{name}", shapes.Webhook
    return (
        Operation(
            "GET", "/webhooks", READ, webhooks.list, "List webhooks.",
            answer=shapes.WebhookList, query=PAGED,
        ),
        Operation(
            "POST", "/webhooks", WRITE, webhooks.create,
            "Create a webhook; its secret is shown once.", bodies.CreateWebhook, answer, 201,
        ),
        Operation(
            "GET", one, READ, webhooks.show, "Show a webhook, and how its deliveries go.",
            answer=answer,
        ),
        Operation(
            "PATCH", one, WRITE, webhooks.change,
            "Change a webhook; what waits is delivered at once.", bodies.ChangeWebhook, answer,
        ),
        Operation(
            "DELETE", one, WRITE, webhooks.delete,
            "Delete a webhook and its events, also those that wait.", status=204,
        ),
    )  # fmt: skip


def _receiver(webhooks: WebhookManagement) -> tuple[Operation, ...]:
    one = "/webhooks/{name}"
    return (
        # It may hold a secret of the receiver's, and it is recorded who looked.
        Operation(
            "POST", f"{one}/getCallbackConfig", WRITE, webhooks.get_callback_config,
            "Show where the events go, without the values of the headers.",
            answer=shapes.CallbackConfig,
        ),
        Operation(
            "POST", f"{one}/renewSecret", WRITE, webhooks.renew_secret,
            "Sign with a new secret, shown once; the old one signs for another day.",
            bodies.RenewSecret, shapes.SigningSecret,
        ),
    )  # fmt: skip


def _events(webhooks: WebhookManagement) -> tuple[Operation, ...]:
    one = "/webhooks/{name}"
    return (
        Operation(
            "POST", f"{one}/ping", WRITE, webhooks.ping, "Have the receiver sent a ping.",
            answer=shapes.EventInfo, status=202,
        ),
        Operation(
            "GET", f"{one}/events", READ, webhooks.list_events,
            "List the newest events, and what became of them.",
            answer=shapes.WebhookEventList, query=("n", "state"),
        ),
        Operation(
            "POST", f"{one}/replay", WRITE, webhooks.replay, "Deliver dead events after all.",
            bodies.Replay, shapes.Replayed, 202,
        ),
    )  # fmt: skip

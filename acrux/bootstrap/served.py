"""The settings that a registry runs with, for the commands on its data."""

from typing import Final

import msgspec

from acrux.adapters.sql.facts import SqlFacts
from acrux.bootstrap import storage
from acrux.bootstrap.databases import opened
from acrux.settings import Settings

FACT: Final = "settings"

# What decides what is removed, and when: a command must not remove what the registry keeps. Which
# webhooks it can reach. By which names clients know it, which answers and events hold. And how much
# it logs. Where the blobs are is a fact of its own.
NAMES: Final = (
    "gc_grace_seconds",
    "gc_referrers",
    "gc_untagged",
    "host",
    "log_level",
    "login_servers",
    "port",
    "upload_grace_seconds",
    "upload_seconds",
    "webhook_networks",
)


async def keep(facts: SqlFacts, settings: Settings) -> None:
    """Remember the settings of a registry that starts to serve."""
    text = msgspec.json.encode({name: getattr(settings, name) for name in NAMES}).decode()
    if await facts.find(FACT) != text:
        await facts.keep(FACT, text)


async def find(settings: Settings) -> dict[str, object]:
    """The settings that the registry of this place ran with last; none if it never ran.

    Raises InvalidSettings as opening the registry does.
    """
    async with opened(settings) as database:
        facts = SqlFacts(database)
        text, place = await facts.find(FACT), await facts.find(storage.FACT)
    kept: dict[str, object] = msgspec.json.decode(text, type=dict[str, object]) if text else {}
    return {"storage": place or ""} | {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in kept.items()
        if name in NAMES
    }

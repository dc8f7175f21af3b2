"""How long a refused login takes, for each kind of name: python -m bench.logins.

It uses a real registry with one worker. Every attempt comes from another address, so that no limit
on guesses answers in its place.
"""

import itertools
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bcrypt
import click

from acrux.bootstrap.application import Registry
from acrux.domain.access.credential import Secret
from acrux.domain.access.shown_accounts import ShownAccount
from bench.processes import Processes
from bench.servers import Acrux, AcruxPlan, basic
from bench.wire import Connection

RIGHT, WRONG = "a few words do", "none of them"
READER = "_repositories_pull"
AT_ONCE = 4
COSTS = (5, 10)


class Names:
    """The names to log in with, and the password to present for each; all are refused."""

    def __init__(self, plan: AcruxPlan, htpasswd: Path) -> None:
        self._plan = plan
        self._htpasswd = htpasswd

    def prepare(self) -> dict[str, tuple[str, str]]:
        """Make the accounts; return the name and password of each by its label in the table."""
        self._plan.prepare()
        users = [f"bcrypt-{cost:02}:{_bcrypted(cost)}\n" for cost in COSTS]
        self._htpasswd.write_text("".join(users))
        generated = self._plan.in_process(_make)
        with sqlite3.connect(self._plan.folder / "registry.sqlite") as database:
            database.execute("UPDATE passwords SET hash = 'argon2id:x' WHERE account = 'damaged'")
        database.close()
        return {
            "unknown name": ("nobody", WRONG),
            "unknown name, another": ("somebody", WRONG),
            "generated password": ("robot", WRONG),
            "argon2id": ("alice", WRONG),
            **{f"bcrypt {cost}": (f"bcrypt-{cost:02}", WRONG) for cost in COSTS},
            "damaged hash": ("damaged", RIGHT),
            "disabled person, right password": ("disabled", RIGHT),
            "disabled robot, right password": ("robot-off", generated["robot-off"]),
            "expired, right password": ("robot-expired", generated["robot-expired"]),
        }


async def _make(registry: Registry) -> dict[str, str]:
    services = registry.services
    for person in ("alice", "damaged", "disabled"):
        await services.users.create(person, READER, Secret(RIGHT))
    await services.users.change("disabled", is_enabled=False)
    over = datetime.now(UTC) - timedelta(days=1)
    made = {
        name: await services.accounts.create(name, READER, expires_at=expiry)
        for name, expiry in (("robot", None), ("robot-off", None), ("robot-expired", over))
    }
    await services.accounts.change("robot-off", is_enabled=False)
    return {name: _value(account) for name, account in made.items()}


def _value(account: ShownAccount) -> str:
    value = account.passwords[0].value
    return value.reveal() if value else ""


def _bcrypted(cost: int) -> str:
    return bcrypt.hashpw(RIGHT.encode(), bcrypt.gensalt(cost)).decode()


class Guesser:
    """A client that tries to log in, each time from another address."""

    def __init__(self) -> None:
        self._addresses = (
            f"2001:db8:{high:x}:{low:x}::1"
            for high, low in itertools.product(range(1 << 16), repeat=2)
        )

    def attempt(self, server: Acrux, name: str, password: str) -> float:
        """How many milliseconds the refusal took."""
        headers = {
            "Authorization": basic(name, password),
            "X-Forwarded-For": next(self._addresses),
        }
        with Connection(server.port) as connection:
            began = time.perf_counter()
            answer = connection.ask("GET", "/oauth2/token?service=x", headers)
            took = time.perf_counter() - began
        if answer.status != 401:
            raise click.ClickException(f"{name}: {answer.status} {answer.body[:200]!r}")
        return took * 1000

    def slowest(self, server: Acrux, name: str, password: str) -> float:
        """How many milliseconds the slowest of four simultaneous attempts took."""
        with ThreadPoolExecutor(AT_ONCE) as threads:
            return max(threads.map(lambda _: self.attempt(server, name, password), range(AT_ONCE)))


@click.command()
@click.option("--rounds", type=click.IntRange(1, 100), default=10, show_default=True)
@click.option("--starts", type=click.IntRange(1, 100), default=3, show_default=True)
def main(rounds: int, starts: int) -> None:
    """Measure refused logins: the first after a start, one at a time, and four at once."""
    with tempfile.TemporaryDirectory() as folder, Processes(Path(folder)) as processes:
        htpasswd = Path(folder) / "users"
        plan = AcruxPlan(
            folder=Path(folder) / "data",
            options=(
                "--workers", "1", "--trusted-proxy", "127.0.0.1/32",
                "--htpasswd", str(htpasswd), "--htpasswd-scope-map", READER,
            ),
        )  # fmt: skip
        names, guesser = Names(plan, htpasswd), Guesser()
        logins = names.prepare()
        first: dict[str, list[float]] = {label: [] for label in logins}
        single: dict[str, list[float]] = {label: [] for label in logins}
        four: dict[str, list[float]] = {label: [] for label in logins}
        for _, label in itertools.product(range(starts), logins):
            server = plan.serve(processes, "")
            first[label].append(guesser.slowest(server, *logins[label]))
            processes.end(server.process)
        server = plan.serve(processes, "")
        for label in _turns(logins, rounds):
            single[label].append(guesser.attempt(server, *logins[label]))
            four[label].append(guesser.slowest(server, *logins[label]))
        _print(first, single, four)


def _turns(logins: Iterable[str], rounds: int) -> Iterable[str]:
    # In turn, so that other work of the machine affects all of them alike.
    return itertools.chain.from_iterable(itertools.repeat([*logins], rounds))


def _print(*columns: dict[str, list[float]]) -> None:
    click.echo("| login refused (milliseconds) | first four after a start | one | four at once |")
    click.echo("|---|---:|---:|---:|")
    for label in columns[0]:
        figures = (f"{statistics.median(column[label]):.0f}" for column in columns)
        click.echo(f"| {label} | {' | '.join(figures)} |")


if __name__ == "__main__":
    main()

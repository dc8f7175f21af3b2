"""A private registry for your tests: `with registry() as r`."""

import json
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx2

from acrux.testing import accounts, layouts, pushing
from acrux.testing.accounts import Account
from acrux.testing.errors import NotStarted
from acrux.testing.leash import Leash
from acrux.testing.messages import Kept, Start

# What this module chooses itself, so that two registries never share it.
OWN: Final = frozenset({"admin_password_file", "data_dir", "name"})
ADMINISTRATOR: Final = "acrux"

DEFAULTS: Final[Mapping[str, object]] = {"port": 0, "workers": 1, "log_format": "json"}

PAGE: Final = 1000


class Registry:
    """A registry that runs in a process of its own, on a free port of this machine."""

    def __init__(self, kept: Kept, *, is_private: bool) -> None:
        self._kept = kept
        self._folder = Path(kept.folder)
        self._is_private = is_private

    def __repr__(self) -> str:
        """Its address."""
        return f"Registry({self.url})"

    @property
    def url(self) -> str:
        """Such as http://127.0.0.1:40123."""
        return self._kept.url

    @property
    def host(self) -> str:
        """The host and port, as image names begin: 127.0.0.1:40123."""
        return self.url.partition("://")[2]

    @property
    def pid(self) -> int:
        """The id of its process, which a test may kill."""
        return self._kept.pid

    @property
    def data_dir(self) -> Path:
        """Its data directory, for the commands of acrux."""
        return self._folder / "data"

    @property
    def ca(self) -> Path | None:
        """The certificate (PEM) that clients have to trust; None with plain http."""
        return self.data_dir / "tls" / "ca.pem" if self._is_private else None

    @cached_property
    def administrator(self) -> Account:
        """The admin user, who may do everything."""
        return self._account(ADMINISTRATOR, self._kept.password)

    @property
    def username(self) -> str:
        """The name of the admin user."""
        return ADMINISTRATOR

    @property
    def password(self) -> str:
        """The password of the admin user."""
        return self._kept.password

    @property
    def log(self) -> str:
        """What the registry has logged so far: by default, a JSON object on each line."""
        return (self._folder / "log").read_text(encoding="utf-8", errors="replace")

    def client(self, account: Account | None = None) -> httpx2.Client:
        """A client with this registry's URL, as this account or the admin user. Close it."""
        user = account or self.administrator
        return httpx2.Client(
            base_url=self.url,
            auth=(user.username, user.password),
            verify=ssl.create_default_context(cafile=self.ca) if self.ca else True,
            trust_env=False,  # a proxy of the machine must not be asked for 127.0.0.1
        )

    def account(self, *scopes: str, name: str = "") -> Account:
        """Create an account with scopes such as `repository:app:pull,push`.

        It gets a name of its own unless one is given. Raises ValueError for a scope that no
        account can have.
        """
        with self.client() as client:
            return self._account(*accounts.create(client, scopes, name))

    def push_layout(self, source: Path | str, repository: str, tag: str = "") -> tuple[str, ...]:
        """Push an OCI image layout, a folder or a tar file; return the digests that it lists.

        Tags are those of the layout. If it lists one manifest only, `tag` may name another. Raises
        NotALayout and Refused.
        """
        with layouts.reading(Path(source)) as layout, self.client() as client:
            return pushing.push(client, layout, repository, tag)

    def tags(self, repository: str) -> list[str]:
        """The tags of a repository, sorted; none if there is no such repository."""
        found: list[str] = []
        path = f"/v2/{repository}/tags/list?n={PAGE}"
        with self.client() as client:
            while path:
                answer = client.get(path)
                if answer.status_code == httpx2.codes.NOT_FOUND:
                    return []
                found += pushing.checked(answer).json()["tags"] or []
                path = answer.links.get("next", {}).get("url", "")
        return found

    def _account(self, username: str, password: str) -> Account:
        folder = self._folder / "accounts" / username
        return Account(
            username,
            password,
            accounts.write_docker_config(folder, self.host, username, password),
        )


class Registries:
    """Starts registries, each after the first in a quarter of the time. Close it, or use `with`.

    The registries end with the process that made this object, even if that is killed. `leash` leads
    to a keeper that has been started already.
    """

    def __init__(self, leash: Leash | None = None) -> None:
        self._leash = leash or Leash()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all registries."""
        self._leash.close()

    @contextmanager
    def start(
        self,
        *,
        tls: bool = False,
        sample: bool = False,
        layouts: Mapping[str, Path | str] | None = None,
        settings: Mapping[str, object] | None = None,
        template: bool = True,
    ) -> Iterator[Registry]:
        """A registry that answers, until the block ends.

        `tls` serves https with a certificate of its own CA. `sample` pushes hello-world:latest, and
        `layouts` an OCI image layout to each of these repositories. `settings` are those of
        `acrux serve`. Without `template`, all keys and the admin user are made anew, instead of
        copied from a directory that was prepared once. Raises NotStarted, NotALayout, Refused.
        """
        chosen = {**DEFAULTS, "tls_self_signed": tls, **(settings or {})}
        if own := OWN & chosen.keys():
            raise NotStarted(
                f"acrux.testing chooses these settings itself: {', '.join(sorted(own))}"
            )
        wanted = Start(_to_toml(chosen), ["--sample"] * sample, from_template=template)
        kept = self._leash.start(wanted)
        try:
            started = Registry(kept, is_private=kept.url.startswith("https:"))
            for repository, source in (layouts or {}).items():
                started.push_layout(source, repository)
            yield started
        finally:
            self._leash.stop(kept.pid)


@contextmanager
def registry(
    *,
    tls: bool = False,
    sample: bool = False,
    layouts: Mapping[str, Path | str] | None = None,
    settings: Mapping[str, object] | None = None,
    template: bool = True,
) -> Iterator[Registry]:
    """A registry that answers, until the block ends. See Registries.start for the arguments."""
    with (
        Registries() as registries,
        registries.start(
            tls=tls, sample=sample, layouts=layouts, settings=settings, template=template
        ) as started,
    ):
        yield started


def _to_toml(settings: Mapping[str, object]) -> str:
    # Of the values that a setting can have, JSON writes all as TOML does.
    return "".join(
        f"{name} = {json.dumps(value, default=str)}\n" for name, value in settings.items()
    )

"""The registry's own keys, with and without a master key, and on nodes that start at once."""

import asyncio
import shutil
from pathlib import Path

import pytest

from acrux.adapters.keys.kept import Key, kept
from acrux.adapters.keys.secrets import FileSecrets
from acrux.bootstrap.application import Registry, build
from acrux.errors import InvalidSettings
from acrux.ports.secrets import Listing, Secrets
from acrux.settings import Settings


@pytest.fixture
def master_key(tmp_path: Path) -> Path:
    """The file of a master key."""
    return file_of(tmp_path / "master-key", "0f")


def file_of(path: Path, digits: str) -> Path:
    """A file with a master key of 32 such bytes."""
    path.write_text(digits * 32)
    path.chmod(0o600)
    return path


async def opened(folder: Path, master_key: Path | None = None) -> Registry:
    """An open registry with an administrator."""
    registry = build(Settings(data_dir=folder, master_key_file=master_key))
    await registry.lifespan.open()
    await registry.services.accounts.create_administrator("acrux")
    return registry


async def facts(registry: Registry) -> list[object]:
    """The keys of an open registry, which is then closed."""
    keys = registry.adapters.keys
    found = [keys.pepper(), keys.uploads(), keys.failed_logins(), keys.webhooks()]
    published = registry.services.tokens.public_keys()
    certificate = await registry.services.keys.certificate()
    await registry.lifespan.close()
    return [*found, published, certificate.count(b"BEGIN CERTIFICATE")]


async def test_with_a_master_key_no_secret_is_in_a_file(tmp_path: Path, master_key: Path) -> None:
    """What another node needs must not lie on one machine."""
    first = await facts(await opened(tmp_path / "data", master_key))

    assert not (tmp_path / "data" / "secrets").exists()
    assert await facts(await opened(tmp_path / "data", master_key)) == first


async def test_a_registry_that_is_given_a_master_key_keeps_its_keys(
    tmp_path: Path, master_key: Path
) -> None:
    """Otherwise every password and every token would become invalid."""
    before = await facts(await opened(tmp_path / "data"))
    moved = await facts(await opened(tmp_path / "data", master_key))
    shutil.rmtree(tmp_path / "data" / "secrets")

    assert moved == before
    assert await facts(await opened(tmp_path / "data", master_key)) == before


async def test_a_registry_does_not_start_without_its_master_key(
    tmp_path: Path, master_key: Path
) -> None:
    """It would make other keys, and refuse every password without explanation."""
    await facts(await opened(tmp_path / "data", master_key))
    other = file_of(tmp_path / "other-key", "1f")

    for wrong in (None, other):
        with pytest.raises(InvalidSettings, match=r"master_key_file: the secrets"):
            await opened(tmp_path / "data", wrong)


async def test_the_pepper_of_a_database_cannot_vanish_from_it_unnoticed(
    tmp_path: Path, master_key: Path
) -> None:
    """Half a restore must be told apart from a new registry."""
    registry = await opened(tmp_path / "data", master_key)
    await registry.adapters.keys.secrets.kept.remove("pepper")
    await registry.lifespan.close()

    with pytest.raises(InvalidSettings, match=r"secret pepper of the database is missing"):
        await opened(tmp_path / "data", master_key)


@pytest.mark.parametrize("is_sealed", [True, False])
async def test_a_key_that_one_process_makes_signs_for_another_at_once(
    tmp_path: Path, master_key: Path, *, is_sealed: bool
) -> None:
    """A client that is sent to another node with its token must not be refused."""
    key = master_key if is_sealed else None
    one, two = await opened(tmp_path / "data", key), await opened(tmp_path / "data", key)
    await one.services.keys.rotate(now=True)
    await one.adapters.keys.signer.refresh()
    principal = await one.services.authentication.find("acrux")
    text = one.services.tokens.issue(principal, "localhost:5000", ()).text

    await two.services.tokens.learn_of_key(text)

    assert two.services.tokens.verify(text).principal == "acrux"
    for registry in (one, two):
        await registry.lifespan.close()


class AtOnce:
    """Secrets of which several nodes find, at the same time, that one is missing."""

    def __init__(self, secrets: Secrets, nodes: int) -> None:
        self._secrets = secrets
        self._all = asyncio.Barrier(nodes)
        self._looked: set[asyncio.Task[object] | None] = set()
        self.list, self.place = secrets.list, secrets.place
        self.create, self.replace, self.remove = secrets.create, secrets.replace, secrets.remove

    async def read(self, name: str) -> bytes | None:
        """As the secrets do; each node's first look ends when all have looked."""
        found = await self._secrets.read(name)
        if asyncio.current_task() not in self._looked:
            self._looked.add(asyncio.current_task())
            await self._all.wait()
        return found


@pytest.mark.parametrize("is_sealed", [True, False])
async def test_nodes_that_start_at_once_on_nothing_end_with_the_same_keys(
    tmp_path: Path, master_key: Path, *, is_sealed: bool
) -> None:
    """A cluster is started as a whole, and each node would trust only itself."""
    registry = await opened(tmp_path / "data", master_key if is_sealed else None)
    secrets = AtOnce(registry.adapters.keys.secrets.kept, nodes=5)
    keys = [Key("new") for _ in range(5)]

    await asyncio.gather(*(key.open(secrets) for key in keys))

    assert len({key() for key in keys}) == 1
    assert await registry.adapters.keys.secrets.kept.read("new") == keys[0]()
    await registry.lifespan.close()


async def test_a_secret_that_vanishes_while_it_is_made_is_made_again(tmp_path: Path) -> None:
    """An operator who removes a file meanwhile must not stop a start."""

    class Vanishing(FileSecrets):
        gone: Listing = frozenset()

        async def create(self, name: str, content: bytes) -> bool:
            created = await super().create(name, content)
            if not self.gone:
                self.gone = await self.list()
                await self.remove(name)
            return created

    assert await kept(Vanishing(tmp_path), "pepper", lambda: b"x" * 32) == b"x" * 32


async def test_a_secret_that_is_a_link_to_nothing_is_named(tmp_path: Path) -> None:
    """A volume that is not mounted must not let a start hang."""
    (tmp_path / "pepper").symlink_to(tmp_path / "nowhere")

    with pytest.raises(InvalidSettings, match=r"pepper can neither be read nor stored"):
        await kept(FileSecrets(tmp_path), "pepper", lambda: b"x" * 32)


async def test_files_that_are_not_used_any_more_do_not_matter(
    tmp_path: Path, master_key: Path
) -> None:
    """They are removed sooner or later, and one by one."""
    await facts(await opened(tmp_path / "data"))
    first = await facts(await opened(tmp_path / "data", master_key))
    (tmp_path / "data" / "secrets" / "pepper").chmod(0o644)

    assert await facts(await opened(tmp_path / "data", master_key)) == first

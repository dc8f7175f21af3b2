"""What a run needs: its scale, its folder, and the servers, filled alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TypeAlias

from bench import peers
from bench.content import HOT, TAG, Content, make_content, push_blob, push_manifest
from bench.peers import BASELINE, NGINX, V2, V3, Pair, TokenKey
from bench.processes import Processes
from bench.servers import Acrux, AcruxPlan, Server
from bench.wire import Connection

ACRUX = "acrux"

Start: TypeAlias = Callable[[], Server]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How long and how much is measured."""

    rounds: int
    seconds: int
    is_warm: bool
    connections: tuple[int, ...]
    repositories: int
    upload_bytes: int
    images_per_client: int
    small_listing: int
    tags: int
    catalog: int
    referrers: int
    accounts: int
    scope_maps: int
    transfers: int
    collected: int


FULL = Scale(
    rounds=3, seconds=5, is_warm=True, connections=(1, 8, 32), repositories=200,
    upload_bytes=200_000_000, images_per_client=20, small_listing=1_000, tags=1_000_000,
    catalog=100_000, referrers=10_000, accounts=100_000, scope_maps=10_000, transfers=32,
    collected=1_000_000,
)  # fmt: skip

QUICK = Scale(
    rounds=1, seconds=1, is_warm=False, connections=(32,), repositories=50,
    upload_bytes=50_000_000, images_per_client=4, small_listing=1_000, tags=50_000, catalog=5_000,
    referrers=2_000, accounts=5_000, scope_maps=500, transfers=16, collected=100_000,
)  # fmt: skip


class Scenario:
    """The servers of a run, each started and filled on first use."""

    def __init__(self, processes: Processes, folder: Path, scale: Scale) -> None:
        self.processes = processes
        self.folder = folder
        self.scale = scale

    @cached_property
    def content(self) -> Content:
        """The same content for every server."""
        return make_content(self.scale.repositories)

    @cached_property
    def key(self) -> TokenKey:
        """The key that signs the tokens of the distribution registries."""
        return TokenKey(self.folder)

    @cached_property
    def pair(self) -> Pair:
        """The certificate of every server that speaks https."""
        return peers.make_pair(self.folder)

    @cached_property
    def acrux(self) -> Acrux:
        """acrux with its defaults, filled."""
        server = AcruxPlan(folder=self.folder / "acrux").start(self.processes)
        fill(server, self.content)
        return server

    @cached_property
    def registries(self) -> Mapping[str, Server]:
        """acrux and the installed peers that accept pushes."""
        found: dict[str, Server] = {ACRUX: self.acrux}
        for name in (V3, V2):
            if peers.find(name):
                server = peers.start_distribution(
                    self.processes, name, self.folder / name, self.key
                )
                fill(server, self.content)
                found[name] = server
        return found

    @cached_property
    def baseline(self) -> Server:
        """The baseline on the same bytes."""
        return peers.start_baseline(self.processes, self._files, self.content)

    @cached_property
    def readers(self) -> Mapping[str, Server]:
        """Every server that can be read from with a token, acrux first."""
        ours, *others = self.registries.items()
        return dict([ours, (BASELINE, self.baseline), *others])

    @cached_property
    def file_servers(self) -> Mapping[str, Server]:
        """Every server that blobs can be read from."""
        if peers.find(NGINX) is None:
            return self.readers
        return {**self.readers, NGINX: peers.start_nginx(self.processes, self._files)}

    @cached_property
    def over_tls(self) -> Mapping[str, Server]:
        """The readers again, over TLS with one certificate for all, with the hot image only."""
        folder, pair, small = self.folder / "tls", self.pair, self.content.hot_only
        folder.mkdir()
        options = ("--tls-cert", str(pair.certificate), "--tls-key", str(pair.key))
        ours = AcruxPlan(folder=folder / "acrux", options=options).start(self.processes)
        found: dict[str, Server] = {ACRUX: ours}
        fill(ours, small)
        _ = self.baseline  # which fills the folder that both serve
        found[BASELINE] = peers.start_baseline(self.processes, self._files, None, pair)
        for name in (V3, V2):
            if peers.find(name):
                place = folder / name
                found[name] = peers.start_distribution(self.processes, name, place, self.key, pair)
                fill(found[name], small)
        return found

    @cached_property
    def starts(self) -> Mapping[str, Start]:
        """How to start each registry again, on a filled folder of its own."""
        plan = AcruxPlan(folder=self.folder / "fresh-acrux")
        found: dict[str, Start] = {ACRUX: partial(plan.serve, self.processes, plan.prepare())}
        for name in (V3, V2):
            if peers.find(name):
                place = self.folder / f"fresh-{name}"
                found[name] = partial(
                    peers.start_distribution, self.processes, name, place, self.key
                )
        for start in found.values():
            server = start()
            fill(server, self.content)
            self.processes.end(server.process)
        return found

    @cached_property
    def _files(self) -> Path:
        folder = self.folder / "files"
        folder.mkdir()
        self.content.write_files(folder / "blobs")
        return folder


def fill(server: Server, content: Content) -> None:
    """Push the content. Raises UnexpectedAnswer if a push is refused."""
    with Connection(server.port, tls=server.tls) as connection:
        token = server.token(HOT, "pull", "push")
        push_blob(connection, token, HOT, content.large)
        for repository in (HOT, *content.repositories):
            token = server.token(repository, "pull", "push")
            push_blob(connection, token, repository, content.small)
            push_manifest(connection, token, repository, TAG, content.manifest(repository))

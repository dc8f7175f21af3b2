"""Histories in which a quota is set, and changed."""

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule

from acrux.domain.content.policies.quota import Quota
from tests.model.collecting import CollectingMachine, InProcess
from tests.model.limited import LimitedRepository, Shared
from tests.model.machine import blobs, manifests, repositories, tags
from tests.model.model import Repository, Upload
from tests.model.universe import REPOSITORIES

rooms = st.sampled_from([-1, 0, 30, 700, 20_000, 60_000])  # a long layer takes some 15,000


class LimitingMachine(CollectingMachine):
    """A machine whose repositories have a quota together."""

    uploads = Bundle("uploads")

    def __init__(self, client: InProcess, prefix: str) -> None:
        super().__init__(client, prefix)
        sizes = {blob.digest: len(blob.content) for blob in self.universe.blobs.values()}
        self.quota = Shared(sizes)
        self.quota.repositories = [
            LimitedRepository(now=self.now, quota=self.quota) for _ in REPOSITORIES
        ]
        self.model: dict[str, Repository] = dict(
            zip(REPOSITORIES, self.quota.repositories, strict=True)
        )

    @rule(room=rooms)
    def limit(self, room: int) -> None:
        """Set the quota to so much more than what is used, or less than that."""
        self.quota.max_bytes = max(self.quota.used + room, 0)
        prefix = self.universe.prefix
        quota = Quota(name=prefix, repositories=f"{prefix}/*", max_bytes=self.quota.max_bytes)
        self.client.run(self.client.registry.services.policies.put(quota))

    @rule(room=rooms, repository=repositories, manifest=manifests, tag=tags)
    def limit_and_push(self, room: int, repository: str, manifest: str, tag: str) -> None:
        """What most histories do: some of an image has room, and the rest of it has not."""
        self.limit(room)
        self.push(repository, manifest, tag)

    @rule(room=rooms, repository=repositories, blob=blobs)
    def limit_and_mount(self, room: int, repository: str, blob: str) -> None:
        """What another repository has takes room here."""
        self.limit(room)
        self.mount(repository, blob, None)

    @rule(room=rooms, repository=repositories, blob=blobs, share=st.integers(1, 4))
    def limit_and_upload(self, room: int, repository: str, blob: str, share: int) -> None:
        """An upload begins with room, which others may take before its end."""
        self.limit(60_000)
        upload = self.start(repository, blob)
        if isinstance(upload, Upload):  # otherwise the repository is locked
            self.append(upload, share, is_named=True)
            self.limit(room)
            self.finish(upload, is_last_sent=True, is_named=True)

    @invariant()
    def what_counts_is_what_there_is(self) -> None:
        """Compare the bytes that are counted with the model's."""
        [(used,)] = self.client.rows(
            """
            SELECT COALESCE(SUM(blob_bytes + manifest_bytes), 0)
            FROM usage JOIN repositories ON key = repository WHERE name LIKE ?
            """,
            f"{self.universe.prefix}/%",
        )
        assert used == self.quota.used

    def teardown(self) -> None:
        """Leave no quota to the next history: there may be 500 only."""
        if self.quota.max_bytes is not None:
            policies = self.client.registry.services.policies
            self.client.run(policies.delete(Quota, self.universe.prefix))

"""Histories in which what was deleted is restored, purged, or expires."""

import json
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, invariant, rule

from acrux.domain.content.policies.soft_delete import SoftDeletePolicy
from tests.model.collecting import InProcess, hours
from tests.model.limiting import LimitingMachine
from tests.model.machine import ABSENT, manifests, numbers, pick, repositories, tags
from tests.model.model import OK, Repository
from tests.model.restorable import DAYS, RestorableRepository
from tests.model.universe import REPOSITORIES

DELETED = "/acr/v1/_deleted"
MANAGED = "/management/v1/deleted"


class RestoringMachine(LimitingMachine):
    """A machine in whose repositories what is deleted is kept for some days."""

    uploads = Bundle("uploads")

    def __init__(self, client: InProcess, prefix: str) -> None:
        super().__init__(client, prefix)
        self.kept = {
            name: RestorableRepository(now=self.now, quota=self.quota) for name in REPOSITORIES
        }
        for model in self.kept.values():
            model.graveyard.now = self.now
        self.quota.repositories = [*self.kept.values()]
        self.model: dict[str, Repository] = {**self.kept}
        policy = SoftDeletePolicy(repositories=f"{prefix}/*", days=DAYS)
        client.run(client.registry.services.policies.put(policy))

    def teardown(self) -> None:
        """See LimitingMachine."""
        super().teardown()
        policies = self.client.registry.services.policies
        self.client.run(policies.delete(SoftDeletePolicy, f"{self.universe.prefix}/*"))

    def check_rows(self) -> None:
        """See CollectingMachine. What is kept can be listed."""
        found = self.client.new_faults()
        assert not found, "\n".join(found)

    def pick_a_digest(self, repository: str, number: int) -> str:
        """One that is deleted, or live, or neither."""
        model = self.kept[repository]
        dead = (digest for place in model.places() for digest in place.manifests)
        return pick([*dict.fromkeys((*dead, *model.manifests)), ABSENT], number)

    @rule(repository=repositories, number=numbers, tag=st.none() | tags, force=st.booleans())
    def restore(self, repository: str, number: int, tag: str | None, force: bool) -> None:
        """Restore a manifest, as az does."""
        digest = self.pick_a_digest(repository, number)
        name = self.universe.repository(repository)
        body = json.dumps({"tag": tag} if tag else {}).encode()
        path = f"{DELETED}/{name}/_manifests/{digest}?force={force}"

        reply = self.client.call("POST", path, body, Content_Type="application/json")

        expected = self.kept[repository].restore(digest, tag, force=force)
        assert reply.status == expected, reply.body

    @rule(repository=repositories, manifest=manifests, tag=tags, hours=hours)
    def delete_and_restore(self, repository: str, manifest: str, tag: str, hours: int) -> None:
        """What most histories do: an image is deleted by mistake, and somebody notices."""
        self.push(repository, manifest, tag)
        self.lose(repository, [*self.model[repository].manifests], hours)
        self.restore(repository, 0, None, force=False)

    @rule(repository=repositories, manifest=manifests, tag=tags, hours=hours)
    def remove_and_restore(self, repository: str, manifest: str, tag: str, hours: int) -> None:
        """The same of a repository."""
        self.push(repository, manifest, tag)
        self.delete_the_repository(repository)
        self.collect(hours)
        self.restore_the_repository(repository)

    @rule(repository=repositories, number=numbers, tag=st.none() | tags, hours=hours)
    def lose_and_restore(self, repository: str, number: int, tag: str | None, hours: int) -> None:
        """All manifests go by themselves, and one of them comes back by force."""
        self.lose(repository, [*self.model[repository].manifests], hours)
        self.restore(repository, number, tag, force=True)

    def lose(self, repository: str, digests: list[str], hours: int) -> None:
        """Delete the manifests that are there, and let time pass."""
        for digest in digests:
            path = self.path(repository, f"/manifests/{digest}")
            status = self.client.call("DELETE", path).status
            assert status == self.model[repository].delete_manifest(digest)
        self.collect(hours)

    @rule(repository=repositories)
    def restore_the_repository(self, repository: str) -> None:
        """Restore the one that was deleted last, unless all of it was restored or purged."""
        model = self.kept[repository]
        last = model.restorable()[:1]
        if any(not (one.blobs or one.manifests) for one in last):
            return  # an empty repository: whether it is there, nobody sees
        status = self.manage("restore", repository)
        assert status == model.restore_all()

    @rule(repository=repositories, number=numbers)
    def purge_a_manifest(self, repository: str, number: int) -> None:
        """Remove a deleted manifest for good."""
        digest = self.pick_a_digest(repository, number)
        status = self.manage("purge", repository, digest=digest)
        assert status == self.kept[repository].purge(digest)

    @rule(repository=repositories)
    def purge_the_repository(self, repository: str) -> None:
        """Remove for good all that was deleted of it."""
        status = self.manage("purge", repository)
        assert status == self.kept[repository].purge_all()

    def manage(self, verb: str, repository: str, **fields: str) -> int:
        """What `acrux deleted` sends."""
        body = json.dumps({"repository": self.universe.repository(repository), **fields}).encode()
        path = f"{MANAGED}/{verb}"
        return self.client.call("POST", path, body, Content_Type="application/json").status

    @invariant()
    def what_can_be_restored_is_listed(self) -> None:
        """Compare the listings of what was deleted; afterwards it is a second later."""
        for name, model in self.kept.items():
            assert self.listed(name, "manifests", "digest") == deleted_manifests(model)
            assert self.listed(name, "tags", "tag", "digest") == deleted_tags(model)
        names = json.loads(self.client.call("GET", f"{DELETED}/_catalog?n=1000").body)
        found = [*map(self.universe.repository, filter(self.has_deleted, REPOSITORIES))]
        prefix = f"{self.universe.prefix}/"
        assert [one for one in names["repositories"] if one.startswith(prefix)] == found
        self.client.clock.forward(seconds=1)  # no two steps delete at the same instant

    def has_deleted(self, repository: str) -> bool:
        """Whether it is in the catalog of what was deleted."""
        model = self.kept[repository]
        kept = any(one.manifests and one.switches["listEnabled"] for one in model.restorable())
        return bool(kept or model.graveyard.manifests or model.graveyard.tags)

    def listed(self, repository: str, kind: str, *keys: str) -> list[tuple[Any, ...]]:
        """What a listing shows: the keys, and from when until when it is kept."""
        path = f"{DELETED}/{self.universe.repository(repository)}/_{kind}?n=1000"
        reply = self.client.call("GET", path)
        shown = json.loads(reply.body)[kind] if reply.status == OK else None
        times = ("deletedAt", "expiresAfter")
        return [
            (*(one[key] for key in keys), *(datetime.fromisoformat(one[time]) for time in times))
            for one in shown or ()
        ]


def deleted_manifests(model: RestorableRepository) -> list[tuple[object, ...]]:
    """The listed manifests by digest, of each the one that was deleted last."""
    found = [
        (digest, one.deleted_at, one.expires_at)
        for one in model.restorable()
        for digest in one.listed_manifests()
    ] + [
        (digest, grave.deleted_at, grave.expires_at)
        for digest, grave in model.graveyard.manifests.items()
        if grave.switches["listEnabled"] and grave.expires_at > model.now()
    ]
    return sorted({digest: (digest, *times) for digest, *times in sorted(found)}.values())


def deleted_tags(model: RestorableRepository) -> list[tuple[object, ...]]:
    """The listed tags by name, of one name the last one last."""
    found = [
        (tag, one.tags[tag], one.deleted_at, one.expires_at)
        for one in model.restorable()
        for tag in one.listed_tags()
    ] + [
        (tag, digest, *times)
        for (tag, digest), times in model.graveyard.tags.items()
        if times[1] > model.now()
    ]
    return sorted(found, key=lambda one: (one[0], one[2]))

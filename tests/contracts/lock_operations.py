"""Everything that can be done to a repository, and what each lock forbids."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from acrux.adapters.sql.content.metadata_store import SqlMetadata
from acrux.adapters.sql.properties import SqlProperties
from acrux.domain.content.attributes import Attributes, AttributesChange
from acrux.domain.content.digest import Digest
from acrux.domain.content.names import RepositoryName, Tag
from acrux.domain.content.page import Order, Page
from acrux.domain.content.patterns import RepositoryPattern
from acrux.errors import Disallowed, UnknownBlob
from acrux.ports.content.metadata import Metadata, Properties
from tests.contracts.content import AT, BLOB, LATEST, PUSHER, copy, descriptor, index

SUBJECT = Digest.of(b"subject")
ELSEWHERE = Digest.of(b"blob of another repository")
HELD = index("held", subject=descriptor(SUBJECT))  # the manifest that LATEST points to
NEXT = index("next")
NEW = Tag.parse("new")
EVERYTHING = (RepositoryPattern("*"),)
UNCHANGED = AttributesChange()

SWITCHES = [name.removesuffix("_enabled") for name in Attributes.__struct_fields__]
SUBJECTS = ("repository", "tag", "manifest")
LOCKS = [(subject, switch) for subject in SUBJECTS for switch in SWITCHES]


@dataclass(frozen=True)
class Scene:
    """A repository for one test that holds HELD, tagged LATEST, and a blob."""

    name: RepositoryName

    @classmethod
    def number(cls, number: int) -> "Scene":
        """One of many."""
        return cls(RepositoryName.parse(f"r{number}"))

    @property
    def another(self) -> RepositoryName:
        """A repository that nobody has locked."""
        return RepositoryName.parse(f"{self.name}-another")

    async def prepare(self, metadata: SqlMetadata) -> None:
        """Create all of it."""
        await metadata.link_blob(self.name, copy(BLOB), PUSHER, AT)
        await metadata.link_blob(self.another, copy(ELSEWHERE), PUSHER, AT)
        await metadata.put_manifest(self.name, HELD, (LATEST,), AT)

    async def lock(
        self, properties: SqlProperties, subject: str, switch: str, *, enabled: bool = False
    ) -> None:
        """Set an attribute of the repository, the tag or the manifest to false, or back to true."""
        change = AttributesChange(**{f"{switch}_enabled": enabled})
        match subject:
            case "repository":
                await properties.change_repository(self.name, change)
            case "tag":
                await properties.change_tag(self.name, LATEST, change)
            case "manifest":
                await properties.change_manifest(self.name, HELD.digest, change)


def _always(_result: Any, _scene: Scene) -> bool:
    return True


def _has_items(result: Any, _scene: Scene) -> bool:
    return bool(result.items)


def _names_it(result: Any, scene: Scene) -> bool:
    return scene.name.value in result.items


@dataclass(frozen=True)
class Operation:
    """One call of a port, and how to tell whether its result contains the expected item."""

    port: type
    method: str
    arguments: Callable[[Scene], Iterable[Any]]
    shows: Callable[[Any, Scene], bool] = _always

    async def outcome(self, adapter: Any, scene: Scene) -> str:
        """The outcome, as a letter of the table."""
        try:
            result = await getattr(adapter, self.method)(*self.arguments(scene))
        except Disallowed:
            return "X"
        except UnknownBlob:
            return "?"
        return "." if self.shows(result, scene) else "-"


def _metadata(method: str, arguments: Callable[[Scene], Iterable[Any]], **shows: Any) -> Operation:
    return Operation(Metadata, method, arguments, **shows)


def _properties(
    method: str, arguments: Callable[[Scene], Iterable[Any]], **shows: Any
) -> Operation:
    return Operation(Properties, method, arguments, **shows)


OPERATIONS = {
    "pull by tag": _metadata("get_manifest", lambda to: (to.name, LATEST)),
    "pull by digest": _metadata("get_manifest", lambda to: (to.name, HELD.digest)),
    "read a blob": _metadata("find_blob", lambda to: (to.name, BLOB)),
    "look for the blobs of a manifest": _metadata(
        "find_copies", lambda to: (to.name, (BLOB,)), shows=lambda found, _: bool(found)
    ),
    "look for a blob to mount": _metadata("find_copy", lambda _: (BLOB,)),
    "hold a blob": _metadata("hold", lambda to: (to.name, BLOB, PUSHER)),
    "mount from here": _metadata(
        "mount_blob",
        lambda to: ((RepositoryPattern(to.name.value),), to.another, copy(BLOB), PUSHER, AT),
    ),
    "mount to here": _metadata(
        "mount_blob",
        lambda to: ((RepositoryPattern(to.another.value),), to.name, copy(ELSEWHERE), PUSHER, AT),
    ),
    "ask whether to push": _metadata("check_writable", lambda to: (to.name,)),
    "ask whether a quota counts": _metadata("has_quotas", lambda to: (to.name,)),
    "push a blob": _metadata("link_blob", lambda to: (to.name, copy(ELSEWHERE), PUSHER, AT)),
    "push to the tag": _metadata("put_manifest", lambda to: (to.name, NEXT, (LATEST,), AT)),
    "push the same again": _metadata("put_manifest", lambda to: (to.name, HELD, (LATEST,), AT)),
    "push to two tags": _metadata("put_manifest", lambda to: (to.name, NEXT, (NEW, LATEST), AT)),
    "push a new tag": _metadata("put_manifest", lambda to: (to.name, NEXT, (NEW,), AT)),
    "tag the manifest anew": _metadata("put_manifest", lambda to: (to.name, HELD, (NEW,), AT)),
    "push without a tag": _metadata("put_manifest", lambda to: (to.name, NEXT, (), AT)),
    "untag": _metadata("delete_tag", lambda to: (to.name, LATEST)),
    "delete the manifest": _metadata("delete_manifest", lambda to: (to.name, HELD.digest)),
    "delete the blob": _metadata("unlink_blob", lambda to: (to.name, BLOB)),
    "delete the repository": _metadata("delete_repository", lambda to: (to.name,)),
    "list repositories": _metadata(
        "list_repositories", lambda _: (Page(1000), EVERYTHING), shows=_names_it
    ),
    "find repositories": _metadata(
        "find_repositories",
        lambda to: (Page(1000), EVERYTHING, to.name.value),
        shows=lambda found, to: to.name.value in found.names,
    ),
    "list tags": _metadata("list_tags", lambda to: (to.name, Page()), shows=_has_items),
    "list referrers": _metadata(
        "list_referrers", lambda to: (to.name, SUBJECT, None, Page()), shows=_has_items
    ),
    "list tags with properties": _properties(
        "tags", lambda to: (to.name, Page(), Order.NEWEST_FIRST, None), shows=_has_items
    ),
    "list manifests": _properties(
        "manifests", lambda to: (to.name, Page(), Order.BY_NAME), shows=_has_items
    ),
    "show the repository": _properties("repository", lambda to: (to.name,)),
    "show the tag": _properties("tag", lambda to: (to.name, LATEST)),
    "show the manifest": _properties("manifest", lambda to: (to.name, HELD.digest)),
    "change the repository": _properties("change_repository", lambda to: (to.name, UNCHANGED)),
    "change the tag": _properties("change_tag", lambda to: (to.name, LATEST, UNCHANGED)),
    "change the manifest": _properties(
        "change_manifest", lambda to: (to.name, HELD.digest, UNCHANGED)
    ),
}

# acr-protocol.md §5.5. A column is one attribute set to false: delete, write, list, read.
# "." means that the operation works, "X" that it is disallowed, "-" that the item is not
# listed, and "?" that its blob looks as if it were not found.
TABLE = """
                                      repository     tag            manifest
                                      d  w  l  r     d  w  l  r     d  w  l  r
    pull by tag                       .  .  .  X     .  .  .  X     .  .  .  X
    pull by digest                    .  .  .  X     .  .  .  .     .  .  .  X
    read a blob                       .  .  .  X     .  .  .  .     .  .  .  .
    look for the blobs of a manifest  .  .  .  .     .  .  .  .     .  .  .  .
    look for a blob to mount          .  .  .  .     .  .  .  .     .  .  .  .
    hold a blob                       .  .  .  .     .  .  .  .     .  .  .  .
    mount from here                   .  .  .  ?     .  .  .  .     .  .  .  .
    mount to here                     .  X  .  .     .  .  .  .     .  .  .  .
    ask whether to push               .  X  .  .     .  .  .  .     .  .  .  .
    ask whether a quota counts        .  .  .  .     .  .  .  .     .  .  .  .
    push a blob                       .  X  .  .     .  .  .  .     .  .  .  .
    push to the tag                   .  X  .  .     .  X  .  .     .  .  .  .
    push the same again               .  X  .  .     .  X  .  .     .  .  .  .
    push to two tags                  .  X  .  .     .  X  .  .     .  .  .  .
    push a new tag                    .  X  .  .     .  .  .  .     .  .  .  .
    tag the manifest anew             .  X  .  .     .  .  .  .     .  .  .  .
    push without a tag                .  X  .  .     .  .  .  .     .  .  .  .
    untag                             .  X  .  .     X  X  .  .     .  .  .  .
    delete the manifest               .  X  .  .     X  X  .  .     X  X  .  .
    delete the blob                   .  X  .  .     .  .  .  .     .  .  .  .
    delete the repository             X  X  .  .     X  X  .  .     X  X  .  .
    list repositories                 .  .  -  .     .  .  .  .     .  .  .  .
    find repositories                 .  .  -  .     .  .  .  .     .  .  .  .
    list tags                         .  .  .  .     .  .  -  .     .  .  .  .
    list referrers                    .  .  .  .     .  .  .  .     .  .  -  .
    list tags with properties         .  .  .  .     .  .  -  .     .  .  .  .
    list manifests                    .  .  .  .     .  .  .  .     .  .  -  .
    show the repository               .  .  .  .     .  .  .  .     .  .  .  .
    show the tag                      .  .  .  .     .  .  .  .     .  .  .  .
    show the manifest                 .  .  .  .     .  .  .  .     .  .  .  .
    change the repository             .  .  .  .     .  .  .  .     .  .  .  .
    change the tag                    .  .  .  .     .  .  .  .     .  .  .  .
    change the manifest               .  .  .  .     .  .  .  .     .  .  .  .
"""


def columns() -> list[tuple[str, str]]:
    """The columns of the table's header: the item, and the first letter of the attribute."""
    subjects, letters, *_ = TABLE.strip("\n").splitlines()
    each = len(letters.split()) // len(subjects.split())
    owners = [subject for subject in subjects.split() for _ in range(each)]
    return list(zip(owners, letters.split(), strict=True))


def rows() -> dict[str, dict[tuple[str, str], str]]:
    """The outcome of each operation in the table, lock by lock."""
    found = {}
    for line in TABLE.strip("\n").splitlines()[2:]:
        name, *cells = line.strip().rsplit(maxsplit=len(LOCKS))
        found[name] = dict(zip(LOCKS, cells, strict=True))
    return found

"""The bodies of requests about policies."""

from typing import Annotated, Final, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from acrux.domain.content.byte_sizes import MAX_BYTES
from acrux.domain.content.names import MAX_NAME_CHARACTERS
from acrux.domain.content.policies import retention, soft_delete
from acrux.domain.content.storage import purge as storage
from acrux.errors import InvalidRequest
from acrux.http.management.bodies import Status
from acrux.http.management.grammars import Globs, Pattern, Patterns, PolicyName

MAX_TOLD: Final = 2**53  # a number that each client can write

Filter: TypeAlias = Annotated[
    str, Meta(description="A regular expression of RE2; it may match any part of a tag.")
]
Confirmation: TypeAlias = Annotated[
    str, Meta(description="The rule's name: required if the rule removes every tag.")
]
Days: TypeAlias = Annotated[int, Meta(ge=1, le=retention.MAX_DAYS)]
DaysOrNone: TypeAlias = Annotated[int, Meta(ge=0, le=retention.MAX_DAYS)]
Count: TypeAlias = Annotated[int, Meta(ge=1, le=retention.MAX_KEPT)]
CountOrNone: TypeAlias = Annotated[int, Meta(ge=0, le=retention.MAX_KEPT)]
Bytes: TypeAlias = Annotated[int, Meta(ge=0, le=MAX_BYTES)]
UntaggedDays: TypeAlias = Annotated[int, Meta(ge=0, le=retention.MAX_UNTAGGED_DAYS)]
DeletedDays: TypeAlias = Annotated[int, Meta(ge=1, le=soft_delete.MAX_DAYS)]


Filters: TypeAlias = Annotated[
    list[str],
    Meta(
        description="Each is REPOSITORY:TAG, regular expressions of RE2: a whole name, and any "
        "part of a tag.",
        max_length=storage.MAX_FILTERS,
    ),
]
Ago: TypeAlias = Annotated[
    str, Meta(description="Only what was pushed longer ago: days and a duration of Go, as 1d2h30m.")
]
Kept: TypeAlias = Annotated[int, Meta(ge=0, le=storage.MAX_KEPT)]
After: TypeAlias = Annotated[
    str, Meta(description="As the answer before has it.", max_length=MAX_NAME_CHARACTERS)
]
Told: TypeAlias = Annotated[
    int, Meta(description="As the answer before has it.", ge=0, le=MAX_TOLD)
]


class CreateRetentionRule(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A retention rule to create. A tag goes only if all conditions given hold."""

    name: PolicyName
    repositories: Patterns
    tags: Globs = []
    filter: Filter = ""
    except_tags: Globs = []
    keep_last: Count | None = None
    older_than_days: Days | None = None
    not_pulled_for_days: Days | None = None
    untagged_for_days: DaysOrNone | None = None
    keep_at_least: CountOrNone = 0
    status: Status = "enabled"
    confirm: Confirmation = ""


class ChangeRetentionRule(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to a retention rule. Omitted fields keep their values; null removes a condition."""

    repositories: Patterns | UnsetType = UNSET
    tags: Globs | UnsetType = UNSET
    filter: Filter | UnsetType = UNSET
    except_tags: Globs | UnsetType = UNSET
    keep_last: Count | UnsetType | None = UNSET
    older_than_days: Days | UnsetType | None = UNSET
    not_pulled_for_days: Days | UnsetType | None = UNSET
    untagged_for_days: DaysOrNone | UnsetType | None = UNSET
    keep_at_least: CountOrNone | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    confirm: Confirmation = ""


class ChangeRetentionPolicy(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to what `acrux config retention` shows. Omitted fields keep their values."""

    days: UntaggedDays | UnsetType = UNSET
    status: Status | UnsetType = UNSET


class RunRetention(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Which retention rule to carry out, though it be disabled; all enabled ones if it is empty."""

    rule: str = ""
    after: After = ""
    told: Told = 0


class RunPurge(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """What `acr purge` removes. `filters` and `ago` are required unless `untaggedOnly` is set."""

    filters: Filters = []
    ago: Ago | None = None
    keep: Kept = 0
    untagged: bool = False
    untagged_only: bool = False
    include_locked: bool = False
    after: After = ""
    told: Told = 0


class CreateWriteOncePolicy(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A write-once policy to create."""

    name: PolicyName
    repositories: Patterns
    except_tags: Globs = []


class ChangeWriteOncePolicy(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to a write-once policy. Omitted fields keep their values; lists replace the old."""

    repositories: Patterns | UnsetType = UNSET
    except_tags: Globs | UnsetType = UNSET


class CreateQuota(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """A quota to create: what the repositories of the pattern may take together."""

    name: PolicyName
    repositories: Pattern
    max_bytes: Bytes


class ChangeQuota(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """Changes to a quota. Omitted fields keep their values."""

    repositories: Pattern | UnsetType = UNSET
    max_bytes: Bytes | UnsetType = UNSET


class PutSoftDeletePolicy(Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The soft-delete policy of a pattern; it replaces the one that the pattern has."""

    repositories: Pattern
    retention_days: DeletedDays = soft_delete.DEFAULT_DAYS
    status: Status = "enabled"


def purge(body: RunPurge) -> storage.Purge:
    """The purge that a body describes. Raises InvalidInput."""
    if body.untagged and body.untagged_only:
        raise InvalidRequest("untagged and untaggedOnly exclude each other")
    if not body.untagged_only and not (body.filters and body.ago):
        raise InvalidRequest("give filters and ago, or untaggedOnly")
    return storage.Purge(
        filters=tuple(map(storage.Filter.parse, body.filters)),
        ago=storage.parse_age(body.ago) if body.ago else storage.Purge().ago,
        keep=body.keep,
        untagged=body.untagged,
        untagged_only=body.untagged_only,
        include_locked=body.include_locked,
    )

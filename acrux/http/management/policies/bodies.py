"""The bodies of requests about policies."""

from typing import Annotated, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType

from acrux.domain.content.byte_sizes import MAX_BYTES
from acrux.domain.content.policies import retention, soft_delete
from acrux.http.management.bodies import Status
from acrux.http.management.grammars import Globs, Pattern, Patterns, PolicyName

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

"""The policies as /management/v1 and the commands show them."""

from datetime import datetime

from msgspec import Struct
from msgspec.structs import asdict

from acrux.domain.content.policies import quota, retention, soft_delete, write_once
from acrux.http.management.bodies import Status


class RetentionRule(Struct, rename="camel", kw_only=True):
    """A retention rule; a condition that is null does not count."""

    name: str
    status: Status
    repositories: list[str]
    tags: list[str]
    filter: str
    except_tags: list[str]
    keep_last: int | None
    older_than_days: int | None
    not_pulled_for_days: int | None
    untagged_for_days: int | None
    keep_at_least: int
    creation_date: datetime
    last_updated_time: datetime


class RetentionRuleList(Struct):
    """A page of retention rules."""

    value: list[RetentionRule]


class Removal(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """A tag that is removed, or a manifest without a tag."""

    repository: str
    tag: str = ""
    digest: str


class RetentionVerdict(Removal, rename="camel", kw_only=True, omit_defaults=True):
    """A tag, or a manifest without a tag, that a retention rule removes, and why."""

    rule: str
    reason: str


class RetentionPreview(Struct, rename="camel", kw_only=True):
    """What a retention rule would remove now: the first of it if it is not complete."""

    value: list[RetentionVerdict]
    is_complete: bool


class RetentionPortion(Struct, rename="camel", kw_only=True):
    """What one request removed, or would remove; unless it is done, the next one goes on from it.

    For that, it sends `after` and `told` again.
    """

    value: list[RetentionVerdict]
    after: str
    told: int
    is_done: bool


class PurgePortion(Struct, rename="camel", kw_only=True):
    """What one request removed, or would remove; unless it is done, the next one goes on from it.

    For that, it sends `after` and `told` again. `unmatched` are the filters that matched nothing.
    """

    value: list[Removal]
    after: str
    told: int
    is_done: bool
    unmatched: list[str]


class RetentionRun(Struct, rename="camel", kw_only=True):
    """When the retention rules were last carried out, and what was removed so far."""

    began_at: datetime | None
    ended_at: datetime | None
    removed_tags: int
    removed_manifests: int


class RetentionPolicy(Struct, rename="camel", kw_only=True):
    """For how long manifests without a tag are kept in all repositories, as ACR shows it."""

    days: int
    status: Status
    last_updated_time: datetime | None


class WriteOncePolicy(Struct, rename="camel", kw_only=True):
    """A write-once policy."""

    name: str
    repositories: list[str]
    except_tags: list[str]
    creation_date: datetime
    last_updated_time: datetime


class WriteOncePolicyList(Struct):
    """A page of write-once policies."""

    value: list[WriteOncePolicy]


class Quota(Struct, rename="camel", kw_only=True):
    """A quota."""

    name: str
    repositories: str
    max_bytes: int
    creation_date: datetime
    last_updated_time: datetime


class QuotaList(Struct):
    """A page of quotas."""

    value: list[Quota]


class SoftDeletePolicy(Struct, rename="camel", kw_only=True):
    """A soft-delete policy; the one with the most specific pattern applies."""

    repositories: str
    retention_days: int
    status: Status
    last_updated_time: datetime | None


class SoftDeletePolicyList(Struct):
    """A page of soft-delete policies."""

    value: list[SoftDeletePolicy]


def retention_rule(
    rule: retention.RetentionRule, created_at: datetime, changed_at: datetime
) -> RetentionRule:
    """A retention rule."""
    return RetentionRule(
        name=rule.name,
        status=status(is_enabled=rule.is_enabled),
        repositories=list(rule.repositories),
        tags=list(rule.tags),
        filter=rule.filter,
        except_tags=list(rule.except_tags),
        keep_last=rule.keep_last,
        older_than_days=rule.older_than_days,
        not_pulled_for_days=rule.not_pulled_for_days,
        untagged_for_days=rule.untagged_for_days,
        keep_at_least=rule.keep_at_least,
        creation_date=created_at,
        last_updated_time=changed_at,
    )


def removal(repository: str, item: retention.Fact) -> Removal:
    """A tag or a manifest of a repository."""
    tag = item.name if isinstance(item, retention.TagFact) else ""
    return Removal(repository=repository, tag=tag, digest=item.digest)


def retention_verdict(repository: str, verdict: retention.Verdict) -> RetentionVerdict:
    """What a rule removes of a repository."""
    return RetentionVerdict(
        **asdict(removal(repository, verdict.item)),
        rule=verdict.rule,
        reason=verdict.reason,
    )


def retention_policy(rule: retention.RetentionRule, changed_at: datetime | None) -> RetentionPolicy:
    """What ACR shows of the rule about manifests without a tag."""
    return RetentionPolicy(
        days=rule.untagged_for_days or 0,
        status=status(is_enabled=rule.is_enabled),
        last_updated_time=changed_at,
    )


def write_once_policy(
    policy: write_once.WriteOncePolicy, created_at: datetime, changed_at: datetime
) -> WriteOncePolicy:
    """A write-once policy."""
    return WriteOncePolicy(
        name=policy.name,
        repositories=list(policy.repositories),
        except_tags=list(policy.except_tags),
        creation_date=created_at,
        last_updated_time=changed_at,
    )


def quota_of(given: quota.Quota, created_at: datetime, changed_at: datetime) -> Quota:
    """A quota."""
    return Quota(
        name=given.name,
        repositories=given.repositories,
        max_bytes=given.max_bytes,
        creation_date=created_at,
        last_updated_time=changed_at,
    )


def soft_delete_policy(
    policy: soft_delete.SoftDeletePolicy, changed_at: datetime | None
) -> SoftDeletePolicy:
    """A soft-delete policy."""
    return SoftDeletePolicy(
        repositories=policy.repositories,
        retention_days=policy.days,
        status=status(is_enabled=policy.is_enabled),
        last_updated_time=changed_at,
    )


def status(*, is_enabled: bool) -> Status:
    """ACR's word for it."""
    return "enabled" if is_enabled else "disabled"

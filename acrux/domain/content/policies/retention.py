"""Retention rules: which tags and untagged manifests go, and why."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import ClassVar, Final, TypeAlias

from msgspec import Struct

from acrux.domain.content.policies.definition import (
    check_name,
    check_patterns,
    check_size,
    covers,
)
from acrux.domain.content.policies.tag_selection import TagSelection, check_globs, compile_filter
from acrux.domain.instants import BEGINNING
from acrux.errors import InvalidInput

MAX_DAYS: Final = 3650
MAX_KEPT: Final = 1_000_000

# The rule that `acrux config retention` sets, as `az acr config retention` does: of all
# repositories, the manifests that have had no tag for some days (acr-protocol.md §5.8).
UNTAGGED_MANIFESTS: Final = "_untagged"
DEFAULT_DAYS: Final = 7
MAX_UNTAGGED_DAYS: Final = 365


class TagFact(Struct, frozen=True):
    """What a rule must know of a tag.

    `updated_at` is when it was last pushed. `pulled_at` is None if it was never pulled. If it is
    locked, an attribute of the tag or its repository forbids to delete it; if it is write-once, a
    policy does.
    """

    name: str
    digest: str
    updated_at: datetime
    pulled_at: datetime | None = None
    is_locked: bool = False
    is_write_once: bool = False

    @property
    def at(self) -> datetime:
        """Since when it has been as it is."""
        return self.updated_at

    @property
    def pushed_at(self) -> datetime:
        """What orders tags from new to old."""
        return self.updated_at

    @property
    def is_protected(self) -> bool:
        """Whether no rule may remove it."""
        return self.is_locked or self.is_write_once


class UntaggedFact(Struct, frozen=True):
    """What a rule must know of a manifest that has no tag and that no index names.

    `pushed_at` orders manifests from new to old. `untagged_at` is when it lost its last tag, or
    when it was pushed if it never had one.
    """

    digest: str
    pushed_at: datetime
    untagged_at: datetime
    pulled_at: datetime | None = None
    is_locked: bool = False

    @property
    def at(self) -> datetime:
        """Since when it has been as it is."""
        return self.untagged_at

    @property
    def is_protected(self) -> bool:
        """Whether no rule may remove it."""
        return self.is_locked


Fact: TypeAlias = TagFact | UntaggedFact


class Verdict(Struct, frozen=True):
    """What goes by which rule; `reason` is a sentence for people."""

    rule: str
    item: Fact
    reason: str


class RetentionRule(Struct, frozen=True, kw_only=True):
    """Which tags and untagged manifests of these repositories go.

    A tag goes if `tags` (globs) or `filter` (a regular expression) selects it, and **all** the
    conditions given hold: it is not among the `keep_last` newest that are selected, was pushed
    `older_than_days` ago or more, and was not pulled or pushed for `not_pulled_for_days`.
    `except_tags` are never selected. A manifest without a tag goes if it has had none for
    `untagged_for_days`, and was not pulled for `not_pulled_for_days`. `keep_at_least` newest of the
    selected tags, and of the untagged manifests, stay whatever their age.

    A manifest goes with its last tag, not before. What is locked or write-once stays.
    """

    kind: ClassVar[str] = "retention"
    title: ClassVar[str] = "retention rule"

    name: str
    repositories: tuple[str, ...]
    tags: tuple[str, ...] = ()
    filter: str = ""
    except_tags: tuple[str, ...] = ()
    keep_last: int | None = None
    older_than_days: int | None = None
    not_pulled_for_days: int | None = None
    untagged_for_days: int | None = None
    keep_at_least: int = 0
    is_enabled: bool = True

    def check(self) -> None:
        """Raise InvalidInput if it is invalid or removes nothing."""
        if self.name != UNTAGGED_MANIFESTS:
            check_name(self.name, self.title)
        check_patterns(self.repositories, self.title)
        check_globs((*self.tags, *self.except_tags))
        _check_range("keep last", self.keep_last, 1, MAX_KEPT)
        _check_range("keep at least", self.keep_at_least, 0, MAX_KEPT)
        _check_range("older than", self.older_than_days, 1, MAX_DAYS)
        _check_range("not pulled for", self.not_pulled_for_days, 1, MAX_DAYS)
        _check_range("untagged for", self.untagged_for_days, 0, MAX_DAYS)
        self._check_use()
        check_size(self, self.title)
        self.selection()

    def _check_use(self) -> None:
        if not self.is_on_tags and self.untagged_for_days is None:
            raise InvalidInput(
                "a retention rule says which tags it is about (* for all), or for how many days "
                "manifests may be untagged"
            )
        if not self.is_on_tags and (self.keep_last or self.older_than_days or self.except_tags):
            raise InvalidInput(
                "to keep the last tags, to delete older ones and to except some are conditions on "
                "tags: say which tags the rule is about (* for all)"
            )

    @property
    def is_on_tags(self) -> bool:
        """Whether it removes tags at all."""
        return bool(self.tags or self.filter)

    @property
    def removes_everything(self) -> bool:
        """Whether it removes every tag but exceptions, as soon as it is pushed, of whatever age."""
        is_open = (self.keep_last, self.older_than_days, self.not_pulled_for_days) == (None,) * 3
        return is_open and self.keep_at_least == 0 and self.selection().selects_all

    @property
    def description(self) -> str:
        """What it removes, in a line for people."""
        parts = [self._tags_in_words] if self.is_on_tags else []
        if self.untagged_for_days is not None:
            parts.append(f"manifests without a tag for {self.untagged_for_days} days")
        text = "; ".join(parts)
        if self.not_pulled_for_days is not None:
            text += f"; only what was not pulled for {self.not_pulled_for_days} days"
        return text + (f"; at least {self.keep_at_least} stay" if self.keep_at_least else "")

    @property
    def _tags_in_words(self) -> str:
        text = f"tags {', '.join((*self.tags, *filter(None, [self.filter])))}"
        if self.except_tags:
            text += f" except {', '.join(self.except_tags)}"
        if self.keep_last is not None:
            text += f", but the newest {self.keep_last}"
        if self.older_than_days is not None:
            text += f", if older than {self.older_than_days} days"
        return text

    def covers(self, repository: str) -> bool:
        """Whether it is about this repository."""
        return covers(self.repositories, repository)

    def selection(self) -> TagSelection:
        """The tags that it is about. Raises InvalidInput for a filter that cannot be read."""
        expression = compile_filter(self.filter) if self.filter else None
        return TagSelection(self.tags, expression, self.except_tags)


def _check_range(what: str, given: int | None, least: int, most: int) -> None:
    if given is not None and not least <= given <= most:
        raise InvalidInput(f"{what} is a number from {least} to {most}, not {given}")


def untagged_manifests(days: int, *, is_enabled: bool) -> RetentionRule:
    """The rule of `acrux config retention`. Raises InvalidInput unless days is 0 to 365."""
    _check_range("days", days, 0, MAX_UNTAGGED_DAYS)
    return RetentionRule(
        name=UNTAGGED_MANIFESTS,
        repositories=("*",),
        untagged_for_days=days,
        is_enabled=is_enabled,
    )


# What `acrux config retention` shows before it was ever set: as in ACR, it is off.
KEEP_UNTAGGED: Final = untagged_manifests(DEFAULT_DAYS, is_enabled=False)


def check_own(name: str) -> None:
    """Raise InvalidInput for the rule that only `acrux config retention` creates and changes."""
    if name == UNTAGGED_MANIFESTS:
        raise InvalidInput(
            f"the retention rule {name} is set by acrux config retention update, or by a PATCH of "
            "/management/v1/retentionPolicy"
        )


class Evaluation:
    """What a rule removes of one repository that it covers, and why, also if it is disabled.

    Nothing but counts is kept, so that a repository may have any number of tags. Pulls are known
    from `pulls_since` on: what has no pull since then may have been pulled just before.
    """

    def __init__(
        self, rule: RetentionRule, now: datetime, pulls_since: datetime = BEGINNING
    ) -> None:
        self._rule = rule
        self._now = now
        self._pulls_since = pulls_since
        self._selection = rule.selection()
        self._places = {TagFact: 0, UntaggedFact: 0}
        self._before: dict[type[Fact], datetime] = {}

    def judge(self, item: Fact) -> Verdict | None:
        """The verdict if the rule removes the item, None if it stays.

        The tags must come newest first, and the untagged manifests too, by when they were pushed.
        Raises ValueError if one is newer than the one before it: the wrong ones would be removed.
        """
        kind = type(item)
        if item.pushed_at > self._before.setdefault(kind, item.pushed_at):
            raise ValueError(f"{item} is newer than what came before it")
        self._before[kind] = item.pushed_at
        if not _is_selected(self._rule, self._selection, item):
            return None
        self._places[kind] += 1
        if item.is_protected or self._places[kind] <= self._rule.keep_at_least:
            return None
        used_at = max(item.at, item.pulled_at or self._pulls_since)
        reasons = tuple(_reasons(self._rule, item, self._places[kind], used_at, self._now))
        if None in reasons:
            return None
        said = ", ".join(filter(None, reasons))
        name = self._rule.name
        return Verdict(name, item, f"the retention rule {name} removes it: {said}")


def evaluate(rule: RetentionRule, items: Iterable[Fact], now: datetime) -> Iterator[Verdict]:
    """What the rule removes of the items of one repository: see `Evaluation`."""
    evaluation = Evaluation(rule, now)
    yield from filter(None, map(evaluation.judge, items))


def _is_selected(rule: RetentionRule, selection: TagSelection, item: Fact) -> bool:
    if isinstance(item, UntaggedFact):
        return rule.untagged_for_days is not None
    return selection.selects(item.name)


def _reasons(
    rule: RetentionRule, item: Fact, place: int, used_at: datetime, now: datetime
) -> Iterator[str | None]:
    # A reason for each condition of the rule, None for one that does not hold.
    if isinstance(item, UntaggedFact):
        yield _age("it has had no tag for {}", item.at, rule.untagged_for_days or 0, now)
    else:
        yield "its name matches"
        if rule.keep_last is not None:
            newer = "1 newer one matches" if place == 2 else f"{place - 1} newer ones match"
            yield f"{newer} too" if place > rule.keep_last else None
        if rule.older_than_days is not None:
            yield _age("it was pushed {} ago", item.at, rule.older_than_days, now)
    if rule.not_pulled_for_days is not None:
        yield _age("it has not been pulled for {}", used_at, rule.not_pulled_for_days, now)


def _age(sentence: str, since: datetime, days: int, now: datetime) -> str | None:
    age = now - since
    if age < timedelta(days=days):
        return None
    count = f"{age.days} day" + "s" * (age.days != 1)
    return sentence.format(count)

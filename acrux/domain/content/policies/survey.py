"""What a retention rule would do now, and what must be confirmed."""

from collections.abc import Callable
from functools import partial

from msgspec import Struct

from acrux.domain.content.policies.retention import RetentionRule, TagFact
from acrux.domain.content.policies.tag_selection import compile_filter, matches_glob
from acrux.errors import InvalidInput


class Survey(Struct, frozen=True):
    """What a rule finds of the tags that there are now in the repositories that it covers.

    `unmatched` are those of its globs and its filter that match none of them. If it `empties` the
    repositories, no tag would stay but what is locked or write-once.
    """

    unmatched: tuple[str, ...] = ()
    empties: bool = False


class Look:
    """Surveys the tags of the repositories that a rule covers, one by one."""

    def __init__(self, rule: RetentionRule) -> None:
        globs = (*rule.tags, *rule.except_tags)
        self._unmatched: list[tuple[str, Callable[[str], object]]] = [
            (glob, partial(matches_glob, (glob,))) for glob in globs
        ]
        if rule.filter:
            self._unmatched.append((rule.filter, compile_filter(rule.filter).search))
        self._is_any_seen = self._is_any_gone = self._is_any_left = False

    @property
    def is_over(self) -> bool:
        """Whether no further tag can change the survey."""
        return self._is_any_left and not self._unmatched

    def see(self, tag: TagFact, *, goes: bool) -> None:
        """Take note of a tag, and of whether the rule would remove it."""
        self._is_any_seen = True
        self._is_any_gone |= goes
        self._is_any_left |= not goes and not tag.is_protected
        self._unmatched = [one for one in self._unmatched if not one[1](tag.name)]

    def survey(self, *, is_whole: bool) -> Survey:
        """What was found. Unless all tags were seen, one that was not seen may match."""
        is_known = is_whole and self._is_any_seen
        return Survey(
            tuple(text for text, _ in self._unmatched) if is_known else (),
            empties=self._is_any_gone and not self._is_any_left,
        )


def danger(rule: RetentionRule, survey: Survey) -> str:
    """What must be confirmed, such as `removes every tag of team/*`; empty if nothing must.

    A rule that is disabled removes nothing by itself.
    """
    if not rule.is_enabled:
        return ""
    whose = ", ".join(rule.repositories)
    if rule.removes_everything:
        kept = f" except {', '.join(rule.except_tags)}" if rule.except_tags else ""
        return f"removes every tag of {whose}{kept}, however new"
    return f"removes every tag that {whose} has now" if survey.empties else ""


def check_confirmed(rule: RetentionRule, survey: Survey, confirmed: str) -> None:
    """Raise InvalidInput if the rule removes every tag, and `confirmed` is not its name.

    Its detail `danger` says what the rule does.
    """
    what = danger(rule, survey)
    if what and confirmed != rule.name:
        raise InvalidInput(
            f"the retention rule {rule.name} {what}: say how many to keep or how old they must be, "
            "or confirm it by its name",
            danger=what,
        )

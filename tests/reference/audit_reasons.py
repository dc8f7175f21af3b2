"""Every reason of a refusal: from the enum and what explains it."""

from datetime import UTC, datetime

from acrux.domain.access.reason import PROVEN, Reason
from acrux.domain.access.scope import parse_all
from acrux.domain.access.scope_maps import ScopeMap
from acrux.domain.audit import explain as explaining
from acrux.domain.audit.case_id import CaseId, unrecorded
from acrux.domain.audit.decision import Decision, Outcome
from acrux.domain.audit.refusal import Holder, Refusal
from tests.reference import markdown

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
SCOPE_MAP = ScopeMap.parse("ci-team-map", ["repositories/team/app/content/read"])
FACTS = {"revoked_at": AT.isoformat(), "audience": "registry.example.com"}


def render() -> str:
    """The page of the reasons."""
    proven = ", ".join(f"`{reason}`" for reason in Reason if reason in PROVEN)
    return markdown.page(
        "Audit reasons",
        "`acrux/domain/access/reason.py` and `acrux/domain/audit/`",
        markdown.prose(
            f"""An audit record with the outcome `{Outcome.REFUSED}` has one of these reasons,
            and `acrux auth explain` prints it. `{Reason.NO_CREDENTIAL}` is never recorded. The
            client learns less: a wrong name and a wrong password look the same to it. The commands
            are those that `acrux auth explain` suggests for the account `ci-team`; about a real
            refusal it says more, such as when a token expired."""
        ),
        markdown.table(
            ("Reason", "What it means", "What to do", "Commands"),
            [
                (f"`{reason}`", reason.meaning, reason.remedy, "<br>".join(_commands(reason)))
                for reason in Reason
            ],
        ),
        markdown.prose(
            f"""These reasons leave no doubt who presented the credential: {proven}. Anybody can
            cause the others, so fewer of their records are kept."""
        ),
    )


def _commands(reason: Reason) -> list[str]:
    if reason is Reason.NO_CREDENTIAL:
        explanation = explaining.explain_unrecorded(CaseId.parse(unrecorded((), AT)), None)
    else:
        explanation = explaining.explain(_refusal(reason))
    return [f"`{command}`" for command in explanation.fixes]


def _refusal(reason: Reason) -> Refusal:
    """The refusal of a pull and a push by an account that may only pull."""
    asked = parse_all(["repository:team/app:pull,push"])
    decision = Decision(
        "PUT /v2/team/app/manifests/v1", Outcome.REFUSED, "ci-team",
        peer="192.0.2.7", asked=asked, reason=reason, facts=FACTS,
    )  # fmt: skip
    is_enabled = reason is not Reason.DISABLED_ACCOUNT
    return Refusal("", AT, decision, Holder(is_enabled, AT, SCOPE_MAP.name, SCOPE_MAP))

"""The operations on policies."""

from acrux.domain.access.scope import READ, WRITE
from acrux.http.management.operation import PAGED, Operation
from acrux.http.management.policies import bodies, shapes
from acrux.http.management.policies.handlers import PolicyHandlers
from acrux.http.management.policies.quotas import QuotaManagement
from acrux.http.management.policies.removals import RemovalManagement
from acrux.http.management.policies.retention import RetentionManagement
from acrux.http.management.policies.retention_runs import RetentionRunManagement
from acrux.http.management.policies.soft_delete import SoftDeleteManagement
from acrux.http.management.policies.write_once import WriteOnceManagement


def operations(handlers: PolicyHandlers) -> tuple[Operation, ...]:
    """Every operation on policies."""
    return (
        *_retention(handlers.retention),
        *_retention_runs(handlers.retention_runs),
        *_removals(handlers.removals),
        *_write_once(handlers.write_once),
        *_quotas(handlers.quotas),
        *_soft_delete(handlers.soft_delete),
    )


def _retention(rules: RetentionManagement) -> tuple[Operation, ...]:
    one, answer = "/retentionRules/{name}", shapes.RetentionRule
    return (
        Operation(
            "GET", "/retentionRules", READ, rules.list, "List retention rules.",
            answer=shapes.RetentionRuleList, query=PAGED,
        ),
        Operation(
            "POST", "/retentionRules", WRITE, rules.create,
            "Create a retention rule; one that removes every tag must be confirmed.",
            bodies.CreateRetentionRule, answer, 201,
        ),
        Operation("GET", one, READ, rules.show, "Show a retention rule.", answer=answer),
        Operation(
            "PATCH", one, WRITE, rules.change, "Change a retention rule.",
            bodies.ChangeRetentionRule, answer,
        ),
        Operation("DELETE", one, WRITE, rules.delete, "Delete a retention rule.", status=204),
        Operation(
            "GET", "/retentionPolicy", READ, rules.show_policy,
            "Show for how long manifests without a tag are kept, in all repositories.",
            answer=shapes.RetentionPolicy,
        ),
        Operation(
            "PATCH", "/retentionPolicy", WRITE, rules.change_policy,
            "Set for how long manifests without a tag are kept, in all repositories.",
            bodies.ChangeRetentionPolicy, shapes.RetentionPolicy,
        ),
    )  # fmt: skip


def _retention_runs(runs: RetentionRunManagement) -> tuple[Operation, ...]:
    return (
        Operation(
            "GET", "/retentionRules/{name}/preview", READ, runs.preview,
            "Show what a retention rule would remove now, without removing it.",
            answer=shapes.RetentionPreview, query=("n",),
        ),
        Operation(
            "GET", "/retentionRun", READ, runs.show,
            "Show when the retention rules were last carried out, and what that removed.",
            answer=shapes.RetentionRun,
        ),
        Operation(
            "POST", "/retentionRun", WRITE, runs.start,
            "Have all enabled retention rules carried out soon, in the background.",
            answer=shapes.RetentionRun, status=202,
        ),
    )  # fmt: skip


def _removals(removals: RemovalManagement) -> tuple[Operation, ...]:
    run, purge = bodies.RunRetention, bodies.RunPurge
    return (
        Operation(
            "POST", "/runRetention", WRITE, removals.run_retention,
            "Carry out the retention rules, for ten seconds or so; the answer says where to go on.",
            run, shapes.RetentionPortion,
        ),
        Operation(
            "POST", "/previewRetention", READ, removals.preview_retention,
            "Show what runRetention would remove.", run, shapes.RetentionPortion,
        ),
        Operation(
            "POST", "/runPurge", WRITE, removals.run_purge,
            "Remove what acr purge does, for ten seconds or so; the answer says where to go on.",
            purge, shapes.PurgePortion,
        ),
        Operation(
            "POST", "/previewPurge", READ, removals.preview_purge,
            "Show what runPurge would remove.", purge, shapes.PurgePortion,
        ),
    )  # fmt: skip


def _write_once(policies: WriteOnceManagement) -> tuple[Operation, ...]:
    one, answer = "/writeOncePolicies/{name}", shapes.WriteOncePolicy
    return (
        Operation(
            "GET", "/writeOncePolicies", READ, policies.list, "List write-once policies.",
            answer=shapes.WriteOncePolicyList, query=PAGED,
        ),
        Operation(
            "POST", "/writeOncePolicies", WRITE, policies.create,
            "Let existing tags of some repositories be neither moved nor deleted.",
            bodies.CreateWriteOncePolicy, answer, 201,
        ),
        Operation("GET", one, READ, policies.show, "Show a write-once policy.", answer=answer),
        Operation(
            "PATCH", one, WRITE, policies.change, "Change a write-once policy.",
            bodies.ChangeWriteOncePolicy, answer,
        ),
        Operation("DELETE", one, WRITE, policies.delete, "Delete a write-once policy.", status=204),
    )  # fmt: skip


def _quotas(quotas: QuotaManagement) -> tuple[Operation, ...]:
    one, answer = "/quotas/{name}", shapes.Quota
    return (
        Operation(
            "GET", "/quotas", READ, quotas.list, "List quotas.",
            answer=shapes.QuotaList, query=PAGED,
        ),
        Operation(
            "POST", "/quotas", WRITE, quotas.create,
            "Limit what some repositories may take together.", bodies.CreateQuota, answer, 201,
        ),
        Operation("GET", one, READ, quotas.show, "Show a quota.", answer=answer),
        Operation(
            "PATCH", one, WRITE, quotas.change, "Change a quota.", bodies.ChangeQuota, answer
        ),
        Operation("DELETE", one, WRITE, quotas.delete, "Delete a quota.", status=204),
    )  # fmt: skip


def _soft_delete(policies: SoftDeleteManagement) -> tuple[Operation, ...]:
    path = "/softDeletePolicies"
    return (
        Operation(
            "GET", path, READ, policies.list, "List soft-delete policies.",
            answer=shapes.SoftDeletePolicyList, query=PAGED,
        ),
        Operation(
            "PUT", path, WRITE, policies.put,
            "Set for how long what is deleted in some repositories can be restored.",
            bodies.PutSoftDeletePolicy, shapes.SoftDeletePolicy,
        ),
        Operation(
            "DELETE", path, WRITE, policies.delete, "Delete the soft-delete policy of a pattern.",
            status=204, query=("repositories",), required=("repositories",),
        ),
    )  # fmt: skip

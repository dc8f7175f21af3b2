"""All handlers of policies."""

from dataclasses import dataclass
from typing import Self

from acrux.http.management.policies.quotas import QuotaManagement
from acrux.http.management.policies.removals import RemovalManagement
from acrux.http.management.policies.retention import RetentionManagement
from acrux.http.management.policies.retention_runs import RetentionRunManagement
from acrux.http.management.policies.soft_delete import SoftDeleteManagement
from acrux.http.management.policies.write_once import WriteOnceManagement
from acrux.services.content.listings import Listings
from acrux.services.content.policies import Policies
from acrux.services.content.purges import Purges
from acrux.services.content.retention import Retention


@dataclass(frozen=True, slots=True)
class PolicyHandlers:
    """The handlers of each kind of policies."""

    retention: RetentionManagement
    retention_runs: RetentionRunManagement
    removals: RemovalManagement
    write_once: WriteOnceManagement
    quotas: QuotaManagement
    soft_delete: SoftDeleteManagement

    @classmethod
    def on(
        cls, policies: Policies, retention: Retention, purges: Purges, listings: Listings
    ) -> Self:
        """The handlers of these policies, and of what removes by them or by a purge."""
        return cls(
            retention=RetentionManagement(policies, retention, listings),
            retention_runs=RetentionRunManagement(retention),
            removals=RemovalManagement(policies, retention, purges, listings),
            write_once=WriteOnceManagement(policies, listings),
            quotas=QuotaManagement(policies, listings),
            soft_delete=SoftDeleteManagement(policies, listings),
        )

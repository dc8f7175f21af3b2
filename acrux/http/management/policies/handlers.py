"""All handlers of policies."""

from dataclasses import dataclass
from typing import Self

from acrux.http.management.policies.quotas import QuotaManagement
from acrux.http.management.policies.retention import RetentionManagement
from acrux.http.management.policies.soft_delete import SoftDeleteManagement
from acrux.http.management.policies.write_once import WriteOnceManagement
from acrux.services.content.policies import Policies


@dataclass(frozen=True, slots=True)
class PolicyHandlers:
    """The handlers of each kind of policies."""

    retention: RetentionManagement
    write_once: WriteOnceManagement
    quotas: QuotaManagement
    soft_delete: SoftDeleteManagement

    @classmethod
    def on(cls, policies: Policies) -> Self:
        """The handlers of these policies."""
        return cls(
            retention=RetentionManagement(policies),
            write_once=WriteOnceManagement(policies),
            quotas=QuotaManagement(policies),
            soft_delete=SoftDeleteManagement(policies),
        )

"""The routes of /management/v1: what each requires, reads and answers."""

from acrux.domain.access.scope import READ, WRITE
from acrux.http.management import bodies, shapes
from acrux.http.management.accounts import AccountManagement
from acrux.http.management.audit import AuditManagement
from acrux.http.management.handlers import ManagementHandlers
from acrux.http.management.keys import KeyManagement
from acrux.http.management.logins.operations import operations as of_logins
from acrux.http.management.operation import PAGED, Operation
from acrux.http.management.policies.operations import operations as of_policies
from acrux.http.management.registry import RegistryManagement
from acrux.http.management.rights.operations import operations as of_rights
from acrux.http.management.scope_maps import ScopeMapManagement
from acrux.http.management.server.operations import operations as of_servers
from acrux.http.management.storage.operations import operations as of_storage
from acrux.http.management.trusts import TrustManagement
from acrux.http.management.users import UserManagement
from acrux.http.management.webhooks.operations import operations as of_webhooks


def operations(handlers: ManagementHandlers) -> tuple[Operation, ...]:
    """Every operation. The routing table and the OpenAPI document are built from these."""
    return (
        *_accounts(handlers.accounts),
        *_scope_maps(handlers.scope_maps),
        *_registry(handlers.registry),
        *_users(handlers.users),
        *_trusts(handlers.trusts),
        *of_logins(handlers.logins),
        *_keys(handlers.keys),
        *_audit(handlers.audit),
        *of_rights(handlers.rights),
        *of_policies(handlers.policies),
        *of_storage(handlers.storage),
        *of_servers(handlers.server),
        *of_webhooks(handlers.webhooks),
    )


def _accounts(accounts: AccountManagement) -> tuple[Operation, ...]:
    one, answer = "/tokens/{name}", shapes.Token
    return (
        Operation(
            "GET", "/tokens", READ, accounts.list, "List accounts.",
            answer=shapes.TokenList, query=PAGED,
        ),
        Operation(
            "POST", "/tokens", WRITE, accounts.create,
            "Create an account; its passwords are shown once.", bodies.CreateToken, answer, 201,
        ),
        Operation("GET", one, READ, accounts.show, "Show an account.", answer=answer),
        Operation(
            "PATCH", one, WRITE, accounts.change,
            "Change an account; reducing its rights revokes its tokens.",
            bodies.ChangeToken, answer,
        ),
        Operation(
            "DELETE", one, WRITE, accounts.delete, "Delete an account and revoke its tokens.",
            status=204,
        ),
        Operation(
            "POST", f"{one}/generateCredentials", WRITE, accounts.generate_credentials,
            "Regenerate one password or both, shown once; their old tokens are revoked.",
            bodies.GenerateCredentials, shapes.Credentials,
        ),
        Operation(
            "DELETE", f"{one}/credentials/{{password}}", WRITE, accounts.delete_password,
            "Delete a password and revoke the tokens obtained with it.", status=204,
        ),
        Operation(
            "POST", f"{one}/revoke", WRITE, accounts.revoke,
            "Revoke all tokens of an account; its passwords keep working.", status=204,
        ),
    )  # fmt: skip


def _scope_maps(scope_maps: ScopeMapManagement) -> tuple[Operation, ...]:
    one, answer = "/scopeMaps/{name}", shapes.ScopeMap
    return (
        Operation(
            "GET", "/scopeMaps", READ, scope_maps.list,
            "List scope maps, including the built-in ones.",
            answer=shapes.ScopeMapList, query=PAGED,
        ),
        Operation(
            "POST", "/scopeMaps", WRITE, scope_maps.create, "Create a scope map.",
            bodies.CreateScopeMap, answer, 201,
        ),
        Operation("GET", one, READ, scope_maps.show, "Show a scope map.", answer=answer),
        Operation(
            "PATCH", one, WRITE, scope_maps.change,
            "Change a scope map; removing actions revokes the tokens of everyone who has it.",
            bodies.ChangeScopeMap, answer,
        ),
        Operation(
            "DELETE", one, WRITE, scope_maps.delete,
            "Delete a scope map that is not in use.", status=204,
        ),
    )  # fmt: skip


def _registry(registry: RegistryManagement) -> tuple[Operation, ...]:
    answer = shapes.Registry
    return (
        Operation(
            "GET", "/registry", READ, registry.show, "Show what is enabled.", answer=answer
        ),
        Operation(
            "PATCH", "/registry", WRITE, registry.change,
            "Enable or disable the admin user, and set what anonymous callers may do.",
            bodies.ChangeRegistry, answer,
        ),
        Operation(
            "POST", "/listCredentials", READ, registry.list_credentials,
            "Show the admin user; its passwords are not stored, and have no value here.",
            answer=shapes.Credentials,
        ),
        Operation(
            "POST", "/regenerateCredential", WRITE, registry.regenerate_credential,
            "Regenerate a password of the admin user, shown once; its old tokens are revoked.",
            bodies.RegenerateCredential, shapes.Credentials,
        ),
    )  # fmt: skip


def _users(users: UserManagement) -> tuple[Operation, ...]:
    one, answer = "/users/{name}", shapes.User
    return (
        Operation(
            "GET", "/users", READ, users.list, "List users.", answer=shapes.UserList, query=PAGED
        ),
        Operation(
            "POST", "/users", WRITE, users.create, "Create an account for a user.",
            bodies.CreateUser, answer, 201,
        ),
        Operation("GET", one, READ, users.show, "Show a user's account.", answer=answer),
        Operation(
            "PATCH", one, WRITE, users.change,
            "Change a user's account; reducing its rights revokes its tokens.",
            bodies.ChangeUser, answer,
        ),
        Operation(
            "DELETE", one, WRITE, users.delete, "Delete a user's account and revoke its tokens.",
            status=204,
        ),
        Operation(
            "POST", f"{one}/setPassword", WRITE, users.set_password,
            "Set a user's password and revoke their tokens.", bodies.SetPassword, answer,
        ),
        Operation(
            "POST", f"{one}/revoke", WRITE, users.revoke,
            "Revoke all tokens of a user; the password keeps working.", status=204,
        ),
    )  # fmt: skip


def _trusts(trusts: TrustManagement) -> tuple[Operation, ...]:
    one, answer = "/trusts/{name}", shapes.Trust
    return (
        Operation(
            "GET", "/trusts", READ, trusts.list, "List trusts.",
            answer=shapes.TrustList, query=PAGED,
        ),
        Operation(
            "POST", "/trusts", WRITE, trusts.create,
            "Trust an external issuer, by rules for its claims.", bodies.CreateTrust, answer, 201,
        ),
        Operation("GET", one, READ, trusts.show, "Show a trust.", answer=answer),
        Operation(
            "PATCH", one, WRITE, trusts.change,
            "Change a trust; its tokens are revoked unless it only grants more.",
            bodies.ChangeTrust, answer,
        ),
        Operation(
            "DELETE", one, WRITE, trusts.delete,
            "Delete a trust and revoke the tokens issued through it.", status=204,
        ),
    )  # fmt: skip


def _audit(audit: AuditManagement) -> tuple[Operation, ...]:
    return (
        Operation(
            "GET", "/audit", READ, audit.list, "Search the audit log.",
            answer=shapes.RecordList,
            query=("account", "repository", "outcome", "since", "until", "orderby", *PAGED),
        ),
        Operation(
            "GET", "/cases/{name}", READ, audit.explain,
            "Explain why a request was refused, by the id in its X-Acrux-Case.", answer=shapes.Case,
        ),
    )  # fmt: skip


def _keys(keys: KeyManagement) -> tuple[Operation, ...]:
    answer = shapes.KeyList
    return (
        Operation(
            "GET", "/keys", READ, keys.list, "List the keys that sign tokens.", answer=answer
        ),
        Operation(
            "POST", "/keys/rotate", WRITE, keys.rotate,
            "Publish a new key, which signs in ten minutes, or at once.", bodies.RotateKeys, answer,
        ),
        Operation(
            "POST", "/keys/{name}/revoke", WRITE, keys.revoke,
            "Remove a key that others may know; all its tokens become invalid.", answer=answer,
        ),
    )  # fmt: skip

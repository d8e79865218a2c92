"""Rules on who may do something."""

from __future__ import annotations

from feast.adapter.notice import refuse, refused_function
from feast.permissions.user import User


class Policy:
    """A rule on who may do something."""

    def validate_user(self, user: User) -> tuple[bool, str]:
        """Return whether a user meets the rule, and why not."""
        refuse("Policy.validate_user", hint="use RoleBasedPolicy or another of the policies")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash(type(self).__name__)


def _said(allowed: bool, what: str) -> tuple[bool, str]:
    return allowed, "" if allowed else f"requires {what}"


class RoleBasedPolicy(Policy):
    """One of these roles."""

    def __init__(self, roles: list[str]) -> None:
        self.roles = roles

    def get_roles(self) -> list[str]:
        """Return the roles."""
        return self.roles

    def validate_user(self, user: User) -> tuple[bool, str]:
        return _said(user.has_matching_role(self.roles), f"one of the roles {self.roles}")


class GroupBasedPolicy(Policy):
    """One of these groups."""

    def __init__(self, groups: list[str]) -> None:
        self.groups = groups

    def get_groups(self) -> list[str]:
        """Return the groups."""
        return self.groups

    def validate_user(self, user: User) -> tuple[bool, str]:
        return _said(user.has_matching_group(self.groups), f"one of the groups {self.groups}")


class NamespaceBasedPolicy(Policy):
    """One of these namespaces."""

    def __init__(self, namespaces: list[str]) -> None:
        self.namespaces = namespaces

    def get_namespaces(self) -> list[str]:
        """Return the namespaces."""
        return self.namespaces

    def validate_user(self, user: User) -> tuple[bool, str]:
        return _said(user.has_matching_namespace(self.namespaces), f"one of the namespaces {self.namespaces}")


class CombinedGroupNamespacePolicy(Policy):
    """One of these groups or namespaces."""

    def __init__(self, groups: list[str], namespaces: list[str]) -> None:
        self.groups, self.namespaces = groups, namespaces

    def get_groups(self) -> list[str]:
        """Return the groups."""
        return self.groups

    def get_namespaces(self) -> list[str]:
        """Return the namespaces."""
        return self.namespaces

    def validate_user(self, user: User) -> tuple[bool, str]:
        allowed = user.has_matching_group(self.groups) or user.has_matching_namespace(self.namespaces)
        return _said(allowed, f"one of the groups {self.groups} or namespaces {self.namespaces}")


class _AllowAll(Policy):
    def validate_user(self, user: User) -> tuple[bool, str]:
        return True, ""


AllowAll = _AllowAll()
allow_all = refused_function("feast.permissions.policy.allow_all", hint="AllowAll is the policy")
empty_policy = refused_function("feast.permissions.policy.empty_policy", hint="AllowAll is the policy")

"""Somebody, with roles, groups and namespaces."""

from __future__ import annotations

from collections.abc import Sequence


class User:
    """Somebody, with roles, groups and namespaces."""

    def __init__(
        self,
        username: str,
        roles: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        namespaces: Sequence[str] | None = None,
    ) -> None:
        self.username = username
        self.roles, self.groups, self.namespaces = list(roles or ()), list(groups or ()), list(namespaces or ())

    def has_matching_role(self, requested_roles: Sequence[str]) -> bool:
        """Whether the user has one of these roles."""
        return bool(set(self.roles) & set(requested_roles))

    def has_matching_group(self, requested_groups: Sequence[str]) -> bool:
        """Whether the user is in one of these groups."""
        return bool(set(self.groups) & set(requested_groups))

    def has_matching_namespace(self, requested_namespaces: Sequence[str]) -> bool:
        """Whether the user is in one of these namespaces."""
        return bool(set(self.namespaces) & set(requested_namespaces))

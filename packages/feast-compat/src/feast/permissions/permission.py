"""Who may do what with which objects: a definition that Repast does not enforce."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from feast.adapter.notice import refused_function, without_effect
from feast.permissions.action import ALL_ACTIONS, AuthzedAction
from feast.permissions.policy import AllowAll, Policy


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


class Permission:
    """Who may do what with which objects. Files that define one load; nothing enforces it."""

    def __init__(
        self,
        name: str,
        types: Any = None,
        name_patterns: str | list[str] | None = None,
        actions: list[AuthzedAction] | AuthzedAction | None = None,
        policy: Policy = AllowAll,
        tags: Mapping[str, str] | None = None,
        required_tags: Mapping[str, str] | None = None,
    ) -> None:
        without_effect("Permission", "there is no access control yet: nothing is enforced, and it is not registered")
        self.name, self.types, self.name_patterns = name, _list(types), _list(name_patterns)
        self.actions = _list(actions) or list(ALL_ACTIONS)
        self.policy, self.tags, self.required_tags = policy, dict(tags or {}), dict(required_tags or {})

    def __repast_definition__(self) -> None:
        """Define nothing."""

    def match_resource(self, resource: Any) -> bool:
        """Whether an object is one that this is about."""
        if self.types and not isinstance(resource, tuple(self.types)):
            return False
        if self.name_patterns and not any(re.match(pattern, resource.name) for pattern in self.name_patterns):
            return False
        return self.required_tags.items() <= dict(resource.tags).items()

    def match_actions(self, requested_actions: list[AuthzedAction]) -> bool:
        """Whether all these actions are among those that this is about."""
        return all(action in self.actions for action in requested_actions)


get_type_class_from_permission_type = refused_function(
    "feast.permissions.permission.get_type_class_from_permission_type", hint="there is no access control yet"
)

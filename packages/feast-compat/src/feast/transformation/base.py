"""A function and its mode."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from feast.adapter.notice import refuse
from feast.transformation.mode import TransformationMode


def mode_name(mode: TransformationMode | str | None) -> str:
    """Return the text of a mode."""
    return mode.value if isinstance(mode, TransformationMode) else mode or ""


def source_text(udf: Callable[..., Any]) -> str:
    """Return the text of a function, or nothing where it has none."""
    try:
        return inspect.getsource(udf)
    except (OSError, TypeError):
        return ""


class Transformation:
    """A function and its mode."""

    def __init__(
        self,
        mode: TransformationMode | str,
        udf: Callable[..., Any],
        udf_string: str | None = None,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str = "",
        owner: str = "",
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self.mode, self.udf, self.name = mode, udf, name
        self.udf_string = udf_string or source_text(udf)
        self.tags, self.description, self.owner = dict(tags or {}), description, owner

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Transformation) and (mode_name(self.mode), self.udf_string) == (
            mode_name(other.mode),
            other.udf_string,
        )

    def __hash__(self) -> int:
        return hash((mode_name(self.mode), self.udf_string))

    def transform(self, *inputs: Any, **named: Any) -> Any:
        """Call the function."""
        return self.udf(*inputs, *named.values())

    def transform_arrow(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: Repast calls the functions of views itself."""
        refuse("Transformation.transform_arrow", hint="call the function: view.udf(inputs)")

    def transform_singleton(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function with one row."""
        return self.udf(*args, *kwargs.values())

    def infer_features(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse: views declare their features."""
        refuse("Transformation.infer_features", hint="list the features in the view's schema")


def transformation(
    mode: TransformationMode | str,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    description: str | None = "",
    owner: str | None = "",
) -> Callable[[Callable[..., Any]], Transformation]:
    """Make a Transformation of a function."""

    def decorate(udf: Callable[..., Any]) -> Transformation:
        return Transformation(mode, udf, None, name or udf.__name__, tags, description or "", owner or "")

    return decorate

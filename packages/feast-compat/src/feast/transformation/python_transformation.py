"""A function in python mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from feast.transformation.base import Transformation
from feast.transformation.mode import TransformationMode


class PythonTransformation(Transformation):
    """A function in python mode."""

    def __init__(
        self,
        udf: Callable[..., Any],
        udf_string: str | None = None,
        *args: Any,
        singleton: bool = False,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        description: str = "",
        owner: str = "",
        **kwargs: Any,
    ) -> None:
        super().__init__(TransformationMode.PYTHON, udf, udf_string, name, tags, description, owner)
        self.singleton = singleton

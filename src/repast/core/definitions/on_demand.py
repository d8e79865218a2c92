"""On-demand feature views: features computed from other features and from the request."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from repast.core.definitions.base import Definition, duplicates, is_list
from repast.core.definitions.feature_view import FeatureView, FeatureViewProjection
from repast.core.definitions.field import Field
from repast.core.definitions.function import NO_FUNCTION, UserFunction
from repast.core.definitions.source import RequestSource

MODES = ("python", "pandas", "arrow", "polars")


@dataclass(frozen=True, init=False, kw_only=True)
class OnDemandFeatureView(Definition):
    """Features computed when they are asked for, the same way for training and for serving.

    Args:
        name: Name of the view.
        sources: Feature views (or projections of them) and request sources whose columns the function gets.
        schema: The features that the function returns.
        function: Called with all inputs, named both ``feature`` and ``view__feature``.
        mode: What the function gets and returns: "python" (dict of lists, or of scalars with
            ``singleton``), "pandas", "arrow" (pyarrow.Table) or "polars".
        singleton: python mode only: call the function once per row with scalars.

    """

    kind: ClassVar[str] = "on demand feature view"
    sources: tuple[FeatureViewProjection | RequestSource, ...] = ()
    schema: tuple[Field, ...] = ()
    function: UserFunction = NO_FUNCTION
    mode: str = "pandas"
    singleton: bool = False

    def __init__(
        self,
        *,
        name: str,
        sources: Sequence[FeatureView | FeatureViewProjection | RequestSource],
        schema: Sequence[Field],
        function: Callable[..., Any] | UserFunction,
        mode: str = "pandas",
        singleton: bool = False,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
    ) -> None:
        user_function = function if isinstance(function, UserFunction) else UserFunction.of(function, view=name)
        self._init(
            name=name,
            description=description,
            tags=tags,
            owner=owner,
            sources=(),
            schema=(),
            function=user_function,
            mode=mode,
            singleton=singleton,
        )
        self._check_sources(sources)
        self._check_schema(schema)
        if not isinstance(function, UserFunction) and not callable(function):
            self.problem(
                f"function must be a function, not {function!r}.",
                hint="define it with def, or decorate it: @on_demand_feature_view(...)",
            )
        if mode not in MODES:
            self.problem(f"mode {mode!r} is not known.", hint="use one of " + ", ".join(MODES))
        if singleton and mode != "python":
            self.problem("singleton needs mode='python'.")

    def _check_sources(self, sources: Sequence[FeatureView | FeatureViewProjection | RequestSource]) -> None:
        parsed: list[FeatureViewProjection | RequestSource] = []
        if not is_list(sources):
            self.problem(f"sources must be a list, not {sources!r}.", hint="sources=[driver_stats, request]")
            return
        for source in sources:
            if isinstance(source, FeatureView):
                parsed.append(FeatureViewProjection(view=source))
            elif isinstance(source, RequestSource) or (
                isinstance(source, FeatureViewProjection) and isinstance(source.view, FeatureView)
            ):
                parsed.append(source)
            else:
                self.problem(f"sources must be feature views or request sources, not {source!r}.")
        object.__setattr__(self, "sources", tuple(parsed))
        if not sources:
            self.problem("sources is empty.")
        for repeated in duplicates(s.name for s in parsed):
            self.problem(f"source {repeated!r} is listed twice.", hint="give one of them another name: .with_name(...)")

    def _check_schema(self, schema: Sequence[Field]) -> None:
        if not is_list(schema) or not all(isinstance(f, Field) for f in schema):
            self.problem("schema must be a list of Field.", hint='schema=[Field(name="total", dtype=Float64)]')
            return
        object.__setattr__(self, "schema", tuple(schema))
        if not schema:
            self.problem("schema is empty: list the features that the function returns.")
        for repeated in duplicates(f.name for f in schema):
            self.problem(f"field {repeated!r} is listed twice.")

    @property
    def features(self) -> list[Field]:
        """The features that the function returns."""
        return list(self.schema)

    @property
    def join_keys(self) -> list[str]:
        """Names of the key columns of all source views, sorted."""
        return sorted({k for s in self.sources if isinstance(s, FeatureViewProjection) for k in s.view.join_keys})  # type: ignore[attr-defined]

    def __getitem__(self, features: Sequence[str]) -> FeatureViewProjection:
        """Select some features: ``view[["total"]]``."""
        return FeatureViewProjection(view=self)[features]

    def with_name(self, name: str) -> FeatureViewProjection:
        """Return the view under another name for one retrieval or service."""
        return FeatureViewProjection(view=self).with_name(name)

    __hash__ = Definition.__hash__


def on_demand_feature_view(
    *,
    sources: Sequence[FeatureView | FeatureViewProjection | RequestSource],
    schema: Sequence[Field],
    mode: str = "pandas",
    singleton: bool = False,
    name: str | None = None,
    description: str = "",
    tags: Mapping[str, str] | None = None,
    owner: str = "",
) -> Callable[[Callable[..., Any]], OnDemandFeatureView]:
    """Turn a function into an :class:`OnDemandFeatureView` named like the function.

    Example:
        >>> from repast import Field, RequestSource, on_demand_feature_view
        >>> from repast.types import Float64
        >>> order = RequestSource(name="order", schema=[Field(name="amount", dtype=Float64)])
        >>> @on_demand_feature_view(
        ...     sources=[order], schema=[Field(name="vat", dtype=Float64)], mode="python", singleton=True
        ... )
        ... def tax(inputs):
        ...     return {"vat": inputs["amount"] * 0.2}
        >>> tax.name
        'tax'

    """

    def decorate(function: Callable[..., Any]) -> OnDemandFeatureView:
        return OnDemandFeatureView(
            name=name or function.__name__,
            sources=sources,
            schema=schema,
            function=function,
            mode=mode,
            singleton=singleton,
            description=description or inspect.getdoc(function) or "",
            tags=tags,
            owner=owner,
        )

    return decorate

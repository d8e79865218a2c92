"""From what a caller asks for (references, services) to the views, features and output columns it means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from repast.core.manifest import FeatureViewSpec, FieldSpec, Manifest, OnDemandFeatureViewSpec, ProjectionSpec


@dataclass(frozen=True, slots=True)
class SelectedFeature:
    """One feature of a view and the output column it fills (None: only an input of an on-demand view)."""

    field: FieldSpec
    output: str | None


@dataclass(frozen=True, kw_only=True)
class ViewSelection:
    """The features of one view that a request needs, under the name (alias) it was asked by."""

    view: FeatureViewSpec
    name: str
    features: tuple[SelectedFeature, ...]
    join_key_map: Mapping[str, str] = field(default_factory=dict)
    """The view's join key -> the column of the spine or request that holds it."""

    @property
    def keys(self) -> tuple[tuple[FieldSpec, str], ...]:
        """(join key, column of the spine or request), sorted by join key."""
        return tuple((key, self.join_key_map.get(key.name, key.name)) for key in self.view.join_keys)


@dataclass(frozen=True, kw_only=True)
class OnDemandSelection:
    """An on-demand view to compute. Its inputs are among the request's views and request fields."""

    view: OnDemandFeatureViewSpec
    name: str
    features: tuple[SelectedFeature, ...]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Everything one request reads and returns."""

    views: tuple[ViewSelection, ...]
    on_demand: tuple[OnDemandSelection, ...] = ()
    request_fields: tuple[FieldSpec, ...] = ()
    """Columns that must come with the spine or request."""
    outputs: tuple[str, ...] = ()
    """Feature columns of the answer, in the order they were asked for."""


def parse_ref(ref: str) -> tuple[str, str]:
    """Split ``"view:feature"``.

    Raises:
        InvalidRequestError: It has not that form.

    """
    raise NotImplementedError


def resolve_selection(
    manifest: Manifest,
    features: Sequence[str] | Sequence[ProjectionSpec],
    *,
    full_feature_names: bool = False,
) -> Selection:
    """Resolve references or a service's projections against what is registered.

    Output columns are ``feature``, or ``view__feature`` with full names, where view is the alias if
    there is one. On-demand views bring in the views they need (their features then have output None).

    Raises:
        InvalidRequestError: Nothing is asked for, or two outputs have one name.
        NotFoundError: A view or feature does not exist; the hint names the closest.

    """
    raise NotImplementedError

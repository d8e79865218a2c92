"""Registered views as use cases need them."""

from __future__ import annotations

from repast.core.manifest import FeatureViewSpec, Manifest, SourceSpec
from repast.errors import InvalidRequestError


def get_view(manifest: Manifest, name: str) -> FeatureViewSpec:
    """Return a feature view.

    Raises:
        NotFoundError: There is none of that name; the hint names the closest.

    """
    view = manifest.get("feature_views", name)
    assert isinstance(view, FeatureViewSpec)
    return view


def get_online_view(manifest: Manifest, name: str) -> FeatureViewSpec:
    """Return a feature view that is served online.

    Raises:
        InvalidRequestError: It is not.
        NotFoundError: There is none of that name.

    """
    view = get_view(manifest, name)
    if not view.online:
        raise InvalidRequestError(
            f"Feature view {view.name!r} is not served online (online=False).",
            hint="set online=True and run repast apply",
            context={"view": view.name},
        )
    return view


def get_source(manifest: Manifest, view: FeatureViewSpec) -> SourceSpec:
    """Return the batch source of a view."""
    source = manifest.get("data_sources", view.source)
    assert isinstance(source, SourceSpec)
    return source

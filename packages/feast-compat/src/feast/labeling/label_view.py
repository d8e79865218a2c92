"""Labels: a view whose rows are people's verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from feast.adapter.notice import refuse
from feast.data_source import DataSource
from feast.entity import Entity
from feast.feature_view import FeatureView
from feast.field import Field
from feast.labeling.conflict_policy import ConflictPolicy


class LabelView(FeatureView):
    """A view of labels: of several for one key and moment the last written counts, as for any view."""

    _view_class = "LabelView"

    def __init__(
        self,
        *,
        name: str,
        source: DataSource | None = None,
        schema: list[Field] | None = None,
        entities: Sequence[Entity] | None = None,
        ttl: timedelta | None = timedelta(0),
        online: bool = True,
        description: str = "",
        tags: Mapping[str, str] | None = None,
        owner: str = "",
        org: str = "",
        labeler_field: str = "labeler",
        conflict_policy: ConflictPolicy = ConflictPolicy.LAST_WRITE_WINS,
        reference_feature_view: str | None = None,
        version: str = "latest",
        enabled: bool = True,
    ) -> None:
        if conflict_policy is not ConflictPolicy.LAST_WRITE_WINS:
            refuse(
                f"LabelView(conflict_policy={conflict_policy})",
                hint="settle conflicts in the source; the greatest row by event and created time counts",
            )
        self.labeler_field, self.conflict_policy = labeler_field, conflict_policy
        self.reference_feature_view = reference_feature_view
        super().__init__(
            name=name,
            source=source,
            schema=schema,
            entities=entities,
            ttl=ttl,
            online=online,
            description=description,
            tags=tags,
            owner=owner,
            org=org,
            version=version,
            enabled=enabled,
        )

    @property
    def annotation_config(self) -> dict[str, Any]:
        """What the tags say of how labels are given."""
        return {key: value for key, value in self.tags.items() if key.startswith("feast.io/")}

    @property
    def labeling_method(self) -> str | None:
        """How labels are given, if a tag says it."""
        return self.tags.get("feast.io/labeling-method")

    def _extra(self) -> dict[str, Any]:
        return super()._extra() | {"labeler": self.labeler_field, "reference": self.reference_feature_view}

"""Labels that people give to entities."""

from feast.labeling.conflict_policy import ConflictPolicy
from feast.labeling.label_view import LabelView

__all__ = ["ConflictPolicy", "LabelView"]

"""Functions of views, as Feast wraps them."""

from feast.transformation.base import Transformation, transformation
from feast.transformation.mode import TransformationMode

__all__ = ["Transformation", "TransformationMode", "transformation"]

"""The features of PROJECT_NAME."""

from repast import Entity
from repast.types import Int64

customer = Entity(name="customer", join_keys={"customer_id": Int64})

# Next: a source and a view. Put rows with `customer_id` and a time into data/orders.parquet, then:
#
#   from datetime import timedelta
#   from repast import FeatureView, Field, FileSource
#
#   orders = FileSource(path="data/orders.parquet", timestamp_field="ordered_at")
#   customer_orders = FeatureView(
#       name="customer_orders",
#       entities=[customer],
#       source=orders,
#       ttl=timedelta(days=30),
#       schema=[Field(name="order_count", dtype=Int64)],
#   )

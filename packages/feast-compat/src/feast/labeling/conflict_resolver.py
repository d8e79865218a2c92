"""Which of several labels counts."""

from feast.adapter.notice import refused_function

resolve_conflicts = refused_function(
    "feast.labeling.conflict_resolver.resolve_conflicts", hint="the greatest row by event and created time counts"
)

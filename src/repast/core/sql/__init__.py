"""The one SQL compiler: plans become sqlglot trees, rendered per dialect.

``compile_plan`` in :mod:`repast.core.sql.plan` is the entry. A dialect states its differences as data
(:mod:`repast.core.sql.dialect`). Identifiers and literals are always tree nodes, never formatted text.
"""

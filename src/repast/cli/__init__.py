"""The ``repast`` command: parse, call one use case of :class:`repast.FeatureStore`, render.

Modules here import nothing heavy at the top, so that ``repast --help`` answers at once.
"""

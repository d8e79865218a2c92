"""Projects that ``repast init`` copies: one folder each, copied as it is.

``PROJECT_NAME`` in the text files becomes the name of the project; ``gitignore`` becomes ``.gitignore``.
"""

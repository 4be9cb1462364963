"""The documents as a site: pages out of the repository's files and docstrings."""

"""Papers' tables and figures again: declared in YAML, run row by row, reported beside the published figures."""

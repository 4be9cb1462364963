"""Names of folders and files for names that people have chosen."""

import re
from collections import Counter
from collections.abc import Iterable

from experiments.runs.digests import digest


def slugs(names: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Return a file's name for each name, no two the same, also where upper and lower case are.

    Args:
        names: What is named; of equal names there is one.
        reserved: Names of files that are taken.

    Example:
        >>> slugs(["SOIDN (demo)", "net", "a b", "a/b"])
        {'SOIDN (demo)': 'SOIDN_demo', 'net': 'net', 'a b': 'a_b-dfa583', 'a/b': 'a_b-c85bed'}
    """
    plain = {name: re.sub(r"[^\w.-]+", "_", name).strip("_.") or "unnamed" for name in names}
    used = Counter(slug.casefold() for slug in plain.values()) + Counter(name.casefold() for name in reserved)
    return {name: slug if used[slug.casefold()] == 1 else f"{slug}-{digest(name)[:6]}" for name, slug in plain.items()}

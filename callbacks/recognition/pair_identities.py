"""Who is shown in pairs, as far as the pairs themselves tell."""

import numpy as np
from numpy.typing import NDArray

from datamodules.seams.evaluation_protocol import VerificationPairs

Identities = NDArray[np.int64]


def pair_identities(pairs: VerificationPairs, identities: Identities) -> tuple[Identities, Identities]:
    """Return the identities of all first and all second faces, ``(N,)`` each.

    Lists of pairs often leave open who is shown, and each face counts as an identity of its own. A genuine pair tells
    that its two are one.

    Args:
        pairs: Indices of faces.
        identities: Of all faces, as they are listed.

    Example:
        >>> index, same = np.array([0, 1, 0]), np.array([True, True, False])
        >>> listed = VerificationPairs(index, np.array([1, 2, 3]), same, np.zeros(3, np.int64))
        >>> pair_identities(listed, np.array([7, 5, 4, 6]))
        (array([0, 0, 0]), array([0, 0, 1]))
    """
    from scipy.sparse import coo_array  # noqa: PLC0415  takes long: pay only when used
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

    names, listed = np.unique(identities, return_inverse=True)
    one, other = listed[pairs.first[pairs.same]], listed[pairs.second[pairs.same]]
    linked = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(names), len(names)))
    person = connected_components(linked, directed=False)[1].astype(np.int64)[listed]
    return person[pairs.first], person[pairs.second]

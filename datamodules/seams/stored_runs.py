"""Images that lie one after another in long files, which are read fastest in that order."""

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class StoredRuns(Protocol):
    """What a source has that is to be read run by run."""

    shuffle_window: int
    """Images among which a training shuffles."""

    @property
    def run_starts(self) -> NDArray[np.int64]:
        """First image of each run and, last, the number of images, ``(S + 1,)``, ascending."""
        ...

    def will_need(self, first: int, stop: int) -> None:
        """Have images ``first`` to ``stop - 1``, all of one run, read ahead; does not wait."""
        ...

"""The face that all others are measured by, in face units."""

import numpy as np
from numpy.typing import NDArray

FACE: NDArray[np.float64] = np.array([[-40.0, 0.0], [40.0, 0.0], [0.0, 48.0], [-36.0, 89.0], [36.0, 89.0]])
"""Its five landmarks, ``(5, 2)``: the eyes are 80 units apart and their middle is the origin."""
FACE_CENTRE = (0, 42)
FACE_HALF_AXES = (76, 104)
"""Its area is an ellipse: from the hairline to the chin, between the ears."""

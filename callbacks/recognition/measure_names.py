"""How measures are named: what is a number of things, what may not be measurable, what belongs to another."""

COUNTS = ("pairs", "genuine", "gallery", "probes", "strangers", "images", "covered")
"""Measures that are numbers of things."""
A_PAIR, A_PROBE = "embeddings_a_pair", "embeddings_a_probe"
"""What a comparison costs, on average: of its two images or of the probe, and of those that are made of them."""
UNDEFINED = ("tar@far=", "fnir@fpir=", "decidability", "gallery_decidability", "threshold@", "discard_gain")
"""How measures begin that may not be measurable: of too few impostors, of scores that do not vary."""
EXACT = ("threshold@", "carried_threshold@")
"""How measures begin that are compared with scores, and written to the last digit."""
SPREAD, LOW, HIGH = "_std", "_low", "_high"
"""End the names of a measure's standard deviation and of its interval, which stand beside it."""


def with_interval(name: str) -> tuple[str, str, str]:
    """Return the names of a measure and of the bounds of its interval."""
    return name, name + LOW, name + HIGH


def stands_beside(name: str) -> bool:
    """Whether a measure is told beside another, as its deviation or a bound."""
    return name.endswith((SPREAD, LOW, HIGH))

"""The names of what runs measure, so that a misspelt one shows before anything is trained.

There is no list of them: callbacks, readers and measures are tried on an example, and what they call their results is
what there is.
"""

from typing import TYPE_CHECKING

from losses.lazy import export_lazily

if TYPE_CHECKING:
    from experiments.measures.logged import evaluated_conditions, logged_names
    from experiments.measures.names import SPLITS, Names, monitored
    from experiments.measures.protocol_names import protocol_names

__all__ = ["SPLITS", "Names", "evaluated_conditions", "logged_names", "monitored", "protocol_names"]

export_lazily(__name__)

"""Train, validate, test or predict with one configuration.

    python -m experiments.train fit --config soidn_demo [--trainer.max_epochs=3 …]

``validate``, ``test`` and ``predict`` take the same. Every key of the configuration is an option; ``fit --help`` lists
them. A fit ends with the evaluation on unseen identities, prints its table and writes ``metrics.json`` beside the run.
"""

from collections.abc import Sequence

from experiments import cli
from experiments.cli.user_errors import main


def train(args: Sequence[str]) -> None:
    """Run one command line."""
    if args[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return
    cli.run(args)


if __name__ == "__main__":
    main(train)

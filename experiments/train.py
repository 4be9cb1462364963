"""Train, validate, test or predict with one configuration.

    python -m experiments.train fit --config soidn_demo [--trainer.max_epochs=3 …]

Every key of the configuration is an option; ``fit --help`` lists them. A fit ends with the evaluation on
unseen identities, prints its table and writes ``metrics.json`` beside the run.
"""

from experiments.cli import main, run

if __name__ == "__main__":
    main(run)

"""Arguments of trainings of few steps on few generated faces, with checkpoints inside epochs."""

import json

OCCLUDER = (10, 10)
SYSTEMS: dict[str, list[str]] = {
    "SOIDN": [
        "--config=soidn_demo",
        "--model.init_args.network.init_args.segmenter.init_args.dropout=0.5",
        "--data.init_args.loading.num_workers=1",
    ],
    "C": [
        "--config=batch_triplet_demo",
        "--data.init_args.identity_batches={identities: 4, images: 2}",
    ],
    "A_20×20": [
        "--config=model_a_strategic_demo",
        "--model.init_args.continue_classifier=false",
        "--data.init_args.training_occluder.init_args.occluders.noise_patch.init_args.placement.init_args.map_file=map.npz",
    ],
}
REFRESH = {
    "class_path": "callbacks.MapRefresh",
    "init_args": {"map_file": "map.npz", "occluder_size": OCCLUDER, "refresh_every": 2, "num_images": 2, "stride": 20},
}
CHECKPOINTS = {
    "class_path": "pytorch_lightning.callbacks.ModelCheckpoint",
    "init_args": {"filename": "last", "enable_version_counter": False, "every_n_train_steps": 2},
}
LOGGER = {
    "class_path": "pytorch_lightning.loggers.CSVLogger",
    "init_args": {"save_dir": ".", "name": "run", "version": ""},
}
TINY = [
    "--trainer.max_epochs=4",
    "--trainer.log_every_n_steps=1",
    "--trainer.accelerator=cpu",
    "--trainer.enable_progress_bar=false",
    "--trainer.enable_model_summary=false",
    "--trainer.num_sanity_val_steps=0",
    f"--trainer.logger={json.dumps(LOGGER)}",
    "--data.init_args.source.init_args.num_identities=8",
    "--data.init_args.source.init_args.images_per_identity=12",
    "--data.init_args.source.init_args.num_workers=0",
    "--data.init_args.source.init_args.cache_dir=../faces",
    "--data.init_args.loading.batch_size=10",
    "--data.init_args.loading.evaluation_batch_size=32",
    "--data.init_args.split.min_images=4",
    "--data.init_args.split.num_unseen=3",
    "--data.init_args.split.validation_share=0.4",
    "--evaluate=false",
]


def training_args(system: str) -> list[str]:
    """Return all that one of ``SYSTEMS`` is trained with."""
    callbacks = [CHECKPOINTS, REFRESH] if system.startswith("A") else [CHECKPOINTS]
    return [*SYSTEMS[system], *TINY, f"--trainer.callbacks={json.dumps(callbacks)}"]

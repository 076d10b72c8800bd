"""Run folders that look trained, made without TensorFlow."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from charlstm.config import ModelConfig, TrainingConfig
from charlstm.storage.checkpoint import Checkpoint, save_checkpoint
from charlstm.storage.model_file import save_model
from charlstm.storage.run_folder import RunFolder
from charlstm.storage.run_origin import RunOrigin
from tests.conftest import random_model


def digest_of(text: str) -> str:
    """A digest for a text of this name."""
    return hashlib.sha256(text.encode()).hexdigest()


def make_run_folder(
    path: Path, *, text="cats", validation=(2.0, 1.5, 1.75), train=(2.5, 1.4, 1.2), finished=True, started="", **origin
) -> RunFolder:
    """Write the files of a run with some evaluations, 10 steps and 5 seconds apart."""
    run = RunFolder(path)
    run.create()
    start = replace(RunOrigin.now(**origin), started=started or "2026-01-02T03:04:05+00:00")
    metadata = {
        "text": text,
        "text_characters": 1000,
        "text_sha256": digest_of(text),
        "settings": TrainingConfig(random_seed=7).to_json(),
        "step": 10,
        "epoch": 1.0,
        "validation": {
            "nats_per_character": min(validation),
            "bits_per_character": 1.0,
            "perplexity": 2.0,
            "accuracy": 0.5,
            "characters": 100,
        },
    }
    save_model(run.model, replace(random_model(), training=metadata))
    settings = {
        "text": {
            "name": text,
            "sources": ["/texts/cats.txt"],
            "reading": {"encoding": None, "normalize": "nfc", "keep_boilerplate": False, "lowercase": False},
            "unknown": "skip",
            "characters": 1000,
            "sha256": digest_of(text),
        },
        "vocabulary": random_model().vocabulary.to_json(),
        "model": ModelConfig(num_layers=2, units=8, embedding_dim=5).to_json(),
        "training": TrainingConfig(random_seed=7).to_json(),
        "origin": start.to_json(),
    }
    run.config.write_text(json.dumps(settings | {"finished": finished}))
    save_checkpoint(run, Checkpoint({}, settings | {"history": {}, "environment": {}}))
    write_evaluations(run, validation=validation, train=train)
    return run


def write_evaluations(run: RunFolder, *, validation, train, sample="the cat\nsat") -> None:
    lines, samples = [], []
    for index, (validation_nats, train_nats) in enumerate(zip(validation, train, strict=True), start=1):
        step, epoch, seconds = 10 * index, index / 2, 5.0 * index
        figures = {"step": step, "epoch": epoch, "seconds": seconds, "train_nats": train_nats}
        figures |= {"validation_nats": validation_nats, "characters_per_second": 100.0, "learning_rate": 0.001}
        lines.append(json.dumps(figures) + "\n")
        samples.append(f"--- step {step}, epoch {epoch:.2f} ---\n{sample} {index}\n")
    run.history.write_text("".join(lines))
    run.samples.write_text("\n".join(samples))

"""What a user may have meant by an unknown option or command.

Other programs for the same task have other words for many options. Those are listed here; apart from them only
options that are spelt almost alike are suggested, because a wrong suggestion is worse than none.
"""

from collections.abc import Sequence
from difflib import get_close_matches

CLOSE = 0.8  # the similarity of names, from 0 to 1, from which they count as misspelt
MAX_SUGGESTIONS = 3

OTHER_WORDS = {  # of Keras, PyTorch, char-rnn, torch-rnn, textgenrnn, llama.cpp: the options of ours to look for
    "alpha": ("learning-rate",),
    "batch": ("batch-size", "batch"),
    "bs": ("batch-size",),
    "bptt": ("sequence-length",),
    "checkpoint": ("model", "from", "checkpoint-every"),
    "cells": ("cell",),
    "clip": ("clip-norm",),
    "clipnorm": ("clip-norm",),
    "clipvalue": ("clip-value",),
    "context": ("sequence-length",),
    "data": ("text",),
    "drop": ("dropout",),
    "drop-prob": ("dropout",),
    "dtype": ("precision",),
    "early-stopping": ("patience",),
    "emb": ("embedding",),
    "embed": ("embedding",),
    "embedding-dim": ("embedding",),
    "embedding-size": ("embedding",),
    "emsize": ("embedding",),
    "epoch": ("epochs",),
    "eval-every": ("evaluate-every",),
    "eval-interval": ("evaluate-every",),
    "eval-val-every": ("evaluate-every",),
    "finetune": ("from",),
    "force": ("overwrite",),
    "grad-clip": ("clip-norm",),
    "gradient-clip": ("clip-norm",),
    "hidden": ("units",),
    "hidden-dim": ("units",),
    "hidden-size": ("units",),
    "init-from": ("from",),
    "input-text": ("seed",),
    "iterations": ("epochs", "max-time"),
    "iters": ("epochs", "max-time"),
    "l2": ("weight-decay",),
    "len": ("length",),
    "log-every": ("evaluate-every",),
    "lower": ("lowercase",),
    "lr": ("learning-rate",),
    "max-epochs": ("epochs",),
    "max-gen-length": ("length",),
    "max-iters": ("epochs", "max-time"),
    "max-length": ("length",),
    "max-new-tokens": ("length",),
    "max-steps": ("epochs", "max-time"),
    "max-tokens": ("length",),
    "model-type": ("cell",),
    "n": ("num-samples", "length"),
    "nhid": ("units",),
    "nhidden": ("units",),
    "nlayers": ("layers",),
    "n-layers": ("layers",),
    "n-predict": ("length",),
    "nucleus": ("top-p",),
    "num-epochs": ("epochs",),
    "num-generate": ("length",),
    "num-layers": ("layers",),
    "num-steps": ("epochs", "max-time"),
    "num-units": ("units",),
    "out-dir": ("output", "output-dir"),
    "prefix": ("seed",),
    "primetext": ("seed",),
    "prime": ("seed",),
    "prime-str": ("seed",),
    "random-state": ("random-seed",),
    "repeat-penalty": ("repetition-penalty",),
    "resume-from": ("resume", "from"),
    "rnn-size": ("units",),
    "rnn-type": ("cell",),
    "rng-seed": ("random-seed",),
    "sample": ("num-samples",),
    "samples": ("num-samples",),
    "save": ("output",),
    "save-dir": ("output",),
    "save-every": ("checkpoint-every",),
    "seq-len": ("sequence-length", "length"),
    "seq-length": ("sequence-length", "length"),
    "start": ("seed",),
    "start-string": ("seed",),
    "start-text": ("seed",),
    "steps": ("epochs", "max-time"),
    "temp": ("temperature",),
    "test-split": ("split", "test"),
    "time": ("max-time",),
    "timeout": ("max-time",),
    "timesteps": ("sequence-length",),
    "tolower": ("lowercase",),
    "train-time": ("max-time",),
    "val": ("validation",),
    "val-file": ("validation",),
    "val-frac": ("validation",),
    "val-split": ("validation",),
    "valid": ("validation",),
    "wd": ("weight-decay",),
    "window": ("sequence-length",),
}
OTHER_COMMANDS = {
    "activations": ("inspect",),
    "continue": ("resume",),
    "curve": ("plot",),
    "delete": ("rm",),
    "download": ("fetch", "corpus"),
    "edit": ("write",),
    "eval": ("evaluate",),
    "fit": ("train",),
    "finetune": ("train",),
    "help": (),
    "list": ("runs",),
    "look": ("inspect",),
    "ls": ("runs", "list"),
    "move": ("mv",),
    "predict": ("generate",),
    "remove": ("rm",),
    "rename": ("mv",),
    "sample": ("generate", "samples"),
    "show": ("info",),
    "test": ("evaluate",),
    "texts": ("corpus",),
    "trace": ("inspect",),
    "view": ("inspect",),
    "visualize": ("inspect",),
}


def suggest_options(unknown: str, known: Sequence[str]) -> list[str]:
    """Return which of the options may be meant by one that there is not; none if none is near.

    >>> suggest_options("--lr", ["--learning-rate", "--layers"])
    ['--learning-rate']
    """
    names = {option.removeprefix("--"): option for option in known if option.startswith("--")}
    name = unknown.lstrip("-").replace("_", "-").lower()
    return [names[match] for match in _matches(name, list(names), OTHER_WORDS)]


def suggest_command(unknown: str, known: Sequence[str], path: str) -> str:
    """Return a hint that names the commands that may be meant by one that there is not."""
    matches = _matches(unknown.lower(), known, OTHER_COMMANDS)
    advice = f"{path} --help lists the commands"
    return f"did you mean {' or '.join(matches)}? {advice}" if matches else advice


def _matches(name: str, known: Sequence[str], others: dict[str, tuple[str, ...]]) -> list[str]:
    translated = [word for word in others.get(name, ()) if word in known]
    if translated:
        return translated
    longer = [word for word in known if len(name) > 1 and word.startswith(f"{name}-")]
    return longer[:MAX_SUGGESTIONS] or get_close_matches(name, known, MAX_SUGGESTIONS, CLOSE)

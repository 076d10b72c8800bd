"""The model card: README.md of a repository, with YAML for the Hub's search and Markdown for people.

Its last line is a digest of the others, which tells a card that somebody has edited from one as it was written here.
"""

import hashlib
import json
import re
import shlex
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from charlstm.durations import format_duration
from charlstm.figures import counted
from charlstm.sharing.repository import MODEL_FILE
from charlstm.storage.model_file import Model
from charlstm.text.line_starts import begins_on_new_line

MARKDOWN = re.compile(r"[\\`*_\[\]<>|&~]")
FENCE = re.compile(r"`{3,}")
SEAL = re.compile(r"<!-- charlstm wrote the lines above, whose SHA-256 is ([0-9a-f]{64}) -->\n")


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """All that a card says, beside what the model file says of itself."""

    repository: str
    license_id: str | None  # an identifier of the Hub
    num_bytes: int  # of the model file
    bits: int  # of each weight
    seconds: float | None  # trained; None if the run is not there
    start_from: str | None  # the name of the model that training started from; None: from nothing, or not known
    sample: str
    sample_options: Sequence[str]  # of `charlstm generate`, to write the sample


def make_card(model: Model, facts: CardFacts) -> str:
    """Return the card of a model."""
    name = facts.repository.rpartition("/")[2]
    generate = shlex.join(["charlstm", "generate", name, *facts.sample_options])
    parts = [
        _front_matter(model, facts.license_id),
        f"# {_plain(name)}",
        *([_plain(about)] if (about := model.training.get("about")) else []),
        "A model that writes text character by character, trained with charlstm.",
        "\n".join(["| | |", "|---|---|", *(f"| {key} | {_plain(value)} |" for key, value in _figures(model, facts))]),
        "## Use",
        f"    pip install 'charlstm[hub]'\n    charlstm pull {facts.repository}\n    charlstm generate {name}",
        "## A sample",
        f"This is what `{generate}` wrote:",
        _fenced(facts.sample),
        "## The file",
        _about_file(model),
    ]
    return _sealed("\n\n".join(parts) + "\n\n")


def is_as_written(card: str) -> bool:
    """Return whether a card is one that `make_card` returned, to the last character."""
    match = SEAL.search(card)
    return match is not None and match.end() == len(card) and _digest(card[: match.start()]) == match[1]


def _sealed(text: str) -> str:
    return f"{text}<!-- charlstm wrote the lines above, whose SHA-256 is {_digest(text)} -->\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _front_matter(model: Model, license_id: str | None) -> str:
    """Return the YAML that the Hub reads; a string of JSON is one of YAML as well, and `no` stays a string in it."""
    tags = ("character-level", model.config.cell.partition(":")[0])
    lines = ["library_name: charlstm", "pipeline_tag: text-generation"]
    lines += [f"license: {json.dumps(license_id)}"] if license_id else []
    lines += ["tags:", *(f"- {json.dumps(tag)}" for tag in tags)]
    return "\n".join(["---", *lines, "---"])


def _figures(model: Model, facts: CardFacts) -> Iterator[tuple[str, str]]:
    """Yield the rows of the table, in so far as the model file says so."""
    config, training = model.config, model.training
    if text := training.get("text"):
        size = training.get("text_characters")
        yield "text", f"{text}, {size:,} characters" if size else text
    if facts.license_id:
        yield "licence", facts.license_id
    if facts.start_from:
        yield "learned on top of", f"the model {facts.start_from}"
    validation = training.get("validation", {})
    if "nats_per_character" in validation and "bits_per_character" in validation:
        nats, bits = validation["nats_per_character"], validation["bits_per_character"]
        yield "loss on validation text", f"{nats:.4f} nats ({bits:.4f} bits) per character"
    if "accuracy" in validation:
        yield "next character predicted", f"{validation['accuracy']:.1%} of validation text"
    yield "network", f"{config.cell}, {counted(config.num_layers, 'layer')} of {counted(config.units, 'unit')}"
    yield "parameters", f"{model.num_parameters:,}"
    yield "vocabulary", counted(len(model.vocabulary), "character")
    epochs = [counted(training["epoch"], "epoch", digits=3)] if "epoch" in training else []
    seconds = [format_duration(facts.seconds)] if facts.seconds else []
    if epochs or seconds:
        yield "training", ", ".join(epochs + seconds)
    yield "file", f"{facts.num_bytes / 1e6:,.1f} MB, weights of {facts.bits} bits"


def _about_file(model: Model) -> str:
    """Say what is in the model file: that nothing in it can run, and what it holds of the training text."""
    sentences = [f"`{MODEL_FILE}` holds numbers and JSON, and nothing that could be run."]
    if openings := model.training.get("openings"):
        held = "some lines of its text" if any(map(begins_on_new_line, openings)) else "the first words of some lines"
        sentences.append(f"It also holds {held}, from which the model starts when it gets no prompt.")
    if model.training.get("line_checksums"):
        sentences.append("Checksums of the lines of its text tell which generated lines are new.")
    return " ".join(sentences)


def _plain(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    return MARKDOWN.sub(r"\\\g<0>", " ".join(_without_controls(text).split()))


def _fenced(text: str) -> str:
    """Return a block of code, in a fence that the text cannot end."""
    text = _without_controls(text)
    fence = "`" * max(3, *(len(match) + 1 for match in FENCE.findall(text)), 0)
    return f"{fence}text\n{text.rstrip()}\n{fence}"


def _without_controls(text: str) -> str:
    """Replace control characters but tabs and line ends, and lone surrogates, which no file in UTF-8 can hold."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t" else one
        for one in text
    )

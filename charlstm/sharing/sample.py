"""A sample for the card of a model: what `charlstm generate` writes by itself."""

from charlstm.analysis.line_sources import choose_line_filter
from charlstm.config import SamplingConfig
from charlstm.generation.generate import Request
from charlstm.generation.jobs import GenerationJob
from charlstm.generation.list_defaults import with_default_end
from charlstm.generation.load import LoadedModel
from charlstm.generation.stopping import StopRules

RANDOM_SEED = 1
NUM_LINES = 12  # of a model of a list of short lines


def sample_options(loaded: LoadedModel) -> list[str]:
    """Return the options with which `charlstm generate` writes the sample."""
    return [*(["-n", str(NUM_LINES)] if loaded.is_line_list else []), "--random-seed", str(RANDOM_SEED)]


def write_sample(loaded: LoadedModel) -> str:
    """Return a text of a model without a prompt; of a model of a list of short lines, some lines that it has made up.

    Compiling the network takes some seconds the first time.
    """
    rules = with_default_end(StopRules(), [loaded], length_is_given=False, many=loaded.is_line_list)
    config = SamplingConfig(random_seed=RANDOM_SEED)
    line_filter = choose_line_filter([loaded], lambda _: None, new=None, unique=None, temperature=config.temperature)
    job = GenerationJob(
        [loaded],
        [Request(None, config, rules)],
        unknown="nearest",
        num_samples=NUM_LINES if loaded.is_line_list else 1,
        line_filter=line_filter,
        must_filter=False,
    )
    if job.needs_compiling:
        job.compile()
    if loaded.is_line_list:
        return "\n".join(one.source.prompt + one.text.removesuffix("\n") for one in job.texts())
    return "".join(job.stream(echo=True))

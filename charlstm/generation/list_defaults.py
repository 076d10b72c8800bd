"""How texts end unless the user says so: at the end of a line or a sentence, and those of a list after one line.

And which texts are one line each, so that they can stand below each other.
"""

from collections.abc import Sequence
from dataclasses import replace

from charlstm.generation.generate import Request
from charlstm.generation.load import LoadedModel
from charlstm.generation.stopping import StopRules


def with_default_end(
    rules: StopRules, models: Sequence[LoadedModel], *, length_is_given: bool, many: bool
) -> StopRules:
    """Return the rules with an end for what the user left open.

    The length is exact if it was given; by default a text goes on to the end of a line or a sentence. Of models of
    lists of short lines, such as names, each of many texts is one line, unless other rules end it.
    """
    if writes_lines(rules, models, length_is_given=length_is_given, many=many):
        rules = replace(rules, lines=1)
    ends_elsewhere = length_is_given or rules.until_sentence
    return rules if ends_elsewhere else replace(rules, until_pause=True)


def writes_lines(rules: StopRules, models: Sequence[LoadedModel], *, length_is_given: bool, many: bool) -> bool:
    """Return whether each text is one line of a list by default."""
    has_own_end = length_is_given or rules.stops or rules.lines or rules.paragraphs or rules.until_sentence
    return many and not has_own_end and all(loaded.is_line_list for loaded in models)


def are_single_lines(requests: Sequence[Request], models: Sequence[LoadedModel], *, echo: bool) -> bool:
    """Return whether no text can have a line end before its last character; with `echo`, its prompt included."""
    if echo and any("\n" in (request.prompt or "") for request in requests):
        return False
    never_ends_lines = all("\n" not in loaded.model.vocabulary.characters for loaded in models)
    return never_ends_lines or all(one.rules.lines == 1 or "\n" in one.rules.stops for one in requests)

"""Reporters of experiments that show nothing."""

from contextlib import nullcontext


class SilentReporter:
    """Takes everything that an experiment reports, and keeps the warnings."""

    def __init__(self):
        self.warnings = list[str]()

    def starting_tensorflow(self):
        return nullcontext(lambda _: None)

    def on_warning(self, message: str) -> None:
        self.warnings.append(message)

    def ignore(self, *_: object) -> None:
        pass

    on_message = on_changed_characters = on_budget = on_outcomes = ignore
    on_run_start = on_run_end = on_step = on_evaluation = on_evaluation_start = ignore

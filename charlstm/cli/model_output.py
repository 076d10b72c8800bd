"""Where a model from elsewhere goes: a run folder of its own, or a model file."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from charlstm.cli.display.messages import command_line, say, show_command
from charlstm.cli.overwriting import check_may_replace
from charlstm.errors import RunError
from charlstm.figures import counted
from charlstm.storage.run_folder import RunFolder

if TYPE_CHECKING:
    from charlstm.storage.model_file import Model


@dataclass(frozen=True)
class ModelOutput:
    """The path that the user has chosen, or the default."""

    path: Path

    @property
    def is_file(self) -> bool:
        """Whether it names a model file instead of a run folder."""
        return self.path.suffix.lower() == ".safetensors"

    def check_is_free(self, *, overwrite: bool) -> None:
        """Raise RunError if the model cannot be written there, or would replace another; on a terminal, ask first."""
        if self.is_file:
            if not self.path.parent.is_dir():
                raise RunError(f"there is no folder {self.path.parent} for the file", hint="create it first")
            check_may_replace(self.path, overwrite=overwrite)
        elif not overwrite:
            RunFolder(self.path).check_is_free()

    def make_room(self) -> Path:
        """Make the run folder, remove an earlier run from it, and return the path of the model file to write."""
        if self.is_file:
            return self.path
        run = RunFolder(self.path)
        run.create()
        run.clear()
        return run.model

    def tell(self, verb: str, model: "Model") -> None:
        """Say what has been written and how to use it."""
        config = model.config
        layers = f"{counted(config.num_layers, 'layer')} of {config.units} units"
        say(f"{verb} {config.cell}, {layers}, {len(model.vocabulary)} characters")
        show_command("try", command_line("generate", self.path))

"""What the compiled code of this machine can do: its instruction sets, and how fast each of them trains."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from charlstm.kernels import available_instruction_sets, chosen_instruction_set, fastest_precision, training_speeds
from charlstm.machine import num_cores, processor_name
from charlstm.network.compiled_layers import reference_layer


@dataclass(frozen=True)
class MachineSpeeds:
    """A processor, what is used of it, and its speeds in training.

    `speeds` are those of a layer on one core, in floating-point operations per second, by the name of the instruction
    set and the precision.
    """

    processor: str
    cores: int
    instruction_set: str  # that is used
    precision: str  # that is used if none is given
    speeds: Mapping[str, Mapping[str, float]]


def measure_machine(on_status: Callable[[str], None]) -> MachineSpeeds:
    """Measure every instruction set of this machine that has not been measured before.

    `on_status` gets a line before each of them, since compiling takes a second. Raises SettingError if CHARLSTM_ISA
    names an instruction set that this machine does not have.
    """
    chosen, layer = chosen_instruction_set(), reference_layer()
    speeds = dict[str, Mapping[str, float]]()
    for name, isa in available_instruction_sets().items():
        on_status(f"measuring {name}")
        speeds[name] = training_speeds(layer, isa)
    return MachineSpeeds(processor_name(), num_cores(), chosen.name, fastest_precision(layer), speeds)

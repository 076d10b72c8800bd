"""What this machine can do, in a few lines or as JSON."""

from typing import TYPE_CHECKING, Any

from charlstm.cli.display.rows import aligned

if TYPE_CHECKING:
    from charlstm.network.machine_speeds import MachineSpeeds

NAME_WIDTH = 17  # columns
GIGA = 1e9


def machine_to_json(machine: "MachineSpeeds") -> dict[str, Any]:
    """Return what is known of a machine; speeds are GFLOP/s of one core."""
    gflops = {
        name: {precision: round(speed / GIGA, 1) for precision, speed in speeds.items()}
        for name, speeds in machine.speeds.items()
    }
    return {
        "processor": machine.processor,
        "cores": machine.cores,
        "instruction_set": machine.instruction_set,
        "precision": machine.precision,
        "gflops": gflops,
    }


def describe_machine(machine: "MachineSpeeds") -> str:
    """Describe a machine, one property per row, and below it what one core reaches with each instruction set."""
    rows = [
        ("processor", machine.processor),
        ("cores", str(machine.cores)),
        ("instruction set", machine.instruction_set),
        ("precision", machine.precision),
    ]
    speeds = [
        (f"  {name}", [f"{precision} {speed / GIGA:,.0f}" for precision, speed in by_precision.items()])
        for name, by_precision in machine.speeds.items()
    ]
    heading = "training an LSTM, GFLOP/s of one core:"
    return "\n".join([aligned(rows, name_width=NAME_WIDTH), heading, aligned(speeds, name_width=NAME_WIDTH)])

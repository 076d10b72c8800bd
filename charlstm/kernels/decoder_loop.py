"""The loop over characters, emitted: sample, run each layer for one step, and project to logits."""

from llvmlite import ir

from charlstm.kernels.emitter import ARGUMENT_BYTES, DOUBLE, FLOAT, I32, Emitter, Int
from charlstm.kernels.isa.instruction_set import ELEMENT_BYTES, NR, Product
from charlstm.kernels.layout import SIZES, round_up

DECODE_ARGUMENTS = (
    "time", "streams", "padded_streams", "units", "vocabulary", "ids", "uniforms", "samples", "temperature",
    "logits_before", "logits", "layers", "num_layers", "hidden", "has_residual", "current_ids", "characters", "inputs",
    "first_inputs", "output_panels", "output_bias", "num_panels", "depth", "operands", "padded_logits", "cumulative",
)  # fmt: skip
NUMBER_BYTES, DOUBLE_BYTES, ID_BYTES = 4, 8, 4
FIRST_TURN_OFFSET = len(SIZES) * ARGUMENT_BYTES  # where a layer's loop finds it among its arguments


def emit_decode(emitter: Emitter, product: Product, *, has_upper: bool, rounds_operands: bool) -> None:
    """Emit the function `decode`; needs `emit_gemm` and the loops "first" and "upper".

    It reads ids (time, streams), int32; or samples them, if `samples` is 1, with uniforms (time, streams), float64,
    from logits (streams, vocabulary), which become those after the last character. logits_before (time, streams,
    vocabulary) become those before each. A temperature of 0 is greedy.

    `layers` holds the address of the arguments of each layer's loop, `hidden` that of its output (streams, units). The
    first layer reads `current_ids` (streams,), or with `inputs` above 0 `first_inputs` (streams, inputs), the rows of
    `characters`. The other arrays are the dense layer's weights and workspace.
    """
    e = emitter
    with e.entry("decode", DECODE_ARGUMENTS) as a, e.loop(0, a["time"]) as t:
        _emit_choice(e, a, t)
        _emit_inputs(e, a)
        _emit_layers(e, a, t, has_upper=has_upper)
        _emit_logits(e, product, a, rounds_operands=rounds_operands)


def _emit_choice(e: Emitter, a: dict[str, Int], t: Int) -> None:
    """Emit the loop that keeps the logits of each stream, and samples its next character."""
    logits_bytes = a["vocabulary"] * NUMBER_BYTES
    with e.loop(0, a["streams"]) as stream:
        place = t * a["streams"] + stream
        logits, chosen = e.address(a["logits"], stream * logits_bytes), e.address(a["ids"], place * ID_BYTES)
        e.copy(e.address(a["logits_before"], place * logits_bytes), logits, logits_bytes)
        with e.when(a["samples"].compare("!=", 0)):
            uniform = e.load(e.address(a["uniforms"], place * DOUBLE_BYTES), DOUBLE)
            e.store(_emit_sample(e, a, logits, uniform), chosen)
        e.copy(e.address(a["current_ids"], stream * ID_BYTES), chosen, ID_BYTES)


def _emit_sample(e: Emitter, a: dict[str, Int], logits: ir.Value, uniform: ir.Value) -> ir.Value:
    """Emit the id that inverts the cumulative distribution at `uniform`, as `sampling.sample_ids` does."""
    builder = e.builder

    def logit(index: Int) -> ir.Value:
        return builder.fpext(e.load(e.address(logits, index * NUMBER_BYTES), FLOAT), DOUBLE)

    best, highest = e.variable(I32(0)), e.variable(logit(e.integer(0)))
    with e.loop(1, a["vocabulary"]) as index:
        value = logit(index)
        with e.when(builder.fcmp_ordered(">", value, e.load(highest, DOUBLE))):
            e.store(value, highest)
            e.store(builder.trunc(index.value, I32), best)
    temperature = e.load(e.address(a["temperature"], 0), DOUBLE)
    with e.when(builder.fcmp_ordered("!=", temperature, DOUBLE(0))):
        total = e.variable(DOUBLE(0))
        with e.loop(0, a["vocabulary"]) as index:
            exponent = builder.fdiv(builder.fsub(logit(index), e.load(highest, DOUBLE)), temperature)
            weight = e.intrinsic("llvm.exp.f64", DOUBLE, [exponent])
            e.store(builder.fadd(e.load(total, DOUBLE), weight), total)
            e.store(e.load(total, DOUBLE), e.address(a["cumulative"], index * DOUBLE_BYTES))
        threshold = builder.fmul(uniform, e.load(total, DOUBLE))
        e.store(I32(0), best)
        with e.loop(0, a["vocabulary"] - 1) as index:
            cumulative = e.load(e.address(a["cumulative"], index * DOUBLE_BYTES), DOUBLE)
            is_below = builder.zext(builder.fcmp_ordered("<=", cumulative, threshold), I32)
            e.store(builder.add(e.load(best, I32), is_below), best)
    return e.load(best, I32)


def _emit_inputs(e: Emitter, a: dict[str, Int]) -> None:
    """Emit the look-up of the first layer's inputs, if it reads vectors."""
    row_bytes = a["inputs"] * NUMBER_BYTES
    with e.when(a["inputs"].compare(">", 0)), e.loop(0, a["streams"]) as stream:
        character = e.load_int(e.address(a["current_ids"], stream * ID_BYTES), I32)
        source = e.address(a["characters"], character * row_bytes)
        e.copy(e.address(a["first_inputs"], stream * row_bytes), source, row_bytes)


def _emit_layers(e: Emitter, a: dict[str, Int], t: Int, *, has_upper: bool) -> None:
    def arguments(layer: Int) -> ir.Value:
        address = e.load_int(e.address(a["layers"], layer * ARGUMENT_BYTES))
        e.store(t % 2, e.address(address, FIRST_TURN_OFFSET))
        return e.address(address, 0)

    e.call("first", arguments(e.integer(0)))
    if has_upper:
        with e.loop(1, a["num_layers"]) as layer:
            e.call("upper", arguments(layer))
            with e.when(a["has_residual"].compare("!=", 0)):
                _emit_residual(e, a, layer)


def _emit_residual(e: Emitter, a: dict[str, Int], layer: Int) -> None:
    """Emit the addition of a layer's input to its output."""
    below, above = (e.load_int(e.address(a["hidden"], number * ARGUMENT_BYTES)) for number in (layer - 1, layer))
    count = a["streams"] * a["units"]
    with e.loop(0, count, e.lanes) as unit:
        numbers = [e.load_first(e.address(array, unit * NUMBER_BYTES), count - unit) for array in (below, above)]
        e.store_first(e.builder.fadd(*numbers), e.address(above, unit * NUMBER_BYTES), count - unit)


def _emit_logits(e: Emitter, product: Product, a: dict[str, Int], *, rounds_operands: bool) -> None:
    """Emit the dense layer."""
    hidden = e.load_int(e.address(a["hidden"], (a["num_layers"] - 1) * ARGUMENT_BYTES))
    operand_bytes = NUMBER_BYTES // product.k_unroll
    stride = a["depth"] * ELEMENT_BYTES
    width = a["num_panels"] * NR * NUMBER_BYTES
    with e.loop(0, a["streams"]) as stream:
        with e.loop(0, a["units"], e.lanes) as unit:
            place = (stream * a["units"] + unit) * NUMBER_BYTES
            numbers = e.load_first(e.address(hidden, place), a["units"] - unit)
            if rounds_operands:
                numbers = e.round_to_bf16(numbers)
            operand = e.to_bf16(numbers) if product.k_unroll == 2 else numbers
            e.store(operand, e.address(a["operands"], stream * stride + unit * operand_bytes))
        e.copy(e.address(a["padded_logits"], stream * width), e.address(a["output_bias"], 0), width)
    product.emit_enter(e, a["padded_streams"])
    panels, operands, results = (e.address(a[name], 0) for name in ("output_panels", "operands", "padded_logits"))
    rows = round_up(a["padded_streams"], product.row_multiple)
    e.call("gemm_add", panels, operands, stride, results, width, a["num_panels"], rows, a["depth"])
    product.emit_leave(e)
    with e.loop(0, a["streams"]) as stream:
        row_bytes = a["vocabulary"] * NUMBER_BYTES
        e.copy(e.address(a["logits"], stream * row_bytes), e.address(a["padded_logits"], stream * width), row_bytes)

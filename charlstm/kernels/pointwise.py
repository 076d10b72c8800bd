"""The arithmetic of nodes on vectors."""

from collections.abc import Sequence

from llvmlite import ir

from charlstm.kernels.emitter import Emitter

# tanh(x) = x P(x^2) / Q(x^2) up to TANH_LIMIT, where it is 1: a minimax fit, relative error 2e-8 before rounding.
TANH_LIMIT = 9.0
TANH_P = (9.99999980e-01, 1.33810398e-01, 3.49560456e-03, 2.06093379e-05, 1.33549848e-08)
TANH_Q = (1.0, 4.67143554e-01, 2.58770456e-02, 3.28566107e-04, 7.77669730e-07)


def emit_operation(emitter: Emitter, operation: str, arguments: Sequence[ir.Value]) -> ir.Value:
    """Emit one operation of a graph; see `charlstm.kernels.graph.Node`."""
    builder = emitter.builder
    match operation:
        case "add":
            return builder.fadd(*arguments, flags=("contract",))
        case "sub":
            return builder.fsub(*arguments, flags=("contract",))
        case "mul":
            return builder.fmul(*arguments, flags=("contract",))
        case "tanh":
            return emit_tanh(emitter, arguments[0])
        case "sigmoid":
            half = emitter.constant(0.5)
            tanh = emit_tanh(emitter, builder.fmul(half, arguments[0]))
            return builder.fadd(half, builder.fmul(half, tanh, flags=("contract",)), flags=("contract",))
        case "remainder":
            return _emit_remainder(emitter, *arguments)
        case "is_zero":
            is_zero = builder.fcmp_ordered("==", arguments[0], emitter.constant(0))
            return builder.select(is_zero, emitter.constant(1), emitter.constant(0))
    raise NotImplementedError(operation)


def emit_tanh(emitter: Emitter, x: ir.Value) -> ir.Value:
    """Emit tanh(x) with a relative error below 4e-7; NaN stays NaN."""
    builder = emitter.builder
    x = _clip(emitter, x, TANH_LIMIT)
    square = builder.fmul(x, x)
    numerator = builder.fmul(x, _polynomial(emitter, square, TANH_P))
    return _clip(emitter, builder.fdiv(numerator, _polynomial(emitter, square, TANH_Q)), 1.0)


def _polynomial(emitter: Emitter, x: ir.Value, coefficients: Sequence[float]) -> ir.Value:
    builder = emitter.builder
    *rest, total = map(emitter.constant, coefficients)
    for coefficient in reversed(rest):
        total = builder.fadd(builder.fmul(total, x, flags=("contract",)), coefficient, flags=("contract",))
    return total


def _clip(emitter: Emitter, x: ir.Value, limit: float) -> ir.Value:
    """Emit x limited to [-limit, limit]; comparisons with NaN are false, so that it stays."""
    builder = emitter.builder
    for bound, operator in ((limit, ">"), (-limit, "<")):
        is_beyond = builder.fcmp_ordered(operator, x, emitter.constant(bound))
        x = builder.select(is_beyond, emitter.constant(bound), x)
    return x


def _emit_remainder(emitter: Emitter, x: ir.Value, y: ir.Value) -> ir.Value:
    """Emit x - y floor(x / y)."""
    builder = emitter.builder
    name = f"llvm.floor.v{emitter.lanes}f32"
    quotient = emitter.intrinsic(name, emitter.floats, [builder.fdiv(x, y)])
    return builder.fsub(x, builder.fmul(y, quotient))

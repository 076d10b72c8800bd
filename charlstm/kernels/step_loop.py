"""The loop over time of one layer, emitted from the schedule of its graph; forward, or backward from the last step.

Steps run in chunks. For each chunk the products of many steps come first; then, step by step, the products and loops
over units of each level; then the products that only give results.
"""

from collections.abc import Sequence
from typing import NamedTuple

from llvmlite import ir

from charlstm.kernels.emitter import I32, Emitter, Int, Number
from charlstm.kernels.graph import ONE, Linear, Node, Term
from charlstm.kernels.isa.instruction_set import NR, Product
from charlstm.kernels.layout import FIRST_TURN, SAVED, SIZES, Layout, Sizes, round_up
from charlstm.kernels.pointwise import emit_operation
from charlstm.kernels.schedule import Loop, OperandGroup

NUMBER_BYTES = 4


class Step(NamedTuple):
    """A step of the loop: its place in time, in the order of the calculation, and in its chunk."""

    time: Int
    turn: Int
    place: Int


class StepLoop:
    """Emits the function `name`, whose arguments are those of its layout.

    With `rounds_operands`, operands in float32 are rounded to bfloat16."""

    def __init__(
        self, emitter: Emitter, product: Product, layout: Layout, *, name: str, rounds_operands: bool = False
    ) -> None:
        self.e, self.product, self.layout, self.plan, self.name = emitter, product, layout, layout.plan, name
        self.rounds_operands = rounds_operands
        self.operand_bytes = NUMBER_BYTES // product.k_unroll

    def emit(self) -> None:
        e = self.e
        with e.entry(self.name, self.layout.arguments) as self.a:
            self.sizes = Sizes(*(self.a[name] for name in SIZES))
            self.saved_at, self.saved_width = self.layout.saved_offsets(self.sizes)
            self._store_first_operands()
            with e.loop(0, e.integer((self.sizes.time + self.sizes.chunk - 1) // self.sizes.chunk)) as chunk:
                start = chunk * self.sizes.chunk
                rest = self.sizes.time - start
                count = e.select(rest.compare("<", self.sizes.chunk), rest, self.sizes.chunk)
                self._emit_chunk(start, count)
            self.product.emit_leave(e)
            e.builder.fence("seq_cst")  # what was stored past the caches is there for any thread

    def _emit_chunk(self, start: Int, count: Int) -> None:
        e = self.e
        earliest = self.sizes.time - start - count if self.layout.backward else start
        if self.plan.input_loops:
            with e.loop(0, count) as place:
                self._emit_loops(self.plan.input_loops, Step(earliest + place, place, place))
        for linear in self._enter(self.plan.before, count * self.sizes.padded_rows):
            self._emit_products_of_many(linear, earliest, count, before=True)
        self._enter(self.plan.inside, self.sizes.padded_rows)
        with e.loop(0, count) as index:
            place = count - 1 - index if self.layout.backward else index
            self._emit_step(Step(earliest + place, self.a[FIRST_TURN] + start + index, place))
        for linear in self._enter(self.plan.after, count * self.sizes.padded_rows):
            self._emit_products_of_many(linear, earliest, count, before=False)
        if self.plan.result_loops:
            with e.loop(0, count) as place:
                self._emit_loops(self.plan.result_loops, Step(earliest + place, place, place))

    def _emit_step(self, step: Step) -> None:
        for level in range(self.plan.num_levels):
            for linear in self.plan.inside:
                if self.plan.linear_level(linear) == level:
                    self._emit_linear(linear, step)
            self._emit_loops([loop for loop in self.plan.loops if loop.level == level], step)

    # Products

    def _enter(self, linears: Sequence[Linear], num_rows: Int) -> Sequence[Linear]:
        """Emit what comes before products of this many rows, if there are any; return their linear maps."""
        if linears:
            self.product.emit_enter(self.e, num_rows)
        return linears

    def _emit_products_of_many(self, linear: Linear, earliest: Int, count: Int, *, before: bool) -> None:
        """Emit the products of a chunk's steps at once."""
        rows = count * self.sizes.padded_rows
        results = self.e.address(self.a[self._result_name(linear)], 0)
        is_set = linear.bias is None
        if not is_set:
            self._copy_bias(linear, results, rows)
        terms = self.plan.terms(linear, before=before)
        for number, term in enumerate(terms):
            self._emit_gemm(linear, term, earliest, results, rows, accumulate=bool(number) or not is_set)

    def _emit_linear(self, linear: Linear, step: Step) -> None:
        """Emit one step's products, after those of many steps if there are any."""
        results = self._result_address(linear, step)
        is_set = linear not in self.plan.before
        if is_set and linear.has_table:
            self._copy_table(linear, results, step)
            is_set = False
        elif is_set and linear.bias:
            self._copy_bias(linear, results, self.sizes.padded_rows)
            is_set = False
        for number, term in enumerate(self.plan.terms(linear, before=False)):
            accumulate = bool(number) or not is_set
            self._emit_gemm(linear, term, step.time, results, self.sizes.padded_rows, accumulate=accumulate)

    def _emit_gemm(
        self, linear: Linear, term: Term, time: Int, results: ir.Value, rows: Number, *, accumulate: bool
    ) -> None:
        e, group = self.e, self.plan.group(term)
        columns = e.integer(self.sizes.columns(linear.width, linear.num_blocks))
        stride = self._operand_columns(group) * self.operand_bytes
        e.call(
            "gemm_add" if accumulate else "gemm_set",
            e.address(self.a[f"weight_{term.weight}"], 0),
            e.address(self.a[group.name], time * self.sizes.padded_rows * stride),
            stride,
            results,
            columns * NUMBER_BYTES,
            columns // NR,
            round_up(rows, self.product.row_multiple),
            self._operand_columns(group) // self.product.k_unroll,
        )

    def _operand_columns(self, group: OperandGroup) -> Int:
        return self.e.integer(self.sizes.columns(group.width, len(group.nodes)))

    def _copy_bias(self, linear: Linear, results: ir.Value, rows: Number) -> None:
        e, num_bytes = self.e, self._row_bytes(linear)
        with e.loop(0, rows) as row:
            e.copy(e.address(results, row * num_bytes), e.address(self.a[f"bias_{linear.bias}"], 0), num_bytes)

    def _copy_table(self, linear: Linear, results: ir.Value, step: Step) -> None:
        e, num_bytes = self.e, self._row_bytes(linear)
        with e.loop(0, self.sizes.rows) as row:
            source = e.address(self.a["table"], self._id(step, row) * num_bytes)
            e.copy(e.address(results, row * num_bytes), source, num_bytes)

    def _id(self, step: Step, row: Int) -> Int:
        return self.e.load_int(self.e.address(self.a["ids"], (step.time * self.sizes.rows + row) * NUMBER_BYTES), I32)

    def _row_bytes(self, linear: Linear) -> Int:
        return self.e.integer(self.sizes.columns(linear.width, linear.num_blocks)) * NUMBER_BYTES

    def _result_name(self, linear: Linear) -> str:
        return f"result{self.layout.linears.index(linear)}"

    def _result_address(self, linear: Linear, step: Step) -> ir.Value:
        place = step.place if self.layout.is_for_many(linear) else self.e.integer(0)
        offset = place * self.sizes.padded_rows * self._row_bytes(linear)
        return self.e.address(self.a[self._result_name(linear)], offset)

    # Loops over units

    def _store_first_operands(self) -> None:
        """Store the operands that are the first states."""
        groups = [group for group in self.plan.groups if group.state]
        for group in groups:
            (node,) = group.nodes
            loop = Loop(node.width, 0, operands=[(group, 0, node)])
            zero = self.e.integer(0)
            before = Step(zero - 1, self.a[FIRST_TURN], zero)  # a new state is an operand of the next step
            self._emit_loops([loop], before)

    def _emit_loops(self, loops: list[Loop], step: Step) -> None:
        e = self.e
        for loop in loops:
            size, padded = e.integer(self.sizes.width(loop.width)), self.sizes.padded(loop.width)
            with e.loop(0, self.sizes.rows) as row:
                whole = size // e.lanes * e.lanes
                with e.loop(0, whole, e.lanes) as unit:
                    UnitLoop(self, loop, step, row, unit, None).emit()
                with e.loop(whole, padded, e.lanes) as unit:
                    UnitLoop(self, loop, step, row, unit, size - unit).emit()


class UnitLoop:
    """Emits one turn of a loop over units: a vector of them, of which `count` are not padding."""

    def __init__(self, steps: StepLoop, loop: Loop, step: Step, row: Int, unit: Int, count: Int | None) -> None:
        self.s, self.e, self.a, self.sizes = steps, steps.e, steps.a, steps.sizes
        self.loop, self.step, self.row, self.unit, self.count = loop, step, row, unit, count
        self._values: dict[Node, ir.Value] = {}

    def emit(self) -> None:
        """Emit the arithmetic, and the stores of what the loop gives."""
        e, loop = self.e, self.loop
        for name, node in loop.results:
            self._store_result(name, self._value(node))
        for name, node in loop.states:
            e.store(self._value(node), self._state_address(name, self.step.turn + 1, node.width))
        for name, block, node in loop.sums:
            address = self._sum_address(name, block)
            e.store(e.builder.fadd(e.load(address), self._value(node)), address)
        for group, block, node in loop.operands:
            self._store_operand(group, block, self._value(node))
        for node in loop.temporaries:
            e.store(self._value(node), self._temporary_address(node))

    def _value(self, node: Node) -> ir.Value:
        """Return the value of a node, computed or loaded once."""
        if node not in self._values:
            self._values[node] = self._emit_value(node)
        return self._values[node]

    def _emit_value(self, node: Node) -> ir.Value:
        e, is_here = self.e, self._is_computed_here(node)
        if node.operation == "constant":
            return e.constant(node.value)
        if not node.is_given and is_here:
            return emit_operation(e, node.operation, [self._value(argument) for argument in node.arguments])
        if node.operation == "input" and not node.name.startswith(SAVED):
            return self._load_input(node)
        address = self._address(node)
        if node.width == ONE and self.loop.width != ONE:
            return e.broadcast(e.load(address, e.floats.element))
        return e.load(address)

    def _is_computed_here(self, node: Node) -> bool:
        return node.width == self.loop.width and self.s.plan.level.get(node) == self.loop.level

    def _address(self, node: Node) -> ir.Value:
        """Return where the loop finds a value of its graph."""
        if node.operation == "state":
            return self._state_address(node.name, self.step.turn, node.width)
        if node.operation == "input":
            return self._saved_address(node.name, node.width)
        if node.operation == "vector":
            return self.e.address(self.a[f"vector_{node.name}"], self.unit * NUMBER_BYTES)
        if node.operation == "block":
            start = self.s._result_address(node.source, self.step)
            offset = self.row * self.s._row_bytes(node.source) + self._in_block(node.index, node.width)
            return self.e.address(start, offset)
        return self._temporary_address(node)

    def _in_block(self, block: int, width: str) -> Int:
        """Return the offset in bytes of this turn's units in a row of blocks."""
        return (self._unit(width) + self.e.integer(self.sizes.padded(width)) * block) * NUMBER_BYTES

    def _unit(self, width: str) -> Int:
        return self.e.integer(0) if width == ONE else self.unit

    def _state_address(self, name: str, turn: Int, width: str) -> ir.Value:
        stride = self.sizes.columns(width, 1)
        row = (turn % 2) * self.sizes.padded_rows + self.row
        return self.e.address(self.a[name], (row * stride + self._unit(width)) * NUMBER_BYTES)

    def _saved_address(self, name: str, width: str) -> ir.Value:
        row = self.step.time * self.sizes.padded_rows + self.row
        place = row * self.s.saved_width + self.s.saved_at[name] + self._unit(width)
        return self.e.address(self.a[SAVED], place * NUMBER_BYTES)

    def _temporary_address(self, node: Node) -> ir.Value:
        number = self.s.layout.temporaries.index(node)
        place = self.row * self.sizes.padded(node.width) + self._unit(node.width)
        return self.e.address(self.a[f"temporary{number}"], place * NUMBER_BYTES)

    def _sequence_address(self, name: str, width: str) -> ir.Value:
        row = self.step.time * self.sizes.rows + self.row
        return self.e.address(self.a[name], (row * self.sizes.width(width) + self.unit) * NUMBER_BYTES)

    def _load_input(self, node: Node) -> ir.Value:
        address = self._sequence_address(node.name, node.width)
        return self.e.load(address) if self.count is None else self.e.load_first(address, self.count)

    def _store_result(self, name: str, value: ir.Value) -> None:
        if name.startswith(SAVED):
            self.e.store_past_caches(value, self._saved_address(name, self.loop.width))
        elif self.count is None:
            self.e.store(value, self._sequence_address(name, self.loop.width))
        else:
            self.e.store_first(value, self._sequence_address(name, self.loop.width), self.count)

    def _sum_address(self, name: str, block: int) -> ir.Value:
        start = self.e.address(self.a[f"sum_{name}"], self._in_block(block, self.loop.width))
        if name != "table":
            return start
        columns = self.e.integer(self.sizes.columns(self.loop.width, len(self.s.plan.graph.sums[name])))
        return self.e.address(start, self.s._id(self.step, self.row) * columns * NUMBER_BYTES)

    def _store_operand(self, group: OperandGroup, block: int, value: ir.Value) -> None:
        e = self.e
        time = self.step.time + 1 if group.state else self.step.time
        row = (time * self.sizes.padded_rows + self.row) * self.s._operand_columns(group)
        place = row + self.sizes.padded(group.width) * block + self.unit
        if self.s.product.k_unroll == 2:
            value = e.to_bf16(value)
        elif self.s.rounds_operands:
            value = e.round_to_bf16(value)
        e.store(value, e.address(self.a[group.name], place * self.s.operand_bytes))

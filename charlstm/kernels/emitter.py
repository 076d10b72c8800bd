"""A short way to write LLVM's intermediate representation: integers with operators, loops, vectors.

Numbers are float32 in vectors of `lanes`, integers are 64 bits wide, and every pointer is a byte address. A compiled
function takes one pointer to its arguments, an array of 64-bit integers that holds sizes and addresses.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir

I1, I8, I16, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 16, 32, 64))
FLOAT, DOUBLE, VOID, POINTER = ir.FloatType(), ir.DoubleType(), ir.VoidType(), ir.PointerType()
ARGUMENT_BYTES = 8


class BFloatType(ir.Type):
    """LLVM's bfloat, which llvmlite does not name."""

    def _to_string(self) -> str:
        return "bfloat"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BFloatType)

    def __hash__(self) -> int:
        return hash(BFloatType)


BFLOAT = BFloatType()


class Int:
    """An integer of the compiled program, for which Python's operators emit instructions."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder, self.value = builder, value

    def _emit(self, instruction: str, other: "Int | int") -> "Int":
        right = other.value if isinstance(other, Int) else I64(other)
        return Int(self.builder, getattr(self.builder, instruction)(self.value, right))

    def __add__(self, other: "Int | int") -> "Int":
        return self._emit("add", other)

    def __sub__(self, other: "Int | int") -> "Int":
        return self._emit("sub", other)

    def __mul__(self, other: "Int | int") -> "Int":
        return self._emit("mul", other)

    def __floordiv__(self, other: "Int | int") -> "Int":
        return self._emit("udiv", other)

    def __mod__(self, other: "Int | int") -> "Int":
        return self._emit("urem", other)

    __radd__, __rmul__ = __add__, __mul__

    def compare(self, operator: str, other: "Int | int") -> ir.Value:
        right = other.value if isinstance(other, Int) else I64(other)
        return self.builder.icmp_signed(operator, self.value, right)


Number = Int | int


class Emitter:
    """Emits the functions of one module for vectors of `lanes` numbers."""

    def __init__(self, lanes: int) -> None:
        self.module = ir.Module()
        self.lanes = lanes
        self.floats, self.words = ir.VectorType(FLOAT, lanes), ir.VectorType(I32, lanes)
        self.builder: ir.IRBuilder = None
        self._variables: ir.IRBuilder = None

    # Functions

    @contextmanager
    def function(self, name: str, types: Sequence[ir.Type], *, is_exported: bool = False) -> Iterator[list[Any]]:
        """Emit a function without a result; yields its parameters, integers as `Int`."""
        function = ir.Function(self.module, ir.FunctionType(VOID, types), name)
        function.linkage = "external" if is_exported else "internal"
        outer = self.builder, self._variables
        variables, body = function.append_basic_block("variables"), function.append_basic_block("body")
        self._variables, self.builder = ir.IRBuilder(variables), ir.IRBuilder(body)
        yield [Int(self.builder, value) if value.type == I64 else value for value in function.args]
        self.builder.ret_void()
        self._variables.branch(body)
        self.builder, self._variables = outer

    @contextmanager
    def entry(self, name: str, arguments: Sequence[str]) -> Iterator[dict[str, Int]]:
        """Emit a function that Python calls with an array of these arguments."""
        with self.function(name, [POINTER], is_exported=True) as (array,):
            yield {
                argument: self.load_int(self.address(array, index * ARGUMENT_BYTES))
                for index, argument in enumerate(arguments)
            }

    def call(self, name: str, *arguments: Any) -> None:
        """Call a function that was emitted before."""
        values = [self.integer(value).value if isinstance(value, Int | int) else value for value in arguments]
        self.builder.call(self.module.get_global(name), values)

    def intrinsic(self, name: str, result: ir.Type, arguments: Sequence[ir.Value]) -> ir.Value:
        """Call one of LLVM's own functions."""
        function = self.module.globals.get(name)
        if function is None:
            function = ir.Function(self.module, ir.FunctionType(result, [value.type for value in arguments]), name)
        return self.builder.call(function, arguments)

    # Control flow

    def integer(self, value: Number | ir.Value) -> Int:
        if isinstance(value, Int):
            return value
        return Int(self.builder, I64(value) if isinstance(value, int) else value)

    @contextmanager
    def loop(self, start: Number, stop: Number, step: int = 1) -> Iterator[Int]:
        """Emit a loop over the numbers from start up to stop, which is not among them."""
        function = self.builder.function
        head, body, end = (function.append_basic_block(name) for name in ("head", "body", "end"))
        entry = self.builder.block
        first, last = self.integer(start).value, self.integer(stop).value
        self.builder.branch(head)
        self.builder.position_at_end(head)
        index = self.builder.phi(I64)
        index.add_incoming(first, entry)
        self.builder.cbranch(self.builder.icmp_signed("<", index, last), body, end)
        self.builder.position_at_end(body)
        yield self.integer(index)
        index.add_incoming(self.builder.add(index, I64(step)), self.builder.block)
        self.builder.branch(head)
        self.builder.position_at_end(end)

    @contextmanager
    def when(self, condition: ir.Value) -> Iterator[None]:
        with self.builder.if_then(condition):
            yield

    def variable(self, value: ir.Value) -> ir.Value:
        """Return the address of a new variable with this value; LLVM keeps it in a register."""
        address = self._variables.alloca(value.type)
        address.type = POINTER
        self.builder.store(value, address)
        return address

    def select(self, condition: ir.Value, yes: Number, no: Number) -> Int:
        return self.integer(self.builder.select(condition, self.integer(yes).value, self.integer(no).value))

    # Memory

    def address(self, base: ir.Value | Int, num_bytes: Number) -> ir.Value:
        """Return the address so many bytes after `base`."""
        if isinstance(base, Int):
            base = self.builder.inttoptr(base.value, POINTER)
        return self.builder.gep(base, [self.integer(num_bytes).value], source_etype=I8)

    def load(self, address: ir.Value, type_: ir.Type | None = None) -> ir.Value:
        """Load a vector of numbers, or a value of another type."""
        return self.builder.load(address, typ=type_ or self.floats, align=2 if type_ == I16 else 4)

    def load_int(self, address: ir.Value, type_: ir.Type = I64) -> Int:
        value = self.builder.load(address, typ=type_, align=4)
        return self.integer(value if type_ == I64 else self.builder.sext(value, I64))

    def store(self, value: ir.Value | Int, address: ir.Value) -> None:
        self.builder.store(value.value if isinstance(value, Int) else value, address, align=2)

    def store_past_caches(self, value: ir.Value, address: ir.Value) -> None:
        """Store a vector at a multiple of its size, without a place in the caches: it is needed much later."""
        instruction = self.builder.store(value, address, align=4 * self.lanes)
        instruction.set_metadata("nontemporal", self.module.add_metadata([I32(1)]))

    def load_first(self, address: ir.Value, count: Number) -> ir.Value:
        """Load `count` numbers into a vector, and fill it up with zeros; nothing after them is read."""
        zeros = ir.Constant(self.floats, None)
        name = f"llvm.masked.load.v{self.lanes}f32.p0"
        return self.intrinsic(name, self.floats, [address, I32(4), self._mask(count), zeros])

    def store_first(self, value: ir.Value, address: ir.Value, count: Number) -> None:
        """Store the first `count` numbers of a vector."""
        name = f"llvm.masked.store.v{self.lanes}f32.p0"
        self.intrinsic(name, VOID, [value, address, I32(4), self._mask(count)])

    def _mask(self, count: Number) -> ir.Value:
        lanes = ir.Constant(ir.VectorType(I64, self.lanes), list(range(self.lanes)))
        return self.builder.icmp_signed("<", lanes, self.broadcast(self.integer(count).value))

    def copy(self, target: ir.Value, source: ir.Value, num_bytes: Number) -> None:
        self.intrinsic("llvm.memcpy.p0.p0.i64", VOID, [target, source, self.integer(num_bytes).value, I1(0)])

    # Vectors

    def constant(self, value: float) -> ir.Constant:
        return ir.Constant(self.floats, [value] * self.lanes)

    def broadcast(self, value: ir.Value) -> ir.Value:
        """Return a vector with the value in all lanes."""
        vector = ir.VectorType(value.type, self.lanes)
        single = self.builder.insert_element(ir.Constant(vector, ir.Undefined), value, I32(0))
        order = ir.Constant(self.words, [0] * self.lanes)
        return self.builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), order)

    def shuffle(self, first: ir.Value, second: ir.Value, order: Sequence[int]) -> ir.Value:
        """Choose lanes from two vectors, those of the second numbered after those of the first."""
        return self.builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(I32, len(order)), list(order)))

    def transpose(self, rows: Sequence[ir.Value]) -> list[ir.Value]:
        """Transpose as many vectors as there are lanes: in each turn, pairs of rows exchange half of their lanes."""
        rows, size, lanes = list(rows), 1, range(self.lanes)
        while size < self.lanes:
            first_order = [(lane ^ size) + self.lanes if lane & size else lane for lane in lanes]
            second_order = [lane + self.lanes if lane & size else lane ^ size for lane in lanes]
            for row in (row for row in lanes if not row & size):
                pair = rows[row], rows[row | size]
                rows[row], rows[row | size] = (self.shuffle(*pair, order) for order in (first_order, second_order))
            size *= 2
        return rows

    def round_to_bf16(self, value: ir.Value) -> ir.Value:
        """Round to the nearest bfloat16, ties to even, and keep the result as a float32, on any processor."""
        builder = self.builder

        def words(value: int) -> ir.Constant:
            return ir.Constant(self.words, [value] * self.lanes)

        bits = builder.bitcast(value, self.words)
        last_kept = builder.and_(builder.lshr(bits, words(16)), words(1))
        rounded = builder.add(bits, builder.add(last_kept, words(0x7FFF)))
        return builder.bitcast(builder.and_(rounded, words(0xFFFF0000)), self.floats)

    def to_bf16(self, value: ir.Value) -> ir.Value:
        """Round to the nearest bfloat16, ties to even."""
        return self.builder.fptrunc(value, ir.VectorType(BFLOAT, self.lanes))

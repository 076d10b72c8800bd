"""Compiled code, for this processor and for those that are not here: their assembly must hold their instructions."""

import re
from functools import cache

import numpy as np
import pytest
from llvmlite import binding

from charlstm.cells.registry import get_cell
from charlstm.cells.symbolic import symbolic_layer
from charlstm.kernels import code_cache, compiler
from charlstm.kernels.code_cache import CodeFolder
from charlstm.kernels.compiler import assembly, load_functions
from charlstm.kernels.emitter import I64, Emitter
from charlstm.kernels.gemm import emit_gemm
from charlstm.kernels.gradient import differentiate
from charlstm.kernels.graph import trace
from charlstm.kernels.isa.amx import AMX
from charlstm.kernels.isa.avx2 import AVX2
from charlstm.kernels.isa.avx512 import AVX512
from charlstm.kernels.isa.bf16 import AVX512_BF16
from charlstm.kernels.isa.neon import NEON
from charlstm.kernels.isa.portable import PORTABLE
from charlstm.kernels.layout import Layout
from charlstm.kernels.packing import emit_packing, emit_weight_gradient
from charlstm.kernels.schedule import schedule
from charlstm.kernels.step_loop import StepLoop

X86, ARM, MAC = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "arm64-apple-darwin23.1.0"
ZMM, YMM, XMM = r"%zmm\d+", r"%ymm\d+", r"%xmm\d+"
VECTOR_4 = r"v\d+\.4s"

# triple, instruction set, precision, what a product must contain, and what it must not
TARGETS = {
    "neon": (ARM, NEON, "float32", [rf"fmla\s+{VECTOR_4}"], []),
    "neon on a Mac": (MAC, NEON, "float32", [rf"fmla(\.4s)?\s+(v\d+|{VECTOR_4})"], []),
    "portable on ARM": (ARM, PORTABLE, "float32", [rf"fmul\s+{VECTOR_4}"], []),
    "portable": (X86, PORTABLE, "float32", [rf"mulps\s.*{XMM}"], ["vfmadd", YMM, ZMM]),
    "avx2": (X86, AVX2, "float32", [rf"vfmadd\d+ps\s.*{YMM}"], [ZMM]),
    "avx512": (X86, AVX512, "float32", [rf"vfmadd\d+ps\s.*{ZMM}"], ["vdpbf16ps", "tdpbf16ps"]),
    "avx512_bf16": (X86, AVX512_BF16, "bfloat16", [rf"vdpbf16ps\s.*{ZMM}"], ["tdpbf16ps"]),
    "amx": (X86, AMX, "bfloat16", [r"tdpbf16ps\s+%tmm", "tileloadd", "tilestored", "tilezero"], ["vfmadd"]),
    "amx in float32": (X86, AMX, "float32", [rf"vfmadd\d+ps\s.*{ZMM}"], ["tdpbf16ps"]),
}
OWN_FUNCTIONS = {"gemm_add", "gemm_set", "memcpy", "memset"}


def emit_product(name):
    _, isa, precision, *_ = TARGETS[name]
    emitter, product = Emitter(isa.lanes), isa.product(precision)
    emit_gemm(emitter, product)
    emit_packing(emitter, product)
    emit_weight_gradient(emitter, product)
    return emitter.module


def emit_steps(name):
    """Emit the loops forward and backward of an LSTM."""
    _, isa, precision, *_ = TARGETS[name]
    emitter, product = Emitter(isa.lanes), isa.product(precision)
    emit_gemm(emitter, product)
    forward = trace(symbolic_layer(get_cell("lstm"), is_first=False), has_table=False)
    backward = differentiate(forward)
    StepLoop(emitter, product, Layout(schedule(forward), backward=False), name="forward").emit()
    StepLoop(emitter, product, Layout(schedule(backward), backward=True), name="backward").emit()
    return emitter.module


@cache
def assembly_of(name, part):
    triple, isa, *_ = TARGETS[name]
    return assembly({"product": emit_product, "steps": emit_steps}[part](name), isa, triple)


def called_functions(text):
    calls = re.findall(r"^\s+(?:callq?|jmp|bl|b)\s+([A-Za-z_][\w.]*)(?:@\w+)?", text, flags=re.MULTILINE)
    return {name.lstrip("_") for name in calls if not name.startswith(("LBB", "Lfunc"))}


@pytest.mark.parametrize("part", ["product", "steps"])
@pytest.mark.parametrize("name", TARGETS)
def test_code_for_another_processor_holds_its_instructions(name, part):
    *_, expected, unexpected = TARGETS[name]
    text = assembly_of(name, part)
    for pattern in expected:
        assert re.search(pattern, text), pattern
    if part == "product":
        assert not [pattern for pattern in unexpected if re.search(pattern, text)]
    assert called_functions(text) <= OWN_FUNCTIONS  # fmaf, tanhf or __truncsfbf2 would be slow, or missing


@pytest.mark.parametrize("name", ["avx512_bf16", "amx"])
def test_bfloat16_is_rounded_by_an_instruction(name):
    assert re.search(rf"vcvtneps2bf16\s.*{ZMM}", assembly_of(name, "steps"))


PRODUCTS = r"fmla|fmul|mulps|vfmadd|vdpbf16ps|tdpbf16ps"
STORES = r"%rsp|\[sp|tilestored|^\s+v?mov[ua]ps\s+%[xyz]mm\d+, .*\(|^\s+st[rp]\s+q"


def inner_loops(text):
    """Return the loops of products: code between a label and a jump back to it that holds no other label."""
    label, jump = r"\.?L\w+", r"(?:b\.\w+|b|j\w+|cbn?z\s+\w+,)"
    pattern = rf"^({label}):.*\n((?:(?!^{label}:).*\n)*?)\s+{jump}\s+\1$"
    bodies = [match.group(2) for match in re.finditer(pattern, text, flags=re.MULTILINE)]
    return [body for body in bodies if len(re.findall(PRODUCTS, body)) >= 4]


@pytest.mark.parametrize("name", TARGETS)
def test_the_sums_of_a_tile_stay_in_registers(name):
    """The loops over k multiply for every sum of the largest tile, and store nothing."""
    _, isa, precision, *_ = TARGETS[name]
    loops, product = inner_loops(assembly_of(name, "product")), isa.product(precision)
    vectors = 2 if "tdpbf16ps" in loops[0] else 32 // isa.lanes
    rows = max(product.tile_rows) // product.row_multiple
    assert max(len(re.findall(PRODUCTS, loop)) for loop in loops) >= rows * vectors
    for loop in loops:
        assert not re.search(STORES, loop, flags=re.MULTILINE), loop


def test_tiles_are_configured_before_they_are_used_and_released_after():
    text = assembly_of("amx", "steps")
    body = text[text.index("forward:") :]
    assert body.index("ldtilecfg") < body.index("gemm_set" if "gemm_set" in body else "tdpbf16ps")
    assert "tilerelease" in body


def emit_double():
    emitter = Emitter(4)
    with emitter.entry("double", ["number", "result"]) as a:
        emitter.store(a["number"] * 2, emitter.address(a["result"], 0))
    return emitter.module


def emit_missing():
    """Emit a call of a function that does not exist."""
    emitter = Emitter(4)
    with emitter.entry("broken", ["number"]) as a:
        emitter.intrinsic("no_such_function", I64, [a["number"].value])
    return emitter.module


@pytest.fixture
def folder(tmp_path, monkeypatch):
    folder = CodeFolder(tmp_path / "kernels" / "0123456789abcdef")
    monkeypatch.setattr(compiler, "code_folder", lambda _: folder)
    return folder


def double(**settings):
    functions = load_functions("double", PORTABLE, settings.get("emit", emit_double), {"double": ["number", "result"]})
    result = np.zeros(1, np.int64)
    functions["double"](number=21, result=result)
    return result[0]


def refuse():
    raise AssertionError("the code was emitted again")


def test_code_is_compiled_once_and_then_loaded(folder):
    assert double() == 42
    assert double(emit=refuse) == 42


def test_code_that_was_damaged_is_compiled_again(folder):
    double()
    (file,) = folder.path.iterdir()
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(AssertionError, match="emitted again"):
        double(emit=refuse)
    assert double() == double(emit=refuse) == 42


def test_without_a_folder_code_stays_in_memory(monkeypatch):
    monkeypatch.setattr(compiler, "code_folder", lambda _: CodeFolder(None))
    assert double() == 42


def test_a_function_that_cannot_be_linked_does_not_keep_others_from_it(folder):
    with pytest.raises(RuntimeError):
        load_functions("broken", PORTABLE, emit_missing, {"broken": ["number"]})
    assert double() == 42


def test_the_same_module_gives_the_same_code():
    first, second = (compiler.compile_module(emit_product("portable"), PORTABLE) for _ in range(2))
    assert first == second


def test_the_code_folder_depends_on_the_instruction_set_and_the_system(monkeypatch):
    """A home folder may be shared between machines."""
    digests = [code_cache._version_digest(name) for name in ("portable", "avx2")]
    monkeypatch.setattr(binding, "get_process_triple", lambda: MAC)
    digests += [code_cache._version_digest(name) for name in ("portable", "avx2")]
    assert len(set(digests)) == 4

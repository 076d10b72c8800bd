"""Which instruction sets there are, which of them this machine has, and which one is used."""

import platform
from itertools import pairwise

import pytest
from llvmlite import binding

from charlstm.errors import SettingError
from charlstm.kernels import isa as isa_module
from charlstm.kernels.isa import (
    INSTRUCTION_SETS,
    ISA_VARIABLE,
    available_instruction_sets,
    chosen_instruction_set,
)
from charlstm.kernels.isa.amx import AMX
from charlstm.kernels.isa.instruction_set import NR
from charlstm.kernels.layout import WIDEST_VECTOR

HASWELL = {"sse2", "avx", "avx2", "fma"}
SKYLAKE = HASWELL | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
COOPERLAKE = SKYLAKE | {"avx512bf16"}
SAPPHIRE_RAPIDS = COOPERLAKE | {"amx-tile", "amx-bf16", "amx-int8"}
X86, ARM, MAC = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "arm64-apple-darwin23.1.0"


@pytest.fixture
def pretend(monkeypatch):
    """Pretend to run on another processor; the operating system allows everything."""
    monkeypatch.delenv(ISA_VARIABLE, raising=False)

    def pretend(triple=X86, features=(), *, may_use_tiles=True):
        available_instruction_sets.cache_clear()
        has = dict.fromkeys(SAPPHIRE_RAPIDS, False) | dict.fromkeys(features, True)
        monkeypatch.setattr(binding, "get_process_triple", lambda: triple)
        monkeypatch.setattr(binding, "get_host_cpu_features", lambda: has)
        monkeypatch.setattr(isa_module, "_may_use_tiles", lambda: may_use_tiles)

    yield pretend
    monkeypatch.undo()
    available_instruction_sets.cache_clear()


@pytest.mark.parametrize(
    ("triple", "features", "expected"),
    [
        (X86, {"sse2"}, ["portable"]),
        (X86, {"sse2", "avx"}, ["portable"]),
        (X86, HASWELL - {"fma"}, ["portable"]),
        (X86, HASWELL, ["portable", "avx2"]),
        (X86, SKYLAKE - {"avx512vl"}, ["portable", "avx2"]),
        (X86, SKYLAKE, ["portable", "avx2", "avx512"]),
        (X86, COOPERLAKE, ["portable", "avx2", "avx512", "avx512_bf16"]),
        (X86, SAPPHIRE_RAPIDS - {"amx-bf16"}, ["portable", "avx2", "avx512", "avx512_bf16"]),
        (X86, SAPPHIRE_RAPIDS, ["portable", "avx2", "avx512", "avx512_bf16", "amx"]),
        (ARM, {"neon"}, ["portable", "neon"]),
        (MAC, {"neon"}, ["portable", "neon"]),
        ("riscv64-unknown-linux-gnu", set(), ["portable"]),
    ],
)
def test_a_processor_has_what_its_features_say(pretend, triple, features, expected):
    pretend(triple, features)
    assert list(available_instruction_sets()) == expected
    assert chosen_instruction_set().name == expected[-1]


def test_tiles_need_the_leave_of_the_operating_system(pretend):
    pretend(features=SAPPHIRE_RAPIDS, may_use_tiles=False)
    assert chosen_instruction_set().name == "avx512_bf16"


def test_only_linux_is_asked_for_tiles(monkeypatch):
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert not isa_module._may_use_tiles()


@pytest.mark.parametrize("name", ["portable", "avx2", "avx512"])
def test_the_variable_chooses_one_that_the_processor_has(pretend, monkeypatch, name):
    pretend(features=SAPPHIRE_RAPIDS)
    monkeypatch.setenv(ISA_VARIABLE, name)
    assert chosen_instruction_set().name == name


def test_an_empty_variable_chooses_nothing(pretend, monkeypatch):
    pretend(features=HASWELL)
    monkeypatch.setenv(ISA_VARIABLE, "")
    assert chosen_instruction_set().name == "avx2"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("amx", "this processor does not have it"),
        ("neon", "this processor does not have it"),
        ("avx3", "there is no such instruction set"),
        ("AVX2", "there is no such instruction set"),
        ("\x1b[31m", "there is no such instruction set"),
    ],
)
def test_the_variable_must_name_one_that_the_processor_has(pretend, monkeypatch, name, problem):
    pretend(features=SKYLAKE)
    monkeypatch.setenv(ISA_VARIABLE, name)
    with pytest.raises(SettingError) as error:
        chosen_instruction_set()
    assert str(error.value).startswith("CHARLSTM_ISA is ")
    assert str(error.value).endswith(problem)
    assert error.value.hint == "give one of portable, avx2, avx512"
    assert "\x1b" not in str(error.value)


def test_this_machine_has_at_least_the_portable_one():
    available = available_instruction_sets()
    assert next(iter(available)) == "portable"
    assert all(available[name].name == name for name in available)


def test_faster_ones_require_what_slower_ones_do():
    x86 = [isa for isa in INSTRUCTION_SETS if isa.architecture == "x86_64"]
    avx512 = [isa for isa in x86 if "avx512f" in isa.required]
    assert all(a.required < b.required for a, b in pairwise(avx512))
    names = [isa.name for isa in INSTRUCTION_SETS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("isa", INSTRUCTION_SETS, ids=lambda isa: isa.name)
def test_tiles_and_vectors_fit_the_panels_and_the_padding(isa):
    assert NR % isa.lanes == 0
    assert WIDEST_VECTOR % isa.lanes == 0
    assert isa.products[0].precision == "float32"
    for product in isa.products:
        smallest = product.tile_rows[-1]
        assert sorted(product.tile_rows, reverse=True) == list(product.tile_rows)
        assert smallest == product.row_multiple  # so that every padded number of rows is made of tiles
        assert product.few_rows == smallest
        assert NR % product.k_multiple == 0  # operands are padded to whole panels
        assert product.k_multiple % product.k_unroll == 0


@pytest.mark.parametrize("isa", INSTRUCTION_SETS, ids=lambda isa: isa.name)
def test_without_instructions_for_a_precision_float32_is_used(isa):
    assert isa.product("float32").precision == "float32"
    has_bf16 = any(product.precision == "bfloat16" for product in isa.products)
    assert isa.product("bfloat16").precision == ("bfloat16" if has_bf16 else "float32")


def test_registers_hold_the_tiles_of_vectors():
    """Sums, the smaller side of operands and weights, and one of the other; AMX has tiles of its own."""
    registers = {"portable": 16, "neon": 32, "avx2": 16, "avx512": 32, "avx512_bf16": 32}
    for isa in INSTRUCTION_SETS:
        for product in isa.products if isa is not AMX else ():
            vectors = NR // isa.lanes
            tiles = [(rows, vectors) for rows in product.tile_rows]
            for rows, columns in [*tiles, (product.few_rows, product.panels_of_few_rows * vectors)]:
                assert rows * columns + min(rows, columns) + 1 <= registers[isa.name], (isa.name, product.precision)
            assert 1 in product.tile_rows

"""What other packages import from the kernels."""

import subprocess
import sys

import pytest

import charlstm.kernels


def test_all_names_can_be_imported():
    assert all(callable(getattr(charlstm.kernels, name)) for name in charlstm.kernels.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'gemm_of_two'"):
        _ = charlstm.kernels.gemm_of_two


def test_importing_the_package_does_not_load_the_compiler():
    code = "import sys, charlstm.kernels; print('llvmlite' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"

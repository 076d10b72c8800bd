"""Overfitting and plateaus in learning curves."""

import math
import random

import pytest

from charlstm.analysis.learning_curve import OVERFITTING, PLATEAU, Diagnosis, diagnose

FALLING = [1 + 2 * math.exp(-index / 8) for index in range(24)]


@pytest.mark.parametrize(
    ("train", "validation", "expected"),
    [
        ([], [], None),
        ([1.0], [1.0], None),
        (FALLING, FALLING, None),
        (FALLING, FALLING[:10] + [FALLING[9] * 1.01**n for n in range(1, 15)], Diagnosis(OVERFITTING, 9)),
        (FALLING, FALLING[:22] + [FALLING[20]] * 2, None),  # two evaluations are too few
        (FALLING, FALLING[:12] + [FALLING[11] * 1.001] * 12, Diagnosis(PLATEAU, 11)),
        ([2.0] * 24, FALLING[:10] + [FALLING[9] * 1.05] * 14, Diagnosis(PLATEAU, 9)),  # training does not fall
        ([1.0] * 4, [1.0] * 4, None),  # four evaluations are too few
    ],
)
def test_diagnosis(train, validation, expected):
    assert diagnose(train, validation) == expected


def test_noise_on_an_improving_run_is_no_finding():
    rng = random.Random(3)
    validation = [nats * (1 + rng.uniform(-0.01, 0.01)) for nats in FALLING]
    assert diagnose(FALLING, validation) is None

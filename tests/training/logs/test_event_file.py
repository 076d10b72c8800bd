"""The bytes of event files, against published checksums and TensorFlow's own reader."""

import pytest

from charlstm.training.logs.event_file import crc32c, record


@pytest.mark.parametrize(
    ("content", "checksum"),
    [  # RFC 3720, appendix B.4, and the check value of the polynomial
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (b"123456789", 0xE3069283),
    ],
)
def test_checksums(content, checksum):
    assert crc32c(content) == checksum


@pytest.mark.tensorflow
def test_tensorflow_reads_the_records(tmp_path):
    import tensorflow as tf

    contents = [b"", b"one", bytes(range(256)) * 300]
    (tmp_path / "records").write_bytes(b"".join(map(record, contents)))
    assert list(tf.data.TFRecordDataset(str(tmp_path / "records")).as_numpy_iterator()) == contents

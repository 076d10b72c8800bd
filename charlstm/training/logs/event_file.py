"""The binary form of TensorBoard's event files: records with checksums, and the hyper-parameters' own message.

TensorFlow's writer names a new file for each process and cannot continue one; these bytes can be appended to any.
"""

import struct
from collections.abc import Mapping
from functools import cache
from typing import Any

POLYNOMIAL = 0x82F63B78  # Castagnoli's, reversed (RFC 3720, appendix B.4)
MASK_DELTA = 0xA282EAD8
SESSION_START = 3  # the numbers of fields in tensorboard/plugins/hparams/plugin_data.proto and api.proto
HPARAMS, START_TIME = 1, 5
KEY, VALUE = 1, 2  # of an entry of a map


def record(content: bytes) -> bytes:
    """Return a record of TensorFlow's TFRecord format: the length, its checksum, the content, its checksum.

    Numbers are little-endian: https://www.tensorflow.org/tutorials/load_data/tfrecord#tfrecords_format_details
    """
    length = struct.pack("<Q", len(content))
    checksums = [struct.pack("<I", masked_crc32c(part)) for part in (length, content)]
    return length + checksums[0] + content + checksums[1]


def masked_crc32c(content: bytes) -> int:
    """Return the checksum of a record: rotated, and shifted by a constant."""
    checksum = crc32c(content)
    return ((checksum >> 15 | checksum << 17) + MASK_DELTA) & 0xFFFFFFFF


def crc32c(content: bytes) -> int:
    """Return the cyclic redundancy check with Castagnoli's polynomial."""
    table, checksum = _table(), 0xFFFFFFFF
    for byte in content:
        checksum = table[(checksum ^ byte) & 0xFF] ^ checksum >> 8
    return checksum ^ 0xFFFFFFFF


def hparams_content(hyper_parameters: Mapping[str, Any], *, started: float) -> bytes:
    """Return the message HParamsPluginData of a session that started at a Unix time, in protobuf's wire format.

    Its classes are part of the package tensorboard, which need not be installed where a run is trained.
    """
    from google.protobuf.struct_pb2 import Value

    entries = b""
    for name, value in hyper_parameters.items():
        match value:
            case bool():
                message = Value(bool_value=value)
            case int() | float():
                message = Value(number_value=value)
            case _:
                message = Value(string_value=str(value))
        entries += _field(HPARAMS, _field(KEY, name.encode()) + _field(VALUE, message.SerializeToString()))
    start_time = bytes([START_TIME << 3 | 1]) + struct.pack("<d", started)  # wire type 1: 64 bits
    return _field(SESSION_START, entries + start_time)


def _field(number: int, content: bytes) -> bytes:
    """Return a field of wire type 2: its key, its length, its content."""
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Return a number in groups of 7 bits, the lowest first; the high bit says that another one follows."""
    groups = bytearray()
    while number > 0x7F:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


@cache
def _table() -> list[int]:
    table = []
    for byte in range(256):
        checksum = byte
        for _ in range(8):
            checksum = checksum >> 1 ^ (POLYNOMIAL if checksum & 1 else 0)
        table.append(checksum)
    return table

"""Let a listening socket answer at one address only.

TensorFlow's server listens on all addresses of a machine, and its users can do whatever the process can. On Linux a
filter (https://docs.kernel.org/networking/filter.html) on its socket drops what comes in at any other address.
"""

import contextlib
import ctypes
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterator

SO_ATTACH_FILTER = 26
NETWORK_HEADER = -0x100000  # SKF_NET_OFF: offsets from here are in the IP header
DESTINATIONS = {4: 16, 6: 24}  # offset of the address that a packet was sent to, by version of IP
LOAD_BYTE, LOAD_WORD, SHIFT_RIGHT, JUMP_IF_EQUAL, RETURN = 0x30, 0x20, 0x74, 0x15, 0x06
KEEP, DROP = 0xFFFFFFFF, 0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Instruction = tuple[int, int, int, int]  # code, instructions to skip if true and if false, operand


def answer_only_at(host: str, port: int) -> bool:
    """Let this process's sockets that listen on a port drop what is not for an address of `host`.

    Returns whether that succeeded: it is possible on Linux only, and not where `host` is an address of another machine
    that passes on what it gets.
    """
    addresses = _own_addresses(host, port)
    if not (addresses and sys.platform.startswith("linux")):
        return False
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in _program(addresses))
    buffer = ctypes.create_string_buffer(code)
    filter_program = struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer))
    sockets = list(_listening_sockets(port))
    try:
        for listener in sockets:
            listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filter_program)
    except OSError:  # a kernel without filters
        return False
    finally:
        for listener in sockets:
            listener.close()  # a duplicate
    return bool(sockets)


def _own_addresses(host: str, port: int) -> list[Address]:
    """Return the addresses of a host that belong to this machine."""
    addresses = list[Address]()
    try:
        for family, kind, _, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with contextlib.suppress(OSError), socket.socket(family, kind) as probe:
                probe.bind((where[0], 0))
                addresses.append(ipaddress.ip_address(where[0]))
    except OSError:  # an unknown host
        return []
    return addresses


def _program(addresses: list[Address]) -> list[Instruction]:
    """Return a filter that keeps a packet if it was sent to one of the addresses."""
    program: list[Instruction] = []
    for address in addresses:
        words = struct.unpack(f">{len(address.packed) // 4}I", address.packed)
        start = NETWORK_HEADER + DESTINATIONS[address.version]
        to_next = 2 * len(words) + 1  # instructions, after the check of the version
        program += [(LOAD_BYTE, 0, 0, NETWORK_HEADER & KEEP), (SHIFT_RIGHT, 0, 0, 4)]
        program += [(JUMP_IF_EQUAL, 0, to_next, address.version)]
        for index, word in enumerate(words):
            program += [(LOAD_WORD, 0, 0, (start + 4 * index) & KEEP)]
            program += [(JUMP_IF_EQUAL, 0, to_next - 2 * (index + 1), word)]
        program += [(RETURN, 0, 0, KEEP)]
    return [*program, (RETURN, 0, 0, DROP)]


def _listening_sockets(port: int) -> Iterator[socket.socket]:
    """Yield duplicates of this process's TCP sockets that listen on a port."""
    for name in os.listdir("/proc/self/fd"):
        try:
            found = socket.socket(fileno=os.dup(int(name)))
        except OSError:  # no socket, or closed meanwhile
            continue
        is_internet = found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM
        if is_internet and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and found.getsockname()[1] == port:
            yield found
        else:
            found.close()

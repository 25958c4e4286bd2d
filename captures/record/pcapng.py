"""Takes out of a pcapng file what it says about the machine that made it."""

import struct

SECTION, INTERFACE = 0x0A0D0D0A, 0x00000001
FIXED = {SECTION: 16, INTERFACE: 8}  # bytes of a block's body before its options
MACHINE = {SECTION: {2, 3}, INTERFACE: {12}}  # shb_hardware, shb_os; if_os


def without_machine(file: bytes) -> bytes:
    """The same capture without the names of hardware and kernel. Little-endian files only."""
    done, at = [], 0
    while at < len(file):
        kind, length = struct.unpack_from("<II", file, at)
        body = file[at + 8:at + length - 4]
        if kind in FIXED:
            fixed = FIXED[kind]
            body = body[:fixed] + _options(body[fixed:], without=MACHINE[kind])
        total = len(body) + 12
        done.append(struct.pack("<II", kind, total) + body + struct.pack("<I", total))
        at += length
    return b"".join(done)


def _options(options: bytes, without: set[int]) -> bytes:
    kept, at = b"", 0
    while at + 4 <= len(options):
        code, length = struct.unpack_from("<HH", options, at)
        end = at + 4 + (length + 3) // 4 * 4
        if code not in without:
            kept += options[at:end]
        at = end
    return kept

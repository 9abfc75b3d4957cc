# SPDX-License-Identifier: Apache-2.0
"""Files of frames for net_pcap devices: they send the same ones again and again, without a generator on another CPU."""

import struct

from .load import IPS, MACS, UDP_PORT

FIRST_PORT = 1024
# What pcap readers expect first: magic, version, time zone, precision, longest frame, Ethernet.
HEADER = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)


def write(path, sender, receiver, flows, size):
    """A file of UDP frames of SIZE bytes from one guest to another, both by number, one for each flow. What a server
    sends, a guest with an odd number, is the replies to what its client sends."""
    with open(path, "wb") as file:
        file.write(HEADER)
        for port in range(FIRST_PORT, FIRST_PORT + flows):
            ports = (UDP_PORT, port) if sender % 2 else (port, UDP_PORT)
            frame = _frame(sender, receiver, ports, size)
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def _frame(sender, receiver, ports, size):
    payload = bytes(size - 14 - 20 - 8)
    udp = struct.pack("!4H", *ports, 8 + len(payload), 0) + payload
    ip = bytearray(struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + _ip(sender) + _ip(receiver))
    ip[10:12] = _checksum(ip)
    return _mac(receiver) + _mac(sender) + b"\x08\x00" + bytes(ip) + udp


def _mac(guest):
    return bytes.fromhex(MACS[guest].replace(":", ""))


def _ip(guest):
    return bytes(int(part) for part in IPS[guest].split("."))


def _checksum(header):
    """The Internet checksum of a header (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!H", ~total & 0xffff)

# SPDX-License-Identifier: Apache-2.0
"""A packed virtqueue (virtio 1.2, 2.8) of a front-end, as vhost_frontend.Ring is a split one.

    ring:    descriptors (16 B each) | event area of the driver | event area of the device

Positions are as the vhost-user protocol has them: a slot, and the wrap counter there in bit 15.
"""

import os
import struct

AVAILABLE, USED = 1 << 7, 1 << 15
WRAP = 0x8000
EVENTS_DISABLED = 1
DESC_NEXT, DESC_WRITE, DESC_INDIRECT = 1, 2, 4

BAD_PACKED = (
    "bad_address",
    "huge_length",
    "loop",
    "bad_id",
    "zero_length",
    "short_header",
    "crosses_end",
    "wraparound",
    "indirect_bad_table",
    "indirect_nested",
    "indirect_in_chain",
    "all_available",
    "rx_bad_address",
    "rx_loop",
    "rx_zero_length",
)


def nonsense_of(name, ring, base, end, header):
    """What no driver would post: the (address, length, flags) of a chain, and its id. END is where memory that begins at
    BASE does."""
    good = base + ring.buffer(7)
    kinds = {
        "bad_address": [(1 << 60, 64, 0)],
        "huge_length": [(good, 0xFFFFFFFF, 0)],
        "loop": [(good, 64, DESC_NEXT)] * ring.size,
        "bad_id": [(good, 0, 0)],
        "zero_length": [(good, 0, 0)],
        "short_header": [(good, header - 1, 0)],
        "crosses_end": [(end - 32, 4096, 0)],
        "wraparound": [((1 << 64) - 32, 4096, 0)],
        "indirect_bad_table": [(1 << 60, 4096, DESC_INDIRECT)],
        # A table that lies in the ring: what is in it are addresses of the ring's own entries' making.
        "indirect_nested": [(base + ring.offset, 16 * ring.size, DESC_INDIRECT)],
        "indirect_in_chain": [(good, 64, DESC_INDIRECT | DESC_NEXT), (good, 64, 0)],
        "all_available": [(good, 8, 0)] * ring.size,
    }
    return kinds[name], 0xFFFF if name == "bad_id" else 7


class PackedRing:
    """One packed virtqueue and the buffers it hands out, in the memory of a front-end."""

    def __init__(self, memory, index, ring_offset, buffer_offset, size, buffer_bytes):
        self.memory, self.index = memory, index
        # For flags, which the other side reads at any time: struct clears the place first, then writes bytes.
        self.words = memoryview(memory).cast("H")
        self.offset, self.buffers = ring_offset, buffer_offset
        self.size, self.buffer_bytes = size, buffer_bytes
        self.available = ring_offset + 16 * size
        self.used = self.available + 4
        self.next_available = self.last_used = WRAP
        self.free = list(range(size))
        self.chains = {}  # by id: the buffers
        self.kick, self.call = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)

    def step(self, position, n):
        slot = (position & WRAP - 1) + n
        return (slot % self.size) | (position & WRAP) ^ (WRAP if slot >= self.size else 0)

    def describe(self, position, address, length, identity, flags):
        """Writes a descriptor but for its flags; returns where these go and what they are."""
        at = self.offset + 16 * (position & WRAP - 1)
        struct.pack_into("<QIH", self.memory, at, address & (1 << 64) - 1, length, identity)
        return at // 2 + 7, flags | (AVAILABLE if position & WRAP else USED)

    def buffer(self, i):
        """Offset of the i-th buffer in the memory."""
        return self.buffers + i * self.buffer_bytes

    def post_descriptors(self, descriptors, identity):
        """Makes a chain of (address, length, flags) available, its first descriptor last."""
        places = [self.describe(self.step(self.next_available, n), address, length, identity, flags)
                  for n, (address, length, flags) in enumerate(descriptors)]
        for place, flags in reversed(places):
            self.words[place] = flags
        self.next_available = self.step(self.next_available, len(descriptors))
        if self.words[self.used // 2 + 1] != EVENTS_DISABLED:
            os.eventfd_write(self.kick, 1)

    def post(self, chain, base, flags):
        """Makes a buffer of several (i-th buffer, length) available. BASE is the guest's address of the memory."""
        last = len(chain) - 1
        self.chains[chain[0][0]] = [i for i, _ in chain]
        self.post_descriptors([(base + self.buffer(i), length, flags | (n != last))
                               for n, (i, length) in enumerate(chain)], chain[0][0])

    def post_bad(self, nonsense, receiving):
        """Makes a chain available whatever is in the ring. When RECEIVING, in the place of the buffers that are on offer,
        so that the next frame meets it."""
        chain, identity = nonsense
        if receiving:
            self.next_available = self.last_used
            chain = (chain * self.size)[:self.size]
        self.post_descriptors([(address, length, flags | (DESC_WRITE if receiving else 0))
                               for address, length, flags in chain], identity)

    def take_used(self):
        """The next (id, length) that the other side is done with, or None. It is the first of the chain's buffers."""
        at = self.offset + 16 * (self.last_used & WRAP - 1)
        done = AVAILABLE | USED
        if self.words[at // 2 + 7] & done != (done if self.last_used & WRAP else 0):
            return None
        length, identity = struct.unpack_from("<IH", self.memory, at + 8)
        self.last_used = self.step(self.last_used, len(self.chains[identity]))
        return identity, length

    def release(self, identity):
        """The buffers of a chain that was used."""
        return self.chains.pop(identity)

    def close(self):
        self.words.release()
        os.close(self.kick)
        os.close(self.call)

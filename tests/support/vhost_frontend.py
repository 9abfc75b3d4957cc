# SPDX-License-Identifier: Apache-2.0
"""A vhost-user front-end: what QEMU is to a vhost-user port, without a guest.

It speaks the vhost-user protocol over a unix socket, owns the "guest memory" (a memfd) and works the virtqueues in it,
split ones or packed ones (vhost_packed.py), as a guest's virtio-net driver would, or as a hostile one would.

    memory:  | ring 0 | ring 1 | ... | buffers of ring 0 | buffers of ring 1 | ...
    ring:    descriptors (16 B each) | available ring | used ring      (virtio 1.2, 2.7)

Ring 2q is the guest's receive ring of queue pair q, ring 2q+1 its transmit ring.

Run as a program it is the far side of a unit test:

    vhost_frontend.py echo client|server PATH [QUEUES]    sends every frame back, until its standard input ends
    vhost_frontend.py packed client|server PATH [QUEUES]  as echo, with packed rings
    vhost_frontend.py offload client|server PATH          as echo, as a guest that takes all offloads: the header of each
                                                          frame goes back with it
    vhost_frontend.py hostile client|server PATH          one connection for each kind of nonsense, then as echo
"""

import array
import mmap
import os
import select
import socket
import struct
import sys
import time

from vhost_packed import BAD_PACKED, PackedRing, nonsense_of

# Requests of the vhost-user protocol.
GET_FEATURES, SET_FEATURES, SET_OWNER = 1, 2, 3
SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 5, 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL = 12, 13
GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE = 15, 16, 17, 18
VERSION, REPLY, NEED_REPLY = 1, 4, 8

F_MRG_RXBUF, F_MQ, F_INDIRECT, F_PROTOCOL, F_VERSION_1 = 1 << 15, 1 << 22, 1 << 28, 1 << 30, 1 << 32
F_PACKED = 1 << 34
# CSUM, GUEST_CSUM, and TSO4, TSO6 and ECN of guest and host.
OFFLOADS = sum(1 << bit for bit in (0, 1, 7, 8, 9, 11, 12, 13))
PROTOCOL_MQ, PROTOCOL_REPLY_ACK = 1 << 0, 1 << 3

DESC_NEXT, DESC_WRITE, DESC_INDIRECT = 1, 2, 4
USED_NO_NOTIFY = 1
NET_HEADER = 12  # struct virtio_net_hdr_v1

RING_SIZE = 256
RING_BYTES = 16384
BUFFER_BYTES = 2048
GUEST_BASE = 0x100000  # guest physical address of the memory
USER_BASE = 0x7F1200000000  # what we pretend our own address of it is

BAD_DESCRIPTORS = (
    "bad_address",
    "huge_length",
    "loop",
    "bad_next",
    "bad_head",
    "zero_length",
    "short_header",
    "crosses_end",
    "wraparound",
    "indirect_bad_table",
    "indirect_nested",
    "available_jump",
    "long_chain",
    "rx_bad_address",
    "rx_loop",
    "rx_zero_length",
    "rx_bad_head",
    "rx_available_jump",
)
BAD_RINGS = ("ring_outside", "ring_crosses_end", "ring_misaligned", "ring_size_zero", "ring_size_odd", "ring_size_huge",
             "ring_index_beyond")
BAD_MESSAGES = ("memory_without_fd", "memory_many_regions", "memory_too_large", "truncated", "unknown_request",
                "oversized")


class Ring:
    """One split virtqueue and the buffers it hands out, in the memory of a front-end."""

    def __init__(self, memory, index, ring_offset, buffer_offset):
        self.memory, self.index = memory, index
        # For the indices, which the other side reads at any time: struct clears the place first, then writes bytes.
        self.words = memoryview(memory).cast("H")
        self.offset, self.buffers = ring_offset, buffer_offset
        self.available = ring_offset + 16 * RING_SIZE
        self.used = (self.available + 4 + 2 * RING_SIZE + 2 + 63) & ~63
        self.next_available = 0
        self.last_used = 0
        self.free = list(range(RING_SIZE))
        self.kick, self.call = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)

    def describe(self, i, address, length, flags, following=0):
        struct.pack_into("<QIHH", self.memory, self.offset + 16 * i, address & (1 << 64) - 1, length, flags, following)

    def buffer(self, i):
        """Offset of the i-th buffer in the memory."""
        return self.buffers + i * BUFFER_BYTES

    def publish(self, head, by=1):
        """Makes the chain that starts at 'head' available; 'by' is how far the index moves."""
        struct.pack_into("<H", self.memory, self.available + 4 + 2 * (self.next_available % RING_SIZE), head)
        self.next_available = (self.next_available + by) & 0xFFFF
        self.words[self.available // 2 + 1] = self.next_available
        if not struct.unpack_from("<H", self.memory, self.used)[0] & USED_NO_NOTIFY:
            os.eventfd_write(self.kick, 1)

    def post(self, chain, base, flags):
        """Makes a buffer of several (descriptor and its buffer, length) available. BASE is the guest's address of the
        memory."""
        following = [i for i, _ in chain[1:]]
        for n, (i, length) in enumerate(chain):
            more = n < len(following)
            self.describe(i, base + self.buffer(i), length, flags | (DESC_NEXT if more else 0),
                          following[n] if more else 0)
        self.publish(chain[0][0])

    def release(self, i):
        """The descriptors of a chain that was used."""
        chain = [i]
        while True:
            _, _, flags, following = struct.unpack_from("<QIHH", self.memory, self.offset + 16 * chain[-1])
            if not flags & DESC_NEXT:
                return chain
            chain.append(following)

    def take_used(self):
        """The next (head, length) that the other side is done with, or None."""
        if self.words[self.used // 2 + 1] == self.last_used & 0xFFFF:
            return None
        head, length = struct.unpack_from("<II", self.memory, self.used + 4 + 8 * (self.last_used % RING_SIZE))
        self.last_used += 1
        return head, length

    def close(self):
        self.words.release()
        os.close(self.kick)
        os.close(self.call)


class Frontend:
    """A connection to a vhost-user port. 'server': listen at 'path' for the port (QEMU's side of dpdkvhostuserclient);
    otherwise connect to it. Waits up to 'timeout' seconds for the other side."""

    def __init__(self, path, server=False, queues=1, timeout=10.0, start=True, offloads=0, packed=False):
        self.path, self.queues, self.timeout, self.offloads = path, queues, timeout, offloads
        self.packed = packed
        self.header = bytes(NET_HEADER)  # of the frame received last
        self.listener = None
        self.socket = None
        self.rings = []
        self.next_queue = 0
        self.size = 2 * queues * (RING_BYTES + RING_SIZE * BUFFER_BYTES)
        self.memory_fd = os.memfd_create("guest")
        os.ftruncate(self.memory_fd, self.size)
        self.memory = mmap.mmap(self.memory_fd, self.size)
        try:
            if server:
                self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                self.listener.bind(path)
                self.listener.listen(1)
            if start:
                self.start()
        except BaseException:
            self.close()
            raise

    # Connection.

    def start(self):
        """Waits for the connection, then does what QEMU does when a guest's driver is ready."""
        self.connect()
        self.negotiate()
        self.share_memory()
        for index in range(2 * self.queues):
            self.add_ring(index)
        for ring in self.rings:
            self.start_ring(ring)
            if ring.index % 2 == 0:
                for i in range(RING_SIZE):
                    self.offer(ring, i)
        for ring in self.rings:
            self.enable(ring, True)

    def connect(self):
        if self.listener is not None:
            self.listener.settimeout(self.timeout)
            self.socket = self.listener.accept()[0]
        else:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.socket.connect(self.path)
        self.socket.settimeout(self.timeout)

    def negotiate(self):
        self.offered = self.ask(GET_FEATURES)
        wanted = F_VERSION_1 | F_MRG_RXBUF | F_PROTOCOL | F_INDIRECT | (F_MQ if self.queues > 1 else 0) | self.offloads
        wanted |= F_PACKED if self.packed else 0
        if self.offered & wanted != wanted:
            raise RuntimeError("features missing: offered %#x, wanted %#x" % (self.offered, wanted))
        protocol = self.ask(GET_PROTOCOL_FEATURES) & (PROTOCOL_MQ | PROTOCOL_REPLY_ACK)
        self.tell(SET_PROTOCOL_FEATURES, struct.pack("<Q", protocol), acknowledged=False)
        self.tell(SET_OWNER)
        self.tell(SET_FEATURES, struct.pack("<Q", wanted))

    def share_memory(self):
        region = struct.pack("<IIQQQQ", 1, 0, GUEST_BASE, self.size, USER_BASE, 0)
        self.tell(SET_MEM_TABLE, region, [self.memory_fd])

    def add_ring(self, index):
        buffers = 2 * self.queues * RING_BYTES + index * RING_SIZE * BUFFER_BYTES
        if self.packed:
            ring = PackedRing(self.memory, index, index * RING_BYTES, buffers, RING_SIZE, BUFFER_BYTES)
        else:
            ring = Ring(self.memory, index, index * RING_BYTES, buffers)
        self.rings.append(ring)

    def start_ring(self, ring):
        self.tell(SET_VRING_NUM, struct.pack("<II", ring.index, RING_SIZE))
        self.tell(SET_VRING_BASE, struct.pack("<II", ring.index, ring.next_available))
        self.set_addresses(ring, ring.offset, ring.used, ring.available)
        self.tell(SET_VRING_KICK, struct.pack("<Q", ring.index), [ring.kick])
        self.tell(SET_VRING_CALL, struct.pack("<Q", ring.index), [ring.call])

    def set_addresses(self, ring, descriptors, used, available):
        self.tell(SET_VRING_ADDR, struct.pack("<IIQQQQ", ring.index, 0, USER_BASE + descriptors, USER_BASE + used,
                                              USER_BASE + available, 0))

    def enable(self, ring, on):
        self.tell(SET_VRING_ENABLE, struct.pack("<II", ring.index, int(on)))

    def stop_ring(self, ring):
        """Stops a ring as a guest's reset does. Returns the index the other side stopped at."""
        return self.ask(GET_VRING_BASE, struct.pack("<II", ring.index, 0)) >> 32

    def message(self, request, payload=b"", fds=(), flags=VERSION):
        header = struct.pack("<III", request, flags, len(payload))
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([header + payload], ancillary)

    def tell(self, request, payload=b"", fds=(), acknowledged=True):
        """Sends a request; with 'acknowledged', returns when the other side has done it."""
        self.message(request, payload, fds, VERSION | (NEED_REPLY if acknowledged and request != SET_OWNER else 0))
        if acknowledged and request != SET_OWNER and self.reply(request) != 0:
            raise RuntimeError("request %d was refused" % request)

    def ask(self, request, payload=b""):
        self.message(request, payload)
        return self.reply(request)

    def reply(self, request):
        answered, _, size = struct.unpack("<III", self.receive_exactly(12))
        payload = self.receive_exactly(size)
        if answered != request:
            raise RuntimeError("reply to %d instead of %d" % (answered, request))
        return struct.unpack_from("<Q", payload)[0]

    def receive_exactly(self, n):
        data = b""
        while len(data) < n:
            piece = self.socket.recv(n - len(data))
            if not piece:
                raise ConnectionError("connection closed")
            data += piece
        return data

    # Frames.

    def offer(self, ring, i):
        """Gives the i-th receive buffer to the other side."""
        ring.post([(i, BUFFER_BYTES)], GUEST_BASE, DESC_WRITE)

    def send(self, frame, queue=0, header=bytes(NET_HEADER)):
        """Sends a frame as the guest would: a chain of a header and as many buffers as it takes."""
        ring = self.rings[2 * queue + 1]
        deadline = time.monotonic() + self.timeout
        data = header + frame
        pieces = [data[at:at + BUFFER_BYTES] for at in range(0, len(data), BUFFER_BYTES)]
        self.reclaim(ring)
        while len(ring.free) < len(pieces):
            if time.monotonic() > deadline:
                raise TimeoutError("the other side takes no frames")
            self.reclaim(ring)
        chain = [(ring.free.pop(), len(piece)) for piece in pieces]
        for (i, length), piece in zip(chain, pieces):
            self.memory[ring.buffer(i):ring.buffer(i) + length] = piece
        ring.post(chain, GUEST_BASE, 0)

    def reclaim(self, ring):
        """Takes back the descriptors of frames that were sent."""
        while (done := ring.take_used()) is not None:
            ring.free.extend(ring.release(done[0]))

    def receive_now(self, queue=0):
        """The next frame on a queue pair, or None."""
        ring = self.rings[2 * queue]
        done = ring.take_used()
        if done is None:
            return None
        head, length = done
        n_buffers = struct.unpack_from("<H", self.memory, ring.buffer(head) + 10)[0]
        self.header = self.memory[ring.buffer(head):ring.buffer(head) + NET_HEADER]
        frame = self.memory[ring.buffer(head) + NET_HEADER:ring.buffer(head) + length]
        self.offer(ring, head)
        for _ in range(n_buffers - 1):
            # The used index covers the whole frame before its first entry shows.
            head, length = ring.take_used()
            frame += self.memory[ring.buffer(head):ring.buffer(head) + length]
            self.offer(ring, head)
        return frame

    def receive(self, timeout=5.0, queue=None):
        """The next frame on the queue pair, or on any when 'queue' is None; None when none comes in time."""
        deadline = time.monotonic() + timeout
        queues = range(self.queues) if queue is None else [queue]
        while True:
            for q in queues:
                frame = self.receive_now(q)
                if frame is not None:
                    return frame
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            # Its call descriptor says when; the bound is for a call that came between look and wait.
            calls = [self.rings[2 * q].call for q in queues]
            for fd in select.select(calls, [], [], min(left, 0.05))[0]:
                os.eventfd_read(fd)

    # Nonsense.

    def post_bad_descriptor(self, kind, queue=0):
        """Makes a chain available that no driver would: one of BAD_DESCRIPTORS."""
        receiving = kind.startswith("rx_")
        ring = self.rings[2 * queue + (0 if receiving else 1)]
        name = kind[3:] if receiving else kind
        if self.packed:
            ring.post_bad(nonsense_of(name, ring, GUEST_BASE, GUEST_BASE + self.size, NET_HEADER), receiving)
            return
        write = DESC_WRITE if receiving else 0
        i = 7
        good = GUEST_BASE + ring.buffer(i)
        end = GUEST_BASE + self.size
        head, by = i, 1
        if name == "bad_address":
            ring.describe(i, 1 << 60, 64, write)
        elif name == "huge_length":
            ring.describe(i, good, 0xFFFFFFFF, write)
        elif name == "loop":
            ring.describe(i, good, 64, write | DESC_NEXT, i)
        elif name == "bad_next":
            ring.describe(i, good, 64, write | DESC_NEXT, RING_SIZE + 1000)
        elif name == "bad_head":
            head = RING_SIZE + 1000
        elif name == "zero_length":
            ring.describe(i, good, 0, write)
        elif name == "short_header":
            ring.describe(i, good, NET_HEADER - 1, write)
        elif name == "crosses_end":
            ring.describe(i, end - 32, 4096, write)
        elif name == "wraparound":
            ring.describe(i, (1 << 64) - 32, 4096, write)
        elif name == "indirect_bad_table":
            ring.describe(i, 1 << 60, 4096, write | DESC_INDIRECT)
        elif name == "indirect_nested":
            ring.describe(i, GUEST_BASE + ring.offset, 16 * RING_SIZE, write | DESC_INDIRECT)
        elif name == "available_jump":
            ring.describe(i, good, 64, write)
            by = 5 * RING_SIZE
        elif name == "long_chain":
            for n in range(RING_SIZE):
                ring.describe(n, GUEST_BASE + ring.buffer(n), BUFFER_BYTES, DESC_NEXT, (n + 1) % RING_SIZE)
            head = 0
        else:
            raise ValueError(kind)
        if receiving:
            # In the place of the buffers that are on offer, so that the next frame meets it.
            used = struct.unpack_from("<H", self.memory, ring.used + 2)[0]
            for n in range(RING_SIZE):
                struct.pack_into("<H", self.memory, ring.available + 4 + 2 * ((used + n) % RING_SIZE), head)
            by = by if name == "available_jump" else 0
        ring.publish(head, by)

    def post_bad_ring(self, kind):
        """Moves a transmit ring to where none can be: one of BAD_RINGS. The other side may refuse or hang up."""
        ring = self.rings[1]
        try:
            if kind == "ring_outside":
                self.set_addresses(ring, 1 << 50, 1 << 50, 1 << 50)
            elif kind == "ring_crosses_end":
                self.set_addresses(ring, self.size - 16, self.size - 16, self.size - 16)
            elif kind == "ring_misaligned":
                self.set_addresses(ring, ring.offset + 1, ring.used + 1, ring.available + 1)
            elif kind == "ring_index_beyond":
                self.tell(SET_VRING_NUM, struct.pack("<II", 5000, RING_SIZE))
            else:
                size = {"ring_size_zero": 0, "ring_size_odd": 300, "ring_size_huge": 1 << 31}[kind]
                self.tell(SET_VRING_NUM, struct.pack("<II", ring.index, size))
            self.enable(ring, True)
        except (ConnectionError, RuntimeError):
            pass

    def send_bad_message(self, kind):
        """Breaks the vhost-user protocol itself: one of BAD_MESSAGES."""
        try:
            if kind == "memory_without_fd":
                self.tell(SET_MEM_TABLE, struct.pack("<IIQQQQ", 1, 0, GUEST_BASE, self.size, USER_BASE, 0))
            elif kind == "memory_many_regions":
                self.tell(SET_MEM_TABLE, struct.pack("<II", 1000, 0), [self.memory_fd])
            elif kind == "memory_too_large":
                region = struct.pack("<IIQQQQ", 1, 0, GUEST_BASE, 1 << 62, USER_BASE, 1 << 61)
                self.tell(SET_MEM_TABLE, region, [self.memory_fd])
            elif kind == "truncated":
                self.socket.sendall(struct.pack("<III", SET_VRING_ADDR, VERSION, 40) + b"half")
                self.socket.shutdown(socket.SHUT_WR)
            elif kind == "unknown_request":
                self.message(9999)
            elif kind == "oversized":
                self.socket.sendall(struct.pack("<III", SET_VRING_NUM, VERSION, 0xFFFFFFFF) + bytes(4096))
            else:
                raise ValueError(kind)
        except (ConnectionError, RuntimeError):
            pass

    def die_in_mid_burst(self):
        """Goes like a QEMU that is killed: with frames on offer that are not written yet, and no good-bye."""
        ring = self.rings[1]
        for i in range(RING_SIZE):
            ring.describe(i, GUEST_BASE + ring.buffer(i), 1500, 0)
            struct.pack_into("<H", self.memory, ring.available + 4 + 2 * i, i)
        struct.pack_into("<H", self.memory, ring.available + 2, (ring.next_available + RING_SIZE) & 0xFFFF)
        self.close()

    def close(self):
        for ring in self.rings:
            ring.close()
        self.rings = []
        for it in (self.socket, self.listener):
            if it is not None:
                it.close()
        if self.listener is not None:
            os.unlink(self.path)
        self.socket = self.listener = None
        if self.memory is not None:
            self.memory.close()
            os.close(self.memory_fd)
        self.memory = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def echo(frontend):
    """Sends every frame back on the queue pair it came from, until standard input ends."""
    with frontend:
        print("ready", flush=True)
        while not select.select([sys.stdin], [], [], 0)[0]:
            frame = frontend.receive(0.2, 0)
            if frame is not None:
                frontend.send(frame, header=frontend.header if frontend.offloads else bytes(NET_HEADER))


def be_hostile(path, server):
    """One connection for each kind of nonsense. After each the port must still be able to talk to the next one."""
    for kind in BAD_DESCRIPTORS + BAD_RINGS + BAD_MESSAGES + ("die",) + tuple("packed " + kind for kind in BAD_PACKED):
        packed, kind = kind.startswith("packed "), kind.removeprefix("packed ")
        frontend = Frontend(path, server, packed=packed)
        print(kind, flush=True)
        if kind in BAD_DESCRIPTORS + BAD_PACKED:
            for _ in range(5):
                frontend.post_bad_descriptor(kind)
            # Gives the port a moment to choke on it, or until it hangs up.
            select.select([frontend.socket], [], [], 0.02)
        elif kind in BAD_RINGS:
            frontend.post_bad_ring(kind)
        elif kind in BAD_MESSAGES:
            frontend.send_bad_message(kind)
        else:
            frontend.die_in_mid_burst()
        frontend.close()


def main():
    mode, side, path = sys.argv[1:4]
    queues = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    server = side == "server"
    if mode == "hostile":
        be_hostile(path, server)
    echo(Frontend(path, server, queues, offloads=OFFLOADS if mode == "offload" else 0,
                  packed=mode == "packed"))


if __name__ == "__main__":
    main()

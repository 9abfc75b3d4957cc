# SPDX-License-Identifier: Apache-2.0
"""A vhost-user front-end that changes its mind all the time: numbered frames go round through its two rings, and in the
midst of them come messages that concern memory, rings and features. Every frame must come back once and in order,
whoever works the rings before and after a message. Frames of others may come between them.

    vhost_interruptions.py client|server PATH split|packed    prints "ready", "done" when all went well, and waits for
                                                              the end of its standard input
"""

import mmap
import os
import struct
import sys
import time

from vhost_frontend import F_INDIRECT, F_MRG_RXBUF, F_PACKED, F_PROTOCOL, F_VERSION_1, GUEST_BASE, SET_FEATURES, SET_MEM_TABLE
from vhost_frontend import SET_PROTOCOL_FEATURES, SET_VRING_CALL, USER_BASE, Frontend

SET_LOG_BASE, SEND_RARP = 6, 19
PROTOCOL_LOG, PROTOCOL_REPLY_ACK = 1 << 1, 1 << 3
F_LOG_ALL, F_EVENT_INDEX = 1 << 26, 1 << 29
FEATURES = F_VERSION_1 | F_MRG_RXBUF | F_PROTOCOL | F_INDIRECT
LOG_BYTES = 1 << 20  # a bit a page: 32 GiB
EXTRA_BASE, EXTRA_BYTES = 0x40000000, 1 << 21
ROUNDS = 20
IN_FLIGHT = 64
OTHERS = b"\x88\xb5"  # Ethernet type of frames that do not come from here
WAIT = 10


class Interrupter(Frontend):
    """Frames in flight and what interrupts them."""

    def __init__(self, path, server, packed):
        self.features = FEATURES | (F_PACKED if packed else 0)
        self.sent = self.received = 0
        self.log_fd = os.memfd_create("log")
        os.ftruncate(self.log_fd, LOG_BYTES)
        self.log = mmap.mmap(self.log_fd, LOG_BYTES)
        self.extra_fd = os.memfd_create("extra")
        os.ftruncate(self.extra_fd, EXTRA_BYTES)
        self.extra = False
        super().__init__(path, server, packed=packed)

    def negotiate(self):
        super().negotiate()
        self.tell(SET_PROTOCOL_FEATURES, struct.pack("<Q", PROTOCOL_LOG | PROTOCOL_REPLY_ACK), acknowledged=False)

    # Frames.

    def emit(self, n):
        for _ in range(n):
            if self.sent - self.received == IN_FLIGHT:
                self.collect(1)
            self.send(struct.pack(">14xQ", self.sent).ljust(60 + self.sent % 3 * 1000, b"."))
            self.sent += 1

    def collect(self, n):
        """Waits for N more frames, which must be the next ones."""
        deadline = time.monotonic() + WAIT
        while n > 0:
            frame = self.receive_now()
            if frame is None:
                if time.monotonic() > deadline:
                    sys.exit(f"frame {self.received} of {self.sent} is missing")
                continue
            if frame[12:14] == OTHERS:
                continue
            number = struct.unpack_from(">14xQ", frame)[0]
            if number != self.received or len(frame) != 60 + number % 3 * 1000:
                sys.exit(f"frame {number} of {len(frame)} bytes instead of {self.received}")
            self.received += 1
            n -= 1

    def settle(self):
        self.collect(self.sent - self.received)

    # Interruptions.

    def change_memory(self):
        """Memory is added or taken away, as QEMU does when it is plugged."""
        self.extra = not self.extra
        regions = struct.pack("<QQQQ", GUEST_BASE, self.size, USER_BASE, 0)
        if self.extra:
            regions += struct.pack("<QQQQ", EXTRA_BASE, EXTRA_BYTES, USER_BASE + (1 << 40), 0)
        fds = [self.memory_fd] + [self.extra_fd] * self.extra
        self.tell(SET_MEM_TABLE, struct.pack("<II", len(fds), 0) + regions, fds)

    def change_call(self):
        for ring in self.rings:
            os.close(ring.call)
            ring.call = os.eventfd(0, os.EFD_NONBLOCK)
            self.tell(SET_VRING_CALL, struct.pack("<Q", ring.index), [ring.call])

    def call_into_a_full_pipe(self):
        """What is meant to wake the guest would put the caller to sleep instead."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.write(writer, bytes(1 << 20))
        os.set_blocking(writer, True)
        for ring in self.rings:
            self.tell(SET_VRING_CALL, struct.pack("<Q", ring.index), [writer])
        self.emit(IN_FLIGHT)
        self.settle()
        self.change_call()
        os.close(reader)
        os.close(writer)

    def disable_and_enable(self):
        for ring in self.rings:
            self.enable(ring, False)
        for ring in self.rings:
            self.enable(ring, True)

    def restart(self):
        """A guest's reset: all rings stop and start where they were."""
        self.settle()
        for ring in self.rings:
            stopped = self.stop_ring(ring)
            # Of the transmit ring all was taken, of the receive ring as many as frames came.
            while ring.index == 0 and self.receive_now() is not None:
                pass
            expected = ring.next_available if ring.index == 1 else ring.last_used & 0xFFFF
            if stopped != expected:
                sys.exit(f"ring {ring.index} stopped at {stopped} instead of {expected}")
            next_available, ring.next_available = ring.next_available, stopped
            self.start_ring(ring)
            ring.next_available = next_available
        for ring in self.rings:
            self.enable(ring, True)

    def set_features(self, features):
        self.tell(SET_FEATURES, struct.pack("<Q", features))

    def migrate_for_a_while(self):
        """Live migration begins, and is given up."""
        self.message(SET_LOG_BASE, struct.pack("<QQ", LOG_BYTES, 0), [self.log_fd])
        request, _, size = struct.unpack("<III", self.receive_exactly(12))
        self.receive_exactly(size)
        if request != SET_LOG_BASE:
            sys.exit(f"reply to {request} instead of {SET_LOG_BASE}")
        self.set_features(self.features | F_LOG_ALL)
        self.log[:] = bytes(LOG_BYTES)
        self.settle()
        self.emit(IN_FLIGHT)
        self.settle()
        if not any(self.log[:]):
            sys.exit("nothing was logged")
        self.emit(IN_FLIGHT // 2)
        self.set_features(self.features)

    def announce(self):
        """A switch behind us learns of the guest; the frame comes out on the other side and not back."""
        self.message(SEND_RARP, bytes.fromhex("02aabbccddee0000"))
        self.ask(1)

    def run(self):
        for _ in range(ROUNDS):
            for interrupt in (self.change_memory, self.change_call, self.call_into_a_full_pipe, self.disable_and_enable,
                              self.restart, self.migrate_for_a_while, self.announce):
                self.emit(IN_FLIGHT)
                interrupt()
                self.emit(IN_FLIGHT)
                self.settle()


def main():
    side, path, layout = sys.argv[1:]
    with Interrupter(path, side == "server", layout == "packed") as frontend:
        print("ready", flush=True)
        frontend.run()
        print("done", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

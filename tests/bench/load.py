# SPDX-License-Identifier: Apache-2.0
"""What sluice-gen is asked to send, and the words that ask for it."""

from dataclasses import dataclass

# The guests; the generator plays the first three at most. Every second one is a server; the third floods the second
# where it takes part.
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03", "02:00:00:00:00:04")
IPS = ("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
PLAYED = 3
UDP_PORT = 5000
# 32768 flows go to each port.
UDP_PORTS = 256
RINGS = {"split": "", "packed": ",packed_vq=1"}
# The faster way of the generator's driver, which is to be faster than the switches; frames of 64 KB need several buffers.
ONE_BUFFER = ",mrg_rxbuf=0"
# The longest that a search takes, in trials; each needs some time beside its load.
TRIALS_MOST = 30
TRIAL_EXTRA_SECONDS = 1.5
# Announcing and opening end by themselves after a while; this is beyond that.
GRACE_SECONDS = 60
# So many flows are opened in a second even when the CPUs have other work.
OPENED_PER_SECOND = 30000


@dataclass(frozen=True)
class Tunnel:
    """The second device is the underlay, where the second guest is behind a tunnel endpoint: addresses of that endpoint
    and of the switch."""
    kind: str
    vni: int
    macs: tuple[str, str]
    ips: tuple[str, str]

    def words(self):
        return [f"--tunnel={self.kind}", f"--vni={self.vni}", f"--outer-mac={','.join(self.macs)}",
                f"--outer-ip={','.join(self.ips)}"]


@dataclass(frozen=True)
class Load:
    """Flows each way (0: every packet opens one, and there are no replies), layout of the rings, size of a frame
    without FCS or "imix", seconds of warm-up and of the measurement, packets a second (0: as many as the rings take).

    FLOOD: SYNs a second from the third guest (None: there is none; 0: as many as its ring takes). ONE_WAY: the only
    direction that is sent (0: from the first guest, None: both). GSO: payload and segment size of TCP frames that
    nobody has cut or summed. SEARCH: percentages of loss whose highest rate is looked for by trials of TRIAL seconds,
    in place of one measurement. NAME: what tables call the workload; X: its place in a picture."""
    flows: int
    rings: str
    size: int | str
    warmup: float
    seconds: float
    pps: float = 0
    flood: float | None = None
    one_way: int | None = None
    tunnel: Tunnel | None = None
    gso: tuple[int, int] | None = None
    latency: bool = False
    search: tuple[float, ...] = ()
    trial: float = 1
    name: str = ""
    x: float | str | None = None

    @property
    def workload(self):
        """What tables call it."""
        return self.name or (f"{self.flows} flow{'s' * (self.flows != 1)}" if self.flows else "new flows")

    @property
    def longest(self):
        """Seconds after which it must have come to its end."""
        searching = TRIALS_MOST * len(self.search) * (self.trial + TRIAL_EXTRA_SECONDS)
        return self.warmup + self.seconds + searching + GRACE_SECONDS + self.flows / OPENED_PER_SECOND

    def devices(self, sockets):
        """The EAL arguments for its virtio-user devices."""
        features = RINGS[self.rings] + (ONE_BUFFER if self.gso is None else "")
        return [word for index, socket in enumerate(sockets[:2 if self.flood is None else 3]) for word in
                ("--vdev", f"net_virtio_user{index},path={socket},queue_size=1024,mac={MACS[index]}{features}")]

    def words(self):
        """The arguments after those for EAL."""
        words = [f"--flows={self.flows}"] if self.flows else ["--fresh"]
        if self.one_way is not None:
            words.append(f"--one-way={self.one_way}")
        elif self.flows:
            words.append("--bidirectional")
        if self.pps:
            words.append(f"--pps={self.pps:.0f}")
        if self.flood:
            words.append(f"--flood={self.flood}")
        if self.latency:
            words.append("--latency")
        if self.search:
            words += [f"--search={','.join(f'{percent:g}' for percent in self.search)}", f"--trial={self.trial:g}"]
        words += [f"--gso={self.gso[0]}", f"--mss={self.gso[1]}"] if self.gso else [f"--size={self.size}"]
        return [*words, *(self.tunnel.words() if self.tunnel else []), f"--warmup={self.warmup}",
                f"--seconds={self.seconds}", f"--mac={','.join(MACS[:PLAYED])}", f"--ip={','.join(IPS[:PLAYED])}",
                f"--udp-port={UDP_PORT}"]

"""A link between two network namespaces that delays, reorders, loses and queues as told, from a seed.

It stands in for `tc netem`, which not every kernel has: two TUN devices, and a process that carries each packet from
the one to the other. Run as a script it is that process: `link.py SEED A NAME B NAME`, with the namespaces' descriptors
and their devices' names; a line of JSON on stdin changes the conditions, and is answered by one with what was carried.
"""

import collections
import contextlib
import dataclasses
import errno
import fcntl
import heapq
import json
import os
import random
import selectors
import struct
import subprocess
import sys
import time

UDP = 17
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000


@dataclasses.dataclass
class Conditions:
    """Of one direction. Loss, reordering and `blocked` are for UDP only: signalling runs over TCP, which would repair
    it and only take longer. An outage, the rate and the delay are for everything."""

    #: Bits a second; 0 is without limit.
    rate: float = 0
    #: Milliseconds that a packet may wait for the rate; what would wait longer is dropped.
    queue: float = 50
    delay: float = 0
    #: Milliseconds; each packet is late by up to so much more, in order.
    jitter: float = 0
    #: Parts of one.
    loss: float = 0
    reorder: float = 0
    outage: bool = False
    #: Whether UDP is dropped, except to or from the ports of `allowed`.
    blocked: bool = False
    allowed: list = dataclasses.field(default_factory=list)
    #: Whether TCP other than to or from `allowed` is dropped as well.
    blocked_tcp: bool = False
    #: Whether all of IPv4 is dropped, silently.
    without_ipv4: bool = False


class Direction:
    """One way: packets in at times, packets out at times."""

    def __init__(self, seed, out):
        self.random = random.Random(seed)
        self.out = out
        self.conditions = Conditions()
        self.waiting = []
        self.number = 0
        self.sent_until = 0.0
        self.last = 0.0
        self.counts = {"carried": 0, "lost": 0, "full": 0, "reordered": 0, "blocked": 0, "bytes": 0, "offered": 0}
        self.queued = collections.deque(maxlen=100_000)

    def take(self, packet, now):
        with_ports = packet[0] >> 4 == 4 and len(packet) >= (packet[0] & 15) * 4 + 4
        protocol = packet[9] if packet[0] >> 4 == 4 else packet[6]
        c = self.conditions
        self.counts["offered"] += len(packet)
        if c.outage or c.without_ipv4 and packet[0] >> 4 == 4:
            self.counts["blocked"] += 1
            return
        if (c.blocked and protocol == UDP or c.blocked_tcp and protocol != UDP) and with_ports:
            ports = struct.unpack_from("!HH", packet, (packet[0] & 15) * 4)
            if not set(ports) & set(c.allowed):
                self.counts["blocked"] += 1
                return
        # The dice fall for each packet, so that one seed gives one sequence whatever the conditions are.
        lost, late, early = self.random.random(), self.random.random(), self.random.random()
        if protocol == UDP and lost < c.loss:
            self.counts["lost"] += 1
            return
        at = now
        if c.rate:
            begin = max(now, self.sent_until)
            if (begin - now) * 1000 > c.queue:
                self.counts["full"] += 1
                return
            self.sent_until = at = begin + len(packet) * 8 / c.rate
            self.queued.append(round((begin - now) * 1000, 1))
        if protocol == UDP and early < c.reorder:
            # As netem does: a reordered packet is one that is not delayed, and so overtakes.
            self.counts["reordered"] += 1
        else:
            at = max(self.last, at + (c.delay + late * c.jitter) / 1000)
            self.last = at
        self.number += 1
        heapq.heappush(self.waiting, (at, self.number, packet))

    def give(self, now):
        """Sends what is due; returns when the next is."""
        while self.waiting and self.waiting[0][0] <= now:
            packet = heapq.heappop(self.waiting)[2]
            try:
                os.write(self.out, packet)
            except OSError as error:
                # The far device is down, or its queue is full: the packet is lost, as on any link.
                if error.errno not in (errno.EAGAIN, errno.EIO, errno.ENOBUFS, errno.EINVAL):
                    raise
            self.counts["carried"] += 1
            self.counts["bytes"] += len(packet)
        return self.waiting[0][0] if self.waiting else None

    def report(self):
        """Counts since the link was made (`bytes` carried and `offered`), and how long each packet that met a rate has
        waited for it since the last report, in milliseconds."""
        report = {**self.counts, "queuedMs": list(self.queued)}
        self.queued.clear()
        return report


def open_tun(name):
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return descriptor


def serve(seed, ends):
    from network import enter

    # Before all others where that is permitted: a link that waits for a processor would be one with jitter.
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    devices = []
    for namespace, name in ends:
        enter(namespace)
        devices.append(open_tun(name))
    directions = [Direction(f"{seed} there", devices[1]), Direction(f"{seed} back", devices[0])]
    selector = selectors.DefaultSelector()
    for number, device in enumerate(devices):
        selector.register(device, selectors.EVENT_READ, number)
    selector.register(sys.stdin.fileno(), selectors.EVENT_READ, None)
    print("{}", flush=True)
    rest = b""
    while True:
        due = [at for at in (direction.give(time.monotonic()) for direction in directions) if at]
        for key, _ in selector.select(max(min(due) - time.monotonic(), 0) if due else None):
            if key.data is None:
                rest += os.read(key.fd, 65536) or sys.exit()
                *lines, rest = rest.split(b"\n")
                for line in lines:
                    for direction, change in zip(directions, json.loads(line)):
                        direction.conditions = dataclasses.replace(direction.conditions, **change)
                    print(json.dumps([direction.report() for direction in directions]), flush=True)
                continue
            # A few at a time, so that the other direction is not kept waiting.
            for _ in range(16):
                try:
                    directions[key.data].take(os.read(key.fd, 65536), time.monotonic())
                except BlockingIOError:
                    break


class Link:
    """From the rig's side: the link's process, its two devices and their addresses.

    `near` and `far` are namespaces; `number` makes the addresses 10.78.NUMBER.1 and .2."""

    def __init__(self, workshop, near, far, number, seed):
        self.near, self.far, self.number = near, far, number
        self.name = f"link{number}"
        self.near_address, self.far_address = f"10.78.{number}.1", f"10.78.{number}.2"
        self.program = workshop.start(
            f"link-{number}",
            [sys.executable, "-u", __file__, seed, near.descriptor, self.name, far.descriptor, self.name], near,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(near.descriptor, far.descriptor), text=True,
        )  # fmt: skip
        if not self.program.process.stdout.readline():
            raise RuntimeError(f"no link between namespaces: {self.program.tail()}")
        for namespace, address in ((near, self.near_address), (far, self.far_address)):
            namespace.run("ip", "address", "add", f"{address}/24", "dev", self.name)
            namespace.run("ip", "link", "set", self.name, "up", "mtu", "1500", "txqueuelen", "1000")
        far.run("ip", "route", "add", "default", "dev", self.name)

    def set(self, there=None, back=None, **both):
        """Changes the conditions near to far (`there`), far to near (`back`), or both ways; returns what was carried
        until then, there and back."""
        changes = [{**both, **(change or {})} for change in (there, back)]
        self.program.process.stdin.write(json.dumps(changes) + "\n")
        self.program.process.stdin.flush()
        return json.loads(self.program.process.stdout.readline())

    def counts(self):
        return self.set()

    def add_ipv6(self, keeps_ipv4=True):
        """Gives both ends addresses of IPv6 too, or of IPv6 alone; returns the near one."""
        for namespace, last in ((self.near, 1), (self.far, 2)):
            if not keeps_ipv4:
                namespace.run("ip", "-4", "address", "flush", "dev", self.name)
            namespace.run("ip", "address", "add", f"fd78:{self.number}::{last}/64", "dev", self.name, "nodad")
        self.far.run("ip", "-6", "route", "add", "default", "dev", self.name)
        return f"fd78:{self.number}::1"

    def change_far_address(self):
        """The far machine gets another address, and loses the one it had."""
        old, last = self.far_address, int(self.far_address.rsplit(".", 1)[1])
        self.far_address = f"10.78.{self.number}.{last + 1}"
        self.far.run("ip", "address", "add", f"{self.far_address}/24", "dev", self.name)
        self.far.run("ip", "address", "del", f"{old}/24", "dev", self.name)
        # The route went with the last address of its kind.
        self.far.run("ip", "address", "replace", f"{self.far_address}/24", "dev", self.name)
        self.far.run("ip", "route", "replace", "default", "dev", self.name)
        return self.far_address


if __name__ == "__main__":
    _, seed, near, near_name, far, far_name = sys.argv
    serve(seed, [(int(near), near_name), (int(far), far_name)])

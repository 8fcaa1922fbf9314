"""A network namespace of its own with a veth pair, for tests on live interfaces.

`tap` is the end that Picket listens on, `wire` the end that tests send into. There are no addresses, no ARP and
no IPv6 in it, so that what arrives is exactly what was sent. Everything is removed at exit, also after a signal.
"""

import atexit
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

SKIP_STATUS = 77  # meson's word for a skipped test
CLONE_NEWNET = 0x40000000
TAP = "tap"
WIRE = "wire"


def skip(why):
    print(f"SKIPPED: {why}", flush=True)
    print(f"SKIPPED: {why}", file=sys.stderr, flush=True)
    sys.exit(SKIP_STATUS)


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


class Lab:
    def __init__(self, mtu=1500):
        if os.geteuid() != 0:
            skip("live tests make network namespaces and need root")
        self.name = f"picket-live-{os.getpid()}"
        self.processes = []
        try:
            run("ip", "netns", "add", self.name)
        except (RuntimeError, FileNotFoundError) as error:
            skip(f"cannot make a network namespace here ({error})")
        atexit.register(self.close)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda received, _: sys.exit(128 + received))
        with contextlib.suppress(RuntimeError):
            self.exec_now("sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1", "net.ipv6.conf.all.disable_ipv6=1")
        try:
            self.ip("link", "add", TAP, "type", "veth", "peer", "name", WIRE)
        except RuntimeError as error:
            skip(f"cannot make a veth pair here ({error})")
        for end in (TAP, WIRE):
            self.quiet(end, "mtu", str(mtu))

    def ip(self, *arguments):
        return run("ip", "-n", self.name, *arguments)

    def exec_now(self, *command):
        return run("ip", "netns", "exec", self.name, *command)

    def start(self, *command, **options):
        """A process in the namespace, ended at exit."""
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, *map(str, command)],
            stdin=subprocess.DEVNULL, text=True, **options)
        self.processes.append(process)
        return process

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=5)
        with contextlib.suppress(RuntimeError):
            run("ip", "netns", "delete", self.name)

    @contextlib.contextmanager
    def inside(self):
        """This thread is in the namespace for a while; what it opens stays there."""
        libc = ctypes.CDLL(None, use_errno=True)
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        away = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            if libc.setns(away, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            libc.setns(home, CLONE_NEWNET)
            os.close(home)
            os.close(away)

    def open_socket(self, interface=WIRE):
        """A raw socket of this process on an interface of the namespace."""
        with self.inside():
            # Protocol 0: it sends only, and receives nothing.
            raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            raw.bind((interface, 0))
            return raw

    def open_tap(self, name, queues):
        """A tap device; what is written to file n arrives on its receive queue n. It goes with the files."""
        tunsetiff = 0x400454CA
        tap_without_header_multi_queue = 0x0002 | 0x1000 | 0x0100
        files = []
        with self.inside():
            for _ in range(queues):
                file = open("/dev/net/tun", "wb", buffering=0)
                fcntl.ioctl(file, tunsetiff, struct.pack("16sH22x", name.encode(), tap_without_header_multi_queue))
                files.append(file)
        self.quiet(name)
        return files

    def quiet(self, interface, *more):
        """Brings an interface up that sends nothing by itself."""
        self.ip("link", "set", "dev", interface, *more, "addrgenmode", "none", "arp", "off", "multicast", "off")
        self.ip("link", "set", "dev", interface, "up")

    def sent(self):
        """Frames that left through the wire end, and those that the kernel dropped there."""
        counters = json.loads(self.ip("-s", "-j", "link", "show", "dev", WIRE))[0]["stats64"]["tx"]
        return counters["packets"], counters["dropped"]

    def program(self):
        """The XDP program on the tap end, None if there is none."""
        link = json.loads(self.ip("-j", "-d", "link", "show", "dev", TAP))[0]
        return link.get("xdp", {}).get("prog")


def send(raw, frames, packets_per_second):
    """Sends evenly, a few frames a millisecond, because a veth pair holds 256 at most."""
    start = time.monotonic()
    for number, frame in enumerate(frames):
        due = start + number / packets_per_second
        while (wait := due - time.monotonic()) > 0:
            if wait > 0.001:
                time.sleep(0.001)
        raw.send(frame)


class NotYet(Exception):
    """What is waited for is not there yet, and why."""


def wait_for(condition, seconds, what, explain=lambda: ""):
    """The first true value of condition, which may raise NotYet; explain: what the reader of a failure needs."""
    end = time.monotonic() + seconds
    why = ""
    while time.monotonic() < end:
        try:
            value = condition()
            if value:
                return value
        except NotYet as reason:
            why = str(reason)
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {seconds} s; {why} {explain()}")


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
        return [int(child) for child in children.read().split()]

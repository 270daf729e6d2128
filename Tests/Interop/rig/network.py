"""Network namespaces, held by descriptor: they end with the last process and descriptor that holds them."""

import ctypes
import os
import shutil
import socket
import subprocess
import sys

CLONE_NEWNET = 0x40000000
#: The address of the machine that the servers are on. Janus gathers no candidates on loopback.
SERVER = "10.77.0.1"

_libc = ctypes.CDLL(None, use_errno=True)


def enter(descriptor):
    """Moves the calling thread into a network namespace."""
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def go_inside(script, arguments):
    """Runs a script again, in namespaces of its own, and does not return: there, `is_inside` is true.

    With no rights, a user namespace gives them. The namespace of processes ends all that a failed run left behind."""
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = ["unshare", *rights, "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.environ["REPRISE_INTEROP_INSIDE"] = "1"
    os.execvp(command[0], [*command, sys.executable, str(script), *arguments])


def is_inside():
    return "REPRISE_INTEROP_INSIDE" in os.environ


def free_port(address="", kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


class Namespace:
    """`Namespace.current()` is the one the rig runs in; `Namespace.new()` makes another."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    @classmethod
    def current(cls):
        return cls(os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    @classmethod
    def new(cls):
        unshare = shutil.which("unshare")
        with subprocess.Popen(
            [unshare, "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as holder:  # fmt: skip
            # What cat gives back tells that it is in there.
            holder.stdin.write(b"\n")
            holder.stdin.flush()
            holder.stdout.readline()
            namespace = cls(os.open(f"/proc/{holder.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC))
            holder.stdin.close()
        namespace.run("ip", "link", "set", "lo", "up")
        return namespace

    def enter(self):
        enter(self.descriptor)

    def run(self, *command):
        """Runs a command in it to its end."""
        done = subprocess.run(command, preexec_fn=self.enter, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return done.stdout


def make_server_machine():
    """The namespace of the rig itself: loopback, and an interface with the address `SERVER`."""
    here = Namespace.current()
    here.run("ip", "link", "set", "lo", "up")
    here.run("ip", "link", "add", "lab0", "type", "veth", "peer", "name", "lab1")
    here.run("ip", "address", "add", f"{SERVER}/24", "dev", "lab0")
    for name in ("lab0", "lab1"):
        here.run("ip", "link", "set", name, "up")
    return here

"""One QEMU machine: its devices, its output, and what its guest may ask of it."""

import json
import os
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# A guest that boots under KVM is up in a second or two; one that hangs there says nothing for ever.
PROBE_SECONDS = 12

# The USB sound card, which the guest unplugs and plugs in.
USB_CARD = {"driver": "usb-audio", "id": "usb-card", "bus": "usb.0", "port": "1", "audiodev": "usb"}


def accelerator(cache, kernel, module_files, say):
    """`kvm` where a guest boots under it, else `tcg`. Asked once per boot of this machine and kernel."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    key = f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {kernel.version}"
    remembered = cache / "accelerator"
    if remembered.exists() and remembered.read_text().startswith(key):
        return remembered.read_text().split()[-1]
    from . import initramfs

    say("trying KVM")
    with tempfile.TemporaryDirectory(prefix="reprise-lab-") as name:
        archive = initramfs.build(Path(name) / "initramfs", kernel, module_files, {"LAB_PROBE": "1"})
        console = Path(name) / "console"
        probe = subprocess.Popen(
            [*common(kernel, archive, "kvm"), "-serial", f"file:{console}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            probe.wait(PROBE_SECONDS)
        except subprocess.TimeoutExpired:
            probe.kill()
            probe.wait()
        works = console.exists() and "reprise-lab: up" in console.read_text(errors="replace")
    chosen = "kvm" if works else "tcg"
    if not works:
        say("a guest does not boot under this machine's KVM: its processor is emulated")
    remembered.write_text(f"{key} {chosen}\n")
    return chosen


def common(kernel, archive, accelerator_name):
    accelerate = ["-accel", "kvm", "-cpu", "host"] if accelerator_name == "kvm" else [
        "-accel", "tcg,thread=multi", "-cpu", "max"]
    return [
        "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", *accelerate,
        "-smp", "2", "-m", "3072", "-kernel", str(kernel.image), "-initrd", str(archive),
        "-append", "console=ttyS0 loglevel=5 panic=-1 quiet mitigations=off",
    ]


class Machine:
    def __init__(self, kernel, archive, output, accelerator_name, repository):
        self.output = output
        self.failure = None
        self.sockets = Path(tempfile.mkdtemp(prefix="reprise-lab-"))
        self.status = None
        self.process = None
        self.command = [
            *common(kernel, archive, accelerator_name),
            "-serial", f"file:{output}/console.log",
            "-fsdev", "local,id=host,path=/,security_model=none,readonly=on,multidevs=remap",
            "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
            "-fsdev", f"local,id=shared,path={output}/shared,security_model=none",
            "-device", "virtio-9p-pci,fsdev=shared,mount_tag=shared",
            "-device", "virtio-serial-pci",
            # Two sound chips. The first plays into a file and records silence; the second is a microphone that opens
            # and starts and never delivers, because QEMU's wav files have nothing to record.
            "-audiodev", f"wav,id=hda,path={output}/hda.wav", "-audiodev", "none,id=silence",
            "-device", "intel-hda,id=hda,addr=0x10", "-device", "hda-output,bus=hda.0,audiodev=hda",
            "-device", "hda-micro,bus=hda.0,audiodev=silence",
            "-device", "intel-hda,id=dead,addr=0x11", "-device", "hda-micro,bus=dead.0,audiodev=hda",
            "-audiodev", f"wav,id=usb,path={output}/usb.wav",
            "-device", "qemu-xhci,id=usb",
            "-device", ",".join([USB_CARD["driver"], *(f"{k}={v}" for k, v in USB_CARD.items() if k != "driver")]),
        ]

    def run(self, seconds, interactive):
        """Boots, shows the guest's output, does what it asks, and returns the exit status of its command."""
        listeners = {name: self.listen(name) for name in ["control", "monitor"] + ([] if interactive else ["output"])}
        command = list(self.command)
        for name in listeners:
            command += ["-chardev", f"socket,id={name},path={self.sockets}/{name}"]
        command += ["-mon", "chardev=monitor,mode=control"]
        command += ["-device", "virtserialport,chardev=control,name=reprise.control"]
        if interactive:
            command += ["-chardev", "stdio,id=output,signal=off", "-device", "virtconsole,chardev=output"]
        else:
            command += ["-device", "virtserialport,chardev=output,name=reprise.output"]
        # QEMU's own warnings (a late audio timer) stand in a file beside the guest's output, not in it.
        with open(self.output / "qemu.log", "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=None if interactive else subprocess.DEVNULL,
                stdout=None if interactive else log, stderr=log, start_new_session=not interactive)
        connections = {}
        for name, listener in listeners.items():
            listener.settimeout(20)
            try:
                connections[name] = listener.accept()[0]
            except TimeoutError:
                self.failure = "QEMU does not start:\n" + (self.output / "qemu.log").read_text(errors="replace")
                return 1
            listener.close()
        self.monitor = Monitor(connections["monitor"])
        deadline = time.monotonic() + seconds if not interactive else None
        return self.serve(connections, deadline)

    def serve(self, connections, deadline):
        control, output = connections["control"], connections.get("output")
        selector = selectors.DefaultSelector()
        selector.register(control, selectors.EVENT_READ)
        if output:
            selector.register(output, selectors.EVENT_READ)
        pending = b""
        while selector.get_map():
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                self.failure = "the time is up (--timeout)"
                return 124
            for key, _ in selector.select(left):
                data = key.fileobj.recv(65536)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is output:
                    sys.stdout.buffer.write(data)
                    sys.stdout.buffer.flush()
                else:
                    *lines, pending = (pending + data).split(b"\n")
                    for line in lines:
                        control.sendall((self.answer(line.decode(errors="replace")) + "\n").encode())
        if self.status is None:
            self.failure = "the machine ended before its command did"
            return 1
        return self.status

    def answer(self, request):
        """What the guest may ask: `exit N`, `usb unplug`, `usb plug`."""
        words = request.split()
        try:
            if words[:1] == ["exit"]:
                self.status = int(words[1])
            elif words == ["usb", "unplug"]:
                self.monitor.ask("device_del", id=USB_CARD["id"])
                self.monitor.wait("DEVICE_DELETED")
            elif words == ["usb", "plug"]:
                self.monitor.ask("device_add", **USB_CARD)
            else:
                return f"error: the lab does not know the request `{request}`"
        except (MonitorError, OSError, ValueError, IndexError) as error:
            return f"error: {error}"
        return "ok"

    def console_tail(self):
        log = self.output / "console.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-15:]) if log.exists() else ""

    def listen(self, name):
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.sockets / name))
        listener.listen(1)
        return listener

    def end(self):
        if self.process and self.process.poll() is None:
            try:
                self.process.wait(5 if self.status is not None else 0)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.sockets, ignore_errors=True)


class MonitorError(Exception):
    pass


class Monitor:
    """QEMU's machine protocol: one request at a time."""

    def __init__(self, connection):
        connection.settimeout(20)
        self.stream = connection.makefile("rw")
        self.events = []
        self.stream.readline()  # the greeting
        self.ask("qmp_capabilities")

    def ask(self, name, **arguments):
        self.stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.stream.flush()
        while True:
            message = self.next()
            if "error" in message:
                raise MonitorError(message["error"]["desc"])
            if "return" in message:
                return message["return"]

    def wait(self, event):
        while event not in self.events:
            self.next()
        self.events.remove(event)

    def next(self):
        line = self.stream.readline()
        if not line:
            raise MonitorError("QEMU has ended")
        message = json.loads(line)
        if "event" in message:
            self.events.append(message["event"])
        return message

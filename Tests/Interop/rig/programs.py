"""Programs that the rig starts, and ends by the process it started."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time


class RigFailure(Exception):
    """The rig, or a program that is not ours, did not do what a suite needs."""


def wait_until(condition, what, seconds=10, every=0.02):
    """Asks again and again; returns what the condition returned.

    - Throws: `RigFailure` after so many seconds, which says what was waited for."""
    until = time.monotonic() + seconds
    while True:
        if result := condition():
            return result
        if time.monotonic() > until:
            raise RigFailure(f"waited {seconds:g} s for {what}")
        time.sleep(every)


class Program:
    """A process of a group of its own, with its output in a file, in a namespace."""

    def __init__(self, name, command, folder, namespace, environment=None, **options):
        self.name = name
        self.log = pathlib.Path(folder) / f"{name}.log"
        self._output = self.log.open("ab")
        options = {"stdin": subprocess.DEVNULL, "stdout": self._output, "stderr": self._output, **options}
        self.process = subprocess.Popen(
            [str(word) for word in command], env={**os.environ, **(environment or {})}, start_new_session=True,
            preexec_fn=namespace.enter, **options,
        )  # fmt: skip

    @property
    def pid(self):
        return self.process.pid

    @property
    def is_running(self):
        return self.process.poll() is None

    def text(self):
        return self.log.read_text(errors="replace")

    def tail(self, lines=12):
        return "\n".join(self.text().splitlines()[-lines:])

    def send(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def end(self, patience=3):
        """Asks the group to end, then makes it."""
        if self.is_running:
            self.send(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
        self.send(signal.SIGKILL)
        self.process.wait()
        self._output.close()


def certificate(folder, name, address):
    """A certificate for an address, signed by itself, with `NAME-key.pem` beside it."""
    path = folder / f"{name}-certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", folder / f"{name}-key.pem", "-out", path, "-subj", f"/CN={address}",
         "-addext", f"subjectAltName=IP:{address}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


class Workshop:
    """A temporary folder, and the programs that run in it; all gone at the end, whatever happened.

    `keep`: a folder that gets the logs of a run."""

    def __init__(self, keep=None):
        self.keep = keep
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="reprise-interop-"))
        self._stack.callback(self._remove_folder)
        return self

    def __exit__(self, *failure):
        return self._stack.__exit__(*failure)

    def start(self, name, command, namespace, **options):
        program = Program(name, command, self.folder, namespace, **options)
        self._stack.callback(program.end)
        return program

    def at_end(self, action, *arguments):
        self._stack.callback(action, *arguments)

    def file(self, name, text):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def _remove_folder(self):
        if self.keep:
            pathlib.Path(self.keep).mkdir(parents=True, exist_ok=True)
            for pattern in ("*.log", "*.pcap", "*.wav", "*.jpg", "*.jsonl"):
                for path in self.folder.glob(pattern):
                    shutil.copy(path, self.keep)
        shutil.rmtree(self.folder, ignore_errors=True)

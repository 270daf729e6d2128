"""Debian's own kernel, unpacked in a cache. Nothing of it is installed on this machine."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kernel:
    root: Path  # the unpacked package: boot/ and lib/modules/
    version: str  # 6.1.0-40-amd64

    @property
    def image(self):
        return self.root / "boot" / f"vmlinuz-{self.version}"


def cache_directory():
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    directory = base / "reprise" / "device-lab"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def get(cache, update, say):
    """The newest cached kernel; downloads one when there is none or `update` is set."""
    given = os.environ.get("REPRISE_LAB_KERNEL")
    cached = [Path(given)] if given else sorted(cache.glob("kernel-*"), key=version_key)
    if given or (cached and not update):
        return opened(cached[-1])
    return download(cache, say)


def version_key(path):
    return [int(part) for part in re.findall(r"\d+", path.name)]


def opened(root):
    versions = sorted(path.name for path in (root / "lib/modules").glob("*"))
    if not versions:
        sys.exit(f"device lab: {root} has no lib/modules: remove it and run again")
    return Kernel(root, versions[-1])


def download(cache, say):
    name = newest_package([])
    apt = []
    if not name or not fetched(cache, name, apt):
        # The machine's package lists are missing or older than the mirror: read them into the cache, which needs no root.
        state = cache / "apt"
        (state / "lists/partial").mkdir(parents=True, exist_ok=True)
        (state / "archives/partial").mkdir(parents=True, exist_ok=True)
        apt = [f"-oDir::State::lists={state}/lists", f"-oDir::Cache={state}", "-oDebug::NoLocking=1"]
        say("reading the package lists")
        subprocess.run(["apt-get", *apt, "-qq", "update"], check=False)
        name = newest_package(apt)
        if not name or not fetched(cache, name, apt):
            sys.exit(
                "device lab: the package linux-image-amd64 cannot be downloaded. On a machine that has it, unpack it "
                "with `dpkg -x PACKAGE DIRECTORY`, and set REPRISE_LAB_KERNEL=DIRECTORY here."
            )
    package = next(cache.glob(f"{name}_*.deb"))
    version = name.removeprefix("linux-image-")
    root = cache / f"kernel-{version}"
    unpacked = cache / f"unpacking-{os.getpid()}"
    say(f"unpacking {name}")
    subprocess.run(["dpkg", "-x", package, unpacked], check=True)
    if not (unpacked / "lib/modules").exists():  # Debian 13 ships usr/lib
        (unpacked / "lib").mkdir(exist_ok=True)
        (unpacked / "lib/modules").symlink_to("../usr/lib/modules")
    subprocess.run(["/sbin/depmod", "-b", unpacked, version], check=True)
    package.unlink()
    if root.exists():
        subprocess.run(["rm", "-rf", root], check=True)
    unpacked.rename(root)
    return opened(root)


def newest_package(apt):
    """The package that linux-image-amd64 depends on: linux-image-6.1.0-40-amd64."""
    answer = subprocess.run(
        ["apt-cache", *apt, "depends", "linux-image-amd64"], capture_output=True, text=True, check=False
    ).stdout
    found = re.search(r"Depends: (linux-image-\d\S+)", answer)
    return found.group(1) if found else None


def fetched(cache, name, apt):
    done = subprocess.run(
        ["apt-get", *apt, "-qq", "-oAPT::Sandbox::User=", "download", name], cwd=cache, capture_output=True, check=False
    )
    return done.returncode == 0

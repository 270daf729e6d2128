"""The small archive that the VM boots: busybox, the modules that reach the host's files, and guest/init."""

import lzma
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

GUEST = Path(__file__).resolve().parents[1] / "guest"

# What guest/init loads before it can see the host's files; everything else is loaded from there.
EARLY_MODULES = ["virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay"]


def modules(kernel):
    """The files of the early modules and of what they need, in the order to load them."""
    ordered = []
    for name in EARLY_MODULES:
        answer = subprocess.run(
            ["/sbin/modprobe", "-d", kernel.root, "-S", kernel.version, "--show-depends", name],
            capture_output=True, text=True, check=True,
        ).stdout
        for line in answer.splitlines():
            words = line.split()
            if words[:1] == ["insmod"] and words[1] not in ordered:
                ordered.append(words[1])
    return ordered


def build(archive, kernel, module_files, environment):
    """Writes the archive. `environment` becomes /lab.conf, which guest/init hands on."""
    with tempfile.TemporaryDirectory(prefix="reprise-lab-") as name:
        root = Path(name)
        (root / "bin").mkdir()
        (root / "modules").mkdir()
        shutil.copy(shutil.which("busybox"), root / "bin/busybox")
        shutil.copy(GUEST / "init", root / "init")
        os.chmod(root / "init", 0o755)
        names = []
        for number, file in enumerate(module_files):
            names.append(f"{number:02}-{Path(file).name.split('.')[0]}.ko")
            data = Path(file).read_bytes()
            (root / "modules" / names[-1]).write_bytes(lzma.decompress(data) if file.endswith(".xz") else data)
        (root / "modules/order").write_text("\n".join(names) + "\n")
        lines = [f"export {key}={shlex.quote(value)}" for key, value in environment.items()]
        (root / "lab.conf").write_text("\n".join(lines) + "\n")
        listing = "\n".join(str(path.relative_to(root)) for path in [root, *root.rglob("*")])
        with open(archive, "wb") as out:
            subprocess.run(
                ["cpio", "--create", "--format=newc", "--owner=0:0", "--quiet"], cwd=root, input=listing.encode(),
                stdout=out, check=True,
            )
    return archive

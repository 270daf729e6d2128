"""One full-duplex voice call on the ideal card, by Reprise and by baresip: 48 kHz, mono, 20 ms, 32 kbit/s,
complexity 5. The microphone hears a tone; what the far end echoes is played."""

import contextlib
import json
import pathlib
import random
import signal
import socket
import struct
import subprocess
import time

import meter

MICROPHONE, SPEAKER = "ideal-tone", "ideal"
#: Seconds after which a call runs evenly.
SETTLING = 3


class CallFailure(Exception):
    pass


def reprise(command, folder, environment, seconds):
    """The usage of `reprise mirror`: capture, encode, echo in the process, decode, play."""
    return {"Reprise": run_reprise(command, "mirror", ["--bitrate", "32000"], folder, environment, seconds)}


def reprise_over_network(command, folder, environment, seconds):
    """The same call over UDP on loopback with ICE and DTLS-SRTP; both ends are in the process."""
    usage = run_reprise(command, "join", ["voice", "--service", "in-process"], folder, environment, seconds)
    return {"Reprise over DTLS-SRTP, both ends": usage}


def run_reprise(command, verb, options, folder, environment, seconds):
    arguments = [command, verb, *options, "--microphone", MICROPHONE, "--speaker", SPEAKER, "--no-camera"]
    arguments += ["--duration", str(SETTLING + seconds + 1), "--json"]
    process = subprocess.Popen(
        arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with ended(process):
        (usage,) = watch([process], folder, seconds)
        output, errors = process.communicate(timeout=30)
    if process.returncode:
        raise CallFailure(f"reprise {verb}: status {process.returncode}: {errors.strip()}")
    session = json.loads(output)
    if session["errors"] or not session["speaker"]["framesPlayed"]:
        raise CallFailure(f"reprise {verb}: {output.strip()}")
    return usage


def baresip(folder, environment, seconds):
    """The usage of the baresip that has the card, in a call with one that bridges its speaker to its microphone, and of
    both: the far one is what echoes."""
    return call_baresip("baresip, near end", "baresip, both ends", folder, environment, seconds)


def baresip_over_dtls(folder, environment, seconds):
    """The same with DTLS-SRTP."""
    return call_baresip(None, "baresip over DTLS-SRTP, both ends", folder, environment, seconds, "dtls_srtp")


def call_baresip(near_name, both_name, folder, environment, seconds, encryption=None):
    near, far = free_port(), free_port()
    sound = f"audio_player alsa,{SPEAKER}\naudio_source alsa,{MICROPHONE}\naudio_alert alsa,{SPEAKER}\nmodule alsa.so\n"
    bridge = "".join(f"audio_{end} aubridge,echo\n" for end in ("player", "source", "alert")) + "module aubridge.so\n"
    configure(folder / "baresip", near, sound, "", encryption)
    configure(folder / "baresip-echo", far, bridge, ";answermode=auto", encryption)
    with run_baresip(folder / "baresip-echo", environment) as echo:
        wait_for(folder / "baresip-echo", "baresip is ready")
        with run_baresip(folder / "baresip", environment, "-e", f"/dial sip:echo@127.0.0.1:{far}") as process:
            wait_for(folder / "baresip", "Call established")
            usage, echoing = watch([process, echo], folder, seconds)
    usages = {near_name: usage, both_name: usage + echoing}
    return {name: usage for name, usage in usages.items() if name}


def watch(processes, folder, seconds):
    """The usage of each, once the call runs evenly."""
    time.sleep(SETTLING)
    for process in processes:
        if process.poll() is not None:
            raise CallFailure(f"{process.args[0]} ended early, with status {process.returncode}")
    usages = meter.measure([process.pid for process in processes], seconds)
    played, peak = heard(folder)
    if played < 0.9 or peak < 1000:
        raise CallFailure(f"{processes[0].args[0]}: the speaker played {played:.0%} of the time, peak {peak}")
    return usages


def heard(folder, seconds=0.5):
    """The share of the last time in which the card was played to, and the peak: see ideal_slot in ideal_card.h."""
    slots = 1 << 17
    now, count = time.monotonic_ns() * 48_000 // 1_000_000_000, int(seconds * 48_000)
    memory = (folder / "ideal" / "ideal.loop").read_bytes()
    found = [struct.unpack_from("<Ihh", memory, frame % slots * 8) for frame in range(now - count, now)]
    levels = [abs(left) for index, (frame, left, _) in enumerate(found) if frame == (now - count + index) & 0xFFFFFFFF]
    return len(levels) / count, max(levels, default=0)


# ---- baresip -------------------------------------------------------------------------------------------------------


def configure(folder, port, devices, answer, encryption):
    module, demand = (f"module {encryption}.so\n", f";mediaenc={encryption}") if encryption else ("", "")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text(
        f"sip_listen 127.0.0.1:{port}\nnet_interface 127.0.0.1\nmodule_path {modules()}\n"
        f"{devices}{module}module opus.so\nmodule_app account.so\nmodule_app menu.so\nstatmode_default off\n"
        "ausrc_srate 48000\nauplay_srate 48000\nausrc_channels 1\nauplay_channels 1\n"
        "opus_stereo no\nopus_sprop_stereo no\nopus_complexity 5\nopus_bitrate 32000\nopus_application voip\n"
        "opus_inbandfec yes\nopus_dtx no\n"
    )
    (folder / "accounts").write_text(f"<sip:echo@127.0.0.1:{port}>;regint=0;audio_codecs=opus/48000/1{demand}{answer}\n")


def modules():
    for folder in [pathlib.Path("/usr/lib/baresip/modules"), *pathlib.Path("/usr/lib").glob("*/baresip/modules")]:
        if (folder / "opus.so").exists():
            return folder
    raise CallFailure("baresip's modules are not in /usr/lib")


@contextlib.contextmanager
def run_baresip(folder, environment, *arguments):
    with open(folder / "log", "w") as log:
        process = subprocess.Popen(
            # No folder of sounds: it has no business with the card but the call.
            ["baresip", "-f", str(folder), "-p", "/nonexistent", *arguments],
            env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        with ended(process):
            yield process


def wait_for(folder, words, seconds=10):
    deadline = time.monotonic() + seconds
    while words not in (folder / "log").read_text(errors="replace"):
        if time.monotonic() > deadline:
            raise CallFailure(f"baresip did not say '{words}' within {seconds} s: see {folder / 'log'}")
        time.sleep(0.05)


@contextlib.contextmanager
def ended(process):
    """Ends a process that still runs, whatever happens."""
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port():
    """One whose successor is free too: baresip puts SIP over TLS there."""
    while True:
        port = random.randrange(20_000, 32_000, 2)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                for number in (port, port + 1):
                    stack.enter_context(socket.socket(socket.AF_INET, kind)).bind(("127.0.0.1", number))
            return port

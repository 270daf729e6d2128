"""What bare ALSA and V4L2 calls take to start on a device, as JSON on standard output.

    floor.py LIBRARY CYCLES alsa PCM PERIOD_FRAMES | floor.py LIBRARY CYCLES v4l2 NODE FORMAT WIDTH HEIGHT RATE

LIBRARY is CFloor as a shared library: the functions whose figures `reprise bench restart` shows.
"""

import ctypes
import json
import os
import random
import sys
import time


class Result(ctypes.Structure):
    _fields_ = [
        ("start_ns", ctypes.c_int64),
        ("stop_ns", ctypes.c_int64),
        ("error", ctypes.c_int),
        ("call", ctypes.c_char_p),
    ]


class PCMSetup(ctypes.Structure):
    _fields_ = [
        ("pcm", ctypes.c_char_p),
        ("format", ctypes.c_char_p),
        ("rate", ctypes.c_uint),
        ("channels", ctypes.c_uint),
        ("period", ctypes.c_ulong),
        ("buffer", ctypes.c_ulong),
        ("mmap", ctypes.c_bool),
    ]


class CameraSetup(ctypes.Structure):
    _fields_ = [
        ("node", ctypes.c_char_p),
        ("format", ctypes.c_char_p),
        ("width", ctypes.c_uint),
        ("height", ctypes.c_uint),
        ("frames_per_second", ctypes.c_double),
        ("buffers", ctypes.c_uint),
    ]


def figures(results):
    for result in results:
        if result.error:
            sys.exit(f"{result.call.decode()}: {os.strerror(result.error)}")
    return {"start": [r.start_ns / 1e6 for r in results], "leave": [r.stop_ns / 1e6 for r in results]}


def main():
    library, cycles, kind, *rest = sys.argv[1:]
    floor, cycles = ctypes.CDLL(library), int(cycles)
    if kind == "alsa":
        period = int(rest[1])
        setup = PCMSetup(rest[0].encode(), b"S16_LE", 48_000, 1, period, period * 8, True)
        cold, warm = floor.floor_pcm_cold, floor.floor_pcm_warm
    else:
        node, pixels, width, height, rate = rest
        setup = CameraSetup(node.encode(), pixels.encode(), int(width), int(height), float(rate), 4)
        cold, warm = floor.floor_camera_cold, floor.floor_camera_warm
    cold.restype = Result
    colds = []
    for _ in range(cycles):
        colds.append(cold(ctypes.byref(setup)))
        time.sleep(random.uniform(0.005, 0.025))
    warms = (Result * cycles)()
    measured = warm(ctypes.byref(setup), warms, cycles)
    json.dump({"release": figures(colds), "warm": figures(list(warms)[: measured + 1])}, sys.stdout)


main()

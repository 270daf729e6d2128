"""Tones: made, and found again."""

import array
import math
import wave

RATE = 48_000


def write_tone(path, hertz, seconds=10, level=0.3):
    """A WAV of a sine, mono, S16, that goes on without a seam when it is repeated."""
    cycles = round(hertz * seconds)
    count = round(cycles * RATE / hertz)
    step = 2 * math.pi * hertz / RATE
    samples = array.array("h", (round(level * 32767 * math.sin(step * n)) for n in range(count)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, count, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def read(path):
    """Rate, and the samples of the first channel between -1 and 1."""
    import numpy

    with wave.open(str(path), "rb") as file:
        width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
        data = file.readframes(file.getnframes())
    if width != 2:
        raise ValueError(f"{path}: {width * 8} bits a sample")
    return rate, numpy.frombuffer(data, "<i2")[::channels].astype(float) / 32768


def tone_of(samples, rate, window=0.2):
    """The frequency that is loudest, in Hz, and how much of the power of the windows with sound lies at it.

    Windows of silence (below -50 dBFS) are passed over."""
    import numpy

    size = int(rate * window)
    shape = numpy.hanning(size)
    total, found = None, 0
    for begin in range(0, len(samples) - size + 1, size):
        block = samples[begin : begin + size]
        if numpy.sqrt(numpy.mean(block**2)) < 10 ** (-50 / 20):
            continue
        power = numpy.abs(numpy.fft.rfft(block * shape)) ** 2
        total = power if total is None else total + power
        found += 1
    if not found:
        return 0.0, 0.0
    total[: int(30 * window)] = 0
    peak = int(total.argmax())
    near = total[max(peak - 3, 0) : peak + 4].sum()
    return peak / window, float(near / total.sum())


def share_at(samples, rate, hertz, window=0.2):
    """How much of the power lies within 2 % and 10 Hz of a frequency."""
    import numpy

    size = int(rate * window)
    shape = numpy.hanning(size)
    total = sum(
        numpy.abs(numpy.fft.rfft(samples[n : n + size] * shape)) ** 2 for n in range(0, len(samples) - size + 1, size)
    )
    if not numpy.any(total):
        return 0.0
    total[: int(30 * window)] = 0
    reach = max(10, hertz * 0.02)
    return float(total[int((hertz - reach) * window) : int((hertz + reach) * window) + 1].sum() / total.sum())

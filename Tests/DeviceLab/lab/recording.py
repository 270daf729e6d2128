"""What QEMU's speakers played: 48 kHz S16 stereo in a WAV file that may still be growing."""

import array
import sys


def last_tone(path, frequency):
    """What is wrong with the last half second of sound in the file when it should be a sine of `frequency`; or None."""
    data = path.read_bytes()[44:] if path.exists() else b""
    samples = array.array("h")
    samples.frombytes(data[: len(data) // 4 * 4])
    if sys.byteorder == "big":
        samples.byteswap()
    left = samples[::2]
    end = next((i for i in range(len(left) - 1, -1, -1) if abs(left[i]) > 300), None)
    if end is None:
        return f"{path.name} has {len(left) / 48000:.1f} s of silence"
    sound = left[max(0, end - 24000) : end + 1]
    crossings = [i for i in range(1, len(sound)) if sound[i - 1] < 0 <= sound[i]]
    if len(crossings) < 10:
        return f"{path.name} has no tone"
    heard = (len(crossings) - 1) * 48000 / (crossings[-1] - crossings[0])
    if abs(heard - frequency) > frequency * 0.02:
        return f"{path.name} has a tone of {heard:.0f} Hz and not of {frequency:.0f} Hz"
    return None

"""Checks: a line for each, and their sum."""

import time


class Checks:
    def __init__(self, say=print):
        self.passed = self.failed = 0
        self.began = time.monotonic()
        self.say = say
        self.suite = ""

    def that(self, holds, what, seen=""):
        """Notes and prints whether something holds, and what was seen."""
        mark = "✔" if holds else "✘"
        self.passed, self.failed = self.passed + bool(holds), self.failed + (not holds)
        at = time.monotonic() - self.began
        self.say(f"{mark} {at:6.1f} s  {self.suite}: {what}{f' ({seen})' if seen != '' else ''}")
        return holds

    def note(self, text):
        self.say(f"  {time.monotonic() - self.began:6.1f} s  {self.suite}: {text}")

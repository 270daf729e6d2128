"""The device suites: what there is, how it is run, and whether all of it ran."""

import json
import os
import re
import subprocess
import sys

TARGET = "DeviceTests"


def products(repository):
    return repository / ".build" / "lab" / "release"


def build(repository, options):
    """Builds the test bundle and the command; returns the bundle's path."""
    if not options.no_build:
        # Optimised: sound that is moved by a debug build is late on an emulated processor. In a folder of its own,
        # because code that can be tested is built with other options than what people run.
        swift = ["swift", "build", "-c", "release", "--build-tests", "-Xswiftc", "-enable-testing"]
        # Of the test targets this one alone, and the one whose allocations are counted in optimised code (Makefile).
        environment = {**os.environ, "REPRISE_TESTS": f"{TARGET} WebRTCTests"}
        build = subprocess.run([*swift, "--scratch-path", ".build/lab"], cwd=repository, env=environment, check=False)
        if build.returncode:
            sys.exit("device lab: the tests do not build")
    bundles = list(products(repository).glob("*PackageTests.xctest"))
    if not bundles:
        sys.exit("device lab: there is no test bundle: run without --no-build")
    return bundles[0]


def matches(test, filters):
    return test.startswith(TARGET + ".") and (not filters or any(re.search(rf"^{TARGET}\..*(?:{f})", test) for f in filters))


def listed(bundle, filters):
    """The ids of the device tests in the bundle: `DeviceTests.LabTests/hasCards()`."""
    answer = subprocess.run(
        [bundle, "--testing-library", "swift-testing", "--list-tests"], capture_output=True, text=True, check=True
    ).stdout
    return [line for line in answer.split() if matches(line, filters)]


def command(bundle, filters):
    """One test at a time: they share the cards. What happened is written down for `Report`."""
    arguments = [str(bundle), "--testing-library", "swift-testing", "--no-parallel"]
    arguments += ["--event-stream-output-path", "/run/lab/shared/events.json"]
    # Of this target only: the bundle has all others' suites too.
    for one in filters or [""]:
        arguments += ["--filter", rf"^{TARGET}\..*(?:{one})"]
    return arguments


def failed_last(path):
    """The filters for what failed or did not end in the last run."""
    tests = path.read_text().split() if path.exists() else []
    if not tests:
        sys.exit("device lab: nothing failed in the last run")
    return [re.escape(test.removeprefix(f"{TARGET}.")) for test in tests]


class Report:
    """Compares the tests that the bundle has with those that ran: a skipped test counts as passed for its runner."""

    def __init__(self, expected, events):
        ended, skipped, passed = set(), set(), set()
        if events.exists():
            for line in events.read_text().splitlines():
                self.read(line, ended, skipped, passed)
        suites = {test.split("/")[0] for test in expected}
        unfinished = [test for test in expected if test not in ended]
        incomplete = {test.split("/")[0] for test in unfinished}
        failed = [test for test in expected if test in ended and test not in passed]
        self.is_complete = not unfinished
        #: What `failed_last` reads.
        self.failed = unfinished + failed
        self.lines = [f"{len(suites - incomplete)} of {len(suites)} device suites ran"]
        self.lines += [f"SKIPPED: {test}" if test in skipped else f"DID NOT END: {test}" for test in unfinished]
        self.lines += [f"FAILED: {test}" for test in failed]
        self.lines.append(f"{len(expected) - len(self.failed)} passed, {len(self.failed)} failed")

    @staticmethod
    def read(line, ended, skipped, passed):
        try:
            record = json.loads(line)
        except ValueError:  # the last line of a run that was cut short
            return
        payload = record["payload"]
        # `DeviceTests.LabTests/hasCards()/LabTests.swift:9:6`, listed without the place.
        test = re.sub(r"/[^/]+\.swift:\d+:\d+$", "", payload.get("testID", ""))
        if payload.get("kind") == "testEnded":
            ended.add(test)
            if any(message["symbol"] in ("pass", "passWithKnownIssue") for message in payload["messages"]):
                passed.add(test)
        elif payload.get("kind") == "testSkipped":
            skipped.add(test)

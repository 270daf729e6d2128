"""What several suites check."""

CYCLES = 5


def check_sessions(checks, sessions, count=CYCLES, video=True):
    """That every session heard, and saw, somebody."""
    checks.that(len(sessions) == count, f"{count} sessions were held", len(sessions))
    packets = [session.most("audio", "packets") for session in sessions]
    checks.that(all(each > 10 for each in packets), "sound came in every session", f"{packets} packets")
    if video:
        frames = [session.most("video", "framesDecoded") for session in sessions]
        checks.that(all(each > 0 for each in frames), "pictures were decoded in every session", frames)
    errors = [error for session in sessions for error in session["errors"] or []]
    checks.that(not errors, "no session had an error", "; ".join(errors[:3]))
    first = [session["firstSoundMs"] for session in sessions]
    checks.note(f"first sound after {first} ms")


def check_tone(checks, reprise, hertz, whose):
    shares = reprise.shares_of(hertz)
    checks.that(shares and min(shares) > 0.5, f"what Reprise recorded is {whose} {hertz} Hz",
                " ".join(f"{share:.0%}" for share in shares) + " of the power")  # fmt: skip


def check_stays(checks, stays, whose, least_sound, count=CYCLES, video=True):
    """That the peer heard, and saw, Reprise in every stay."""
    checks.that(len(stays.stays) >= count, f"{whose} saw Reprise come {count} times", len(stays.stays))
    heard = stays.came("sound")
    checks.that(
        sum(each > least_sound for each in heard) >= count, f"{whose} heard Reprise in every stay",
        " ".join(f"{each:.3g}" for each in heard),
    )  # fmt: skip
    if video:
        seen = stays.came("pictures")
        checks.that(sum(each > 3 for each in seen) >= count, f"{whose} saw Reprise's pictures in every stay", seen)

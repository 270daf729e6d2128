// What the ideal card shares with the tests: the words of its control file and the slots of its loop file.
#ifndef IDEAL_CARD_H
#define IDEAL_CARD_H

#include <stdint.h>

/// The control file, mapped by the card and by whoever commands it. The first part is written by the commander (one
/// word each, 0 is normal), the second by the card.
struct ideal_control {
    uint32_t vanished;      // the device is gone: ENODEV in use and at open
    uint32_t stalled;       // it runs and delivers nothing
    uint32_t busy;          // EBUSY at open
    uint32_t xruns;         // each increase makes one xrun
    uint32_t suspended;     // the machine sleeps: ESTRPIPE in use; a resume fails with EAGAIN while it is set
    uint32_t speed;         // the clock's factor, 0 means 1; stamps go on from the start at that speed
    uint32_t resume_fails;  // a resume fails, as that of cards without the feature
    uint32_t mixerless;     // the control device cannot be opened
    uint64_t busy_until;    // EBUSY at open until this time of CLOCK_MONOTONIC, in nanoseconds

    uint32_t opens;         // so many opens succeeded
    uint32_t open_handles;  // handles open now (not lowered when a process is killed)
    uint32_t starts;
    uint32_t card_xruns;
    uint64_t started_frame; // the card's frame count at the last start: CLOCK_MONOTONIC in sample frames
    uint64_t started_at;    // the same in nanoseconds
    int32_t playback_volume, capture_volume;  // the mixer's raw values, 0...ideal_volume_max
    int32_t playback_switch, capture_switch;
    uint32_t slowness;      // the clock's divisor, 0 means 1: for tests that a busy machine must not disturb
    uint32_t always_xruns;  // each wake-up finds an xrun
};

enum { ideal_volume_max = 64, ideal_loop_slots = 1 << 17 };

/// The loop file: what was played and is heard again, by card frame (slot = frame % ideal_loop_slots). A slot whose
/// `frame` is not the frame asked for is silence.
struct ideal_slot {
    uint32_t frame;  // low 32 bits
    int16_t left, right;
};

#endif

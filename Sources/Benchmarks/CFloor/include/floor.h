// What the hardware costs: bare ALSA and V4L2 calls, in the order every program makes them, with nothing between them.
// `reprise bench restart` puts these figures beside those of a call.
//
// All functions block. Times are in nanoseconds of CLOCK_MONOTONIC.
#ifndef FLOOR_H
#define FLOOR_H

#include <stdbool.h>
#include <stdint.h>

/// What a measurement came to.
struct floor_result {
    /// From the first call to the first block or frame in hand.
    int64_t start_ns;
    /// What it took to stop: closed after a cold start, stopped and prepared again after a warm one.
    int64_t stop_ns;
    /// 0, or the positive errno of `call`.
    int error;
    /// The call that failed.
    const char *call;
};

struct floor_pcm_setup {
    const char *pcm;
    /// `S16_LE`, as ALSA calls it.
    const char *format;
    unsigned rate, channels;
    /// In sample frames.
    unsigned long period, buffer;
    bool mmap;
};

struct floor_camera_setup {
    /// `/dev/video0`.
    const char *node;
    /// The four characters of the format.
    const char *format;
    unsigned width, height;
    double frames_per_second;
    /// How many buffers to ask for.
    unsigned buffers;
};

/// A microphone: open, configure, start, read the first period, close.
struct floor_result floor_pcm_cold(const struct floor_pcm_setup *setup);
/// The same with a handle that stays open and configured: start, read the first period, drop and prepare; `count`
/// times, the results in `results`. Returns how many were measured; the last has the error where it is fewer.
int floor_pcm_warm(const struct floor_pcm_setup *setup, struct floor_result *results, int count);

/// A camera: open, set the format and rate, map buffers, queue them, start, take the first frame, close.
struct floor_result floor_camera_cold(const struct floor_camera_setup *setup);
/// The same with a descriptor, format and buffers that stay: queue, start, take the first frame, stop.
int floor_camera_warm(const struct floor_camera_setup *setup, struct floor_result *results, int count);

#endif

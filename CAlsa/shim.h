// libasound as Swift sees it: the library's own header, and inline functions for what is a macro, variadic, or may be
// called from real-time code (marked with the `@_noLocks` attribute that the compiler checks).
#ifndef CALSA_SHIM_H
#define CALSA_SHIM_H

#include <alsa/asoundlib.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#if __has_attribute(swift_attr)
#define ALSA_NO_LOCKS __attribute__((swift_attr("@_noLocks")))
#else
#define ALSA_NO_LOCKS
#endif

// --- alsa-lib's messages -------------------------------------------------------------------------------------------
// alsa-lib prints to standard error unless it has another handler. Ours keeps the text, per thread, for the error that
// follows. Each Swift file that used these functions would have its own buffer: AlsaMessages.swift alone does.

static inline char *alsa_message_buffer(void) {
    static __thread char text[512];
    return text;
}

static inline void alsa_keep_message(const char *file, int line, const char *function, int err, const char *format, ...) {
    char *text = alsa_message_buffer();
    size_t length = strlen(text);
    va_list arguments;
    (void)file; (void)line; (void)function; (void)err;
    if (length + 4 >= 512) return;
    if (length > 0) {
        memcpy(text + length, "; ", 3);
        length += 2;
    }
    va_start(arguments, format);
    vsnprintf(text + length, 512 - length, format, arguments);
    va_end(arguments);
}

static inline void alsa_keep_messages(void) { snd_lib_error_set_handler(alsa_keep_message); }

/// The calling thread's messages since the last call, to `to` (512 bytes).
static inline void alsa_take_messages(char *to) {
    char *text = alsa_message_buffer();
    memcpy(to, text, 512);
    text[0] = 0;
}

// --- the period path -----------------------------------------------------------------------------------------------

/// A PCM's state at one instant.
struct alsa_position {
    int error;           // 0, or the negative errno
    snd_pcm_state_t state;
    int64_t available;   // sample frames that can be read or written now
    int64_t delay;       // sample frames between the application and the converter
    int64_t time;        // when that was so: CLOCK_MONOTONIC in nanoseconds
};

/// `status` is the caller's storage of `snd_pcm_status_sizeof()` bytes.
ALSA_NO_LOCKS static inline struct alsa_position alsa_position(snd_pcm_t *pcm, snd_pcm_status_t *status) {
    struct alsa_position position = {0};
    snd_htimestamp_t time;
    position.error = snd_pcm_status(pcm, status);
    if (position.error < 0) return position;
    position.state = snd_pcm_status_get_state(status);
    position.available = (int64_t)snd_pcm_status_get_avail(status);
    position.delay = snd_pcm_status_get_delay(status);
    snd_pcm_status_get_htstamp(status, &time);
    position.time = (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
    return position;
}

/// poll(2), tried again after a signal. Returns the number of ready descriptors or -errno.
ALSA_NO_LOCKS static inline int alsa_poll(struct pollfd *descriptors, int count, int timeout_ms) {
    int ready;
    do ready = poll(descriptors, (nfds_t)count, timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready < 0 ? -errno : ready;
}

/// Fills in the PCM's descriptors. Before every poll: PipeWire's plug-in takes its eventfd back here only.
ALSA_NO_LOCKS static inline int alsa_poll_descriptors(snd_pcm_t *pcm, struct pollfd *descriptors, int room) {
    return snd_pcm_poll_descriptors(pcm, descriptors, (unsigned)room);
}

/// What the PCM makes of its descriptors' events, or -errno.
ALSA_NO_LOCKS static inline int alsa_revents(snd_pcm_t *pcm, struct pollfd *descriptors, int count) {
    unsigned short events = 0;
    int error = snd_pcm_poll_descriptors_revents(pcm, descriptors, (unsigned)count, &events);
    return error < 0 ? error : events;
}

ALSA_NO_LOCKS static inline snd_pcm_state_t alsa_state(snd_pcm_t *pcm) { return snd_pcm_state(pcm); }

ALSA_NO_LOCKS static inline int64_t alsa_avail_update(snd_pcm_t *pcm) { return snd_pcm_avail_update(pcm); }

/// A contiguous part of the ring of an mmapped PCM. Channel c of frame i is at `address[c] + i * stride[c]`.
struct alsa_area {
    int64_t error;   // 0, or the negative errno
    uint64_t offset, frames;
    const snd_pcm_channel_area_t *channels;
};

ALSA_NO_LOCKS static inline struct alsa_area alsa_mmap_begin(snd_pcm_t *pcm, uint64_t frames) {
    struct alsa_area area = {0};
    snd_pcm_uframes_t offset = 0, count = frames;
    area.error = snd_pcm_mmap_begin(pcm, &area.channels, &offset, &count);
    area.offset = offset;
    area.frames = count;
    return area;
}

/// The frames committed, or -errno.
ALSA_NO_LOCKS static inline int64_t alsa_mmap_commit(snd_pcm_t *pcm, uint64_t offset, uint64_t frames) {
    return snd_pcm_mmap_commit(pcm, offset, frames);
}

ALSA_NO_LOCKS static inline int64_t alsa_readi(snd_pcm_t *pcm, void *to, uint64_t frames) {
    return snd_pcm_readi(pcm, to, frames);
}

ALSA_NO_LOCKS static inline int64_t alsa_writei(snd_pcm_t *pcm, const void *from, uint64_t frames) {
    return snd_pcm_writei(pcm, from, frames);
}

ALSA_NO_LOCKS static inline char *alsa_area_address(const snd_pcm_channel_area_t *area, uint64_t offset) {
    return (char *)area->addr + (area->first + (uint64_t)area->step * offset) / 8;
}

ALSA_NO_LOCKS static inline int64_t alsa_area_stride(const snd_pcm_channel_area_t *area) { return area->step / 8; }

/// Silence: memset of 16-bit samples.
ALSA_NO_LOCKS static inline void alsa_silence(int16_t *samples, int64_t count) {
    memset(samples, 0, (size_t)count * sizeof *samples);
}

/// memmove of 16-bit samples.
ALSA_NO_LOCKS static inline void alsa_move_samples(int16_t *to, const int16_t *from, int64_t count) {
    memmove(to, from, (size_t)count * sizeof *to);
}

// --- device numbers ------------------------------------------------------------------------------------------------

static inline uint32_t alsa_device_major(uint64_t device) { return major(device); }
static inline uint32_t alsa_device_minor(uint64_t device) { return minor(device); }

#endif

// The resampler of speexdsp. The processing functions allocate and lock nothing (the filter is made when the rates are
// set), so they are marked for real-time code.
#ifndef CSPEEXDSP_SHIM_H
#define CSPEEXDSP_SHIM_H

#include <speex/speex_resampler.h>
#include <stdint.h>

#if __has_attribute(swift_attr)
#define SPEEXDSP_NO_LOCKS __attribute__((swift_attr("@_noLocks")))
#else
#define SPEEXDSP_NO_LOCKS
#endif

/// Sample frames taken and given by one call.
struct resampled {
    uint32_t consumed, produced;
};

/// Interleaved S16; up to `count` sample frames in, up to `room` out.
SPEEXDSP_NO_LOCKS static inline struct resampled resampler_process(
    SpeexResamplerState *state, const int16_t *from, uint32_t count, int16_t *to, uint32_t room) {
    struct resampled done = {count, room};
    speex_resampler_process_interleaved_int(state, from, &done.consumed, to, &done.produced);
    return done;
}

#endif

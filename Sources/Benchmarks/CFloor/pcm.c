#include "include/floor.h"

#include <alsa/asoundlib.h>
#include <stdlib.h>
#include <time.h>

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Remembers the first call that fails; all later ones are skipped.
#define CALL(result, name, expression)                                                                                 \
    do {                                                                                                               \
        if ((result)->error == 0) {                                                                                    \
            long status = (expression);                                                                                \
            if (status < 0) {                                                                                          \
                (result)->error = (int)-status;                                                                        \
                (result)->call = name;                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

static void configure(snd_pcm_t *pcm, const struct floor_pcm_setup *setup, struct floor_result *result) {
    snd_pcm_hw_params_t *hw;
    snd_pcm_hw_params_alloca(&hw);
    snd_pcm_access_t access = setup->mmap ? SND_PCM_ACCESS_MMAP_INTERLEAVED : SND_PCM_ACCESS_RW_INTERLEAVED;
    snd_pcm_uframes_t period = setup->period, buffer = setup->buffer, boundary = 0;
    CALL(result, "snd_pcm_hw_params_any", snd_pcm_hw_params_any(pcm, hw));
    CALL(result, "snd_pcm_hw_params_set_access", snd_pcm_hw_params_set_access(pcm, hw, access));
    CALL(result, "snd_pcm_hw_params_set_format",
         snd_pcm_hw_params_set_format(pcm, hw, snd_pcm_format_value(setup->format)));
    CALL(result, "snd_pcm_hw_params_set_channels", snd_pcm_hw_params_set_channels(pcm, hw, setup->channels));
    CALL(result, "snd_pcm_hw_params_set_rate", snd_pcm_hw_params_set_rate(pcm, hw, setup->rate, 0));
    CALL(result, "snd_pcm_hw_params_set_period_size_near",
         snd_pcm_hw_params_set_period_size_near(pcm, hw, &period, NULL));
    CALL(result, "snd_pcm_hw_params_set_buffer_size_near", snd_pcm_hw_params_set_buffer_size_near(pcm, hw, &buffer));
    CALL(result, "snd_pcm_hw_params", snd_pcm_hw_params(pcm, hw));

    snd_pcm_sw_params_t *sw;
    snd_pcm_sw_params_alloca(&sw);
    CALL(result, "snd_pcm_sw_params_current", snd_pcm_sw_params_current(pcm, sw));
    CALL(result, "snd_pcm_sw_params_get_boundary", snd_pcm_sw_params_get_boundary(sw, &boundary));
    CALL(result, "snd_pcm_sw_params_set_start_threshold", snd_pcm_sw_params_set_start_threshold(pcm, sw, boundary));
    CALL(result, "snd_pcm_sw_params_set_avail_min", snd_pcm_sw_params_set_avail_min(pcm, sw, period));
    CALL(result, "snd_pcm_sw_params", snd_pcm_sw_params(pcm, sw));
    CALL(result, "snd_pcm_prepare", snd_pcm_prepare(pcm));
}

// Starts the PCM and reads its first period.
static void first_period(snd_pcm_t *pcm, const struct floor_pcm_setup *setup, void *bytes, struct floor_result *result) {
    CALL(result, "snd_pcm_start", snd_pcm_start(pcm));
    snd_pcm_uframes_t left = setup->period;
    while (result->error == 0 && left > 0) {
        CALL(result, "snd_pcm_wait", snd_pcm_wait(pcm, 3000) == 0 ? -ETIMEDOUT : snd_pcm_avail_update(pcm));
        if (result->error) break;
        snd_pcm_sframes_t done =
            setup->mmap ? snd_pcm_mmap_readi(pcm, bytes, left) : snd_pcm_readi(pcm, bytes, left);
        if (done == -EAGAIN) continue;
        CALL(result, "snd_pcm_readi", done);
        if (done > 0) left -= (snd_pcm_uframes_t)done;
    }
}

static snd_pcm_t *open_pcm(const struct floor_pcm_setup *setup, struct floor_result *result) {
    snd_pcm_t *pcm = NULL;
    CALL(result, "snd_pcm_open", snd_pcm_open(&pcm, setup->pcm, SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK));
    if (pcm) configure(pcm, setup, result);
    return pcm;
}

static void *period_bytes(const struct floor_pcm_setup *setup) {
    // Eight bytes are as large as a sample gets.
    return calloc(setup->period * setup->channels, 8);
}

struct floor_result floor_pcm_cold(const struct floor_pcm_setup *setup) {
    struct floor_result result = {0};
    void *bytes = period_bytes(setup);
    int64_t began = now_ns();
    snd_pcm_t *pcm = open_pcm(setup, &result);
    if (pcm) first_period(pcm, setup, bytes, &result);
    int64_t arrived = now_ns();
    if (pcm) {
        snd_pcm_drop(pcm);
        snd_pcm_close(pcm);
    }
    result.start_ns = arrived - began;
    result.stop_ns = now_ns() - arrived;
    free(bytes);
    return result;
}

int floor_pcm_warm(const struct floor_pcm_setup *setup, struct floor_result *results, int count) {
    struct floor_result opened = {0};
    void *bytes = period_bytes(setup);
    snd_pcm_t *pcm = open_pcm(setup, &opened);
    int measured = 0;
    results[0] = opened;
    while (opened.error == 0 && measured < count) {
        struct floor_result *result = &results[measured];
        *result = (struct floor_result){0};
        int64_t began = now_ns();
        first_period(pcm, setup, bytes, result);
        int64_t arrived = now_ns();
        snd_pcm_drop(pcm);
        CALL(result, "snd_pcm_prepare", snd_pcm_prepare(pcm));
        result->start_ns = arrived - began;
        result->stop_ns = now_ns() - arrived;
        if (result->error) break;
        measured++;
    }
    if (pcm) snd_pcm_close(pcm);
    free(bytes);
    return measured;
}

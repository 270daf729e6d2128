// An ideal sound card in user space: an ALSA I/O plugin whose clock is CLOCK_MONOTONIC. Its periods end exactly when
// they should, its pointer is accurate to the sample, and its faults come when a word of the control file says so.
//
// Frame n of the card is the one that passes the converter at n / rate seconds of CLOCK_MONOTONIC. Capture delivers a
// signal of that frame number (so every sample says when it was captured); playback puts its frames, by number, in the
// loop file, where capture in `loop` mode (in any process) and the tests find them.
#include "ideal_card.h"

#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum signal { SIGNAL_STAMP, SIGNAL_TONE, SIGNAL_IMPULSE, SIGNAL_LOOP, SIGNAL_SILENCE };

struct card {
    snd_pcm_ioplug_t io;
    struct ideal_control *control;
    struct ideal_slot *loop;
    int timer, lock, record;
    off_t record_start;
    enum signal signal;
    double tone;
    uint32_t xruns_made;
    int running;
    int64_t started_ns, frozen_frames;
    uint64_t started_frame;
    snd_pcm_uframes_t avail_min, stop_threshold, boundary;
    int16_t *played;  // playback frames not yet at the converter, two channels, by application pointer % buffer
};

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/// The length of so many frames in nanoseconds, at the speed that the clock is made to run at; rounded up.
static int64_t duration(const struct card *card, int64_t frames) {
    int64_t speed = card->control->speed ? card->control->speed : 1;
    int64_t slowness = card->control->slowness ? card->control->slowness : 1;
    int64_t rate = (int64_t)card->io.rate * speed;
    return (frames * 1000000000 * slowness + rate - 1) / rate;
}

/// The whole frames in so many nanoseconds.
static int64_t frames_in(const struct card *card, int64_t ns) {
    int64_t speed = card->control->speed ? card->control->speed : 1;
    int64_t slowness = card->control->slowness ? card->control->slowness : 1;
    return (int64_t)((__int128)ns * speed * card->io.rate / slowness / 1000000000);
}

/// The position of the converter, in frames since the start.
static int64_t hardware_frames(const struct card *card) {
    if (!card->running) return 0;
    if (card->control->stalled) return card->frozen_frames;
    return frames_in(card, now_ns() - card->started_ns);
}

/// The card's frame number at a time.
static uint64_t frame_at(const struct card *card, int64_t ns) {
    return (uint64_t)((__int128)ns * card->io.rate / 1000000000);
}

static snd_pcm_uframes_t available(const struct card *card, snd_pcm_uframes_t hw, snd_pcm_uframes_t appl) {
    return card->io.stream == SND_PCM_STREAM_CAPTURE ? hw - appl : card->io.buffer_size - (appl - hw);
}

/// Sets the timer to the end of the first period at which `avail_min` frames are available, given the application
/// pointer; a card that is stalled or suspended looks at its control file every 20 ms.
static void arm(struct card *card, snd_pcm_uframes_t appl) {
    struct itimerspec at = {0};
    if (card->running) {
        const struct ideal_control *control = card->control;
        int64_t ns;
        if (control->stalled || control->suspended) {
            ns = now_ns() + 20000000;
        } else {
            int64_t period = (int64_t)card->io.period_size, threshold = (int64_t)card->avail_min;
            int64_t frames = (int64_t)appl + threshold;
            if (card->io.stream == SND_PCM_STREAM_PLAYBACK) frames -= (int64_t)card->io.buffer_size;
            int64_t periods = frames <= period ? 1 : (frames + period - 1) / period;
            ns = card->started_ns + duration(card, periods * period);
        }
        at.it_value.tv_sec = ns / 1000000000;
        at.it_value.tv_nsec = ns % 1000000000;
    }
    timerfd_settime(card->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

// --- samples -------------------------------------------------------------------------------------------------------

static void put(const snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *area, snd_pcm_uframes_t offset, int16_t s) {
    char *to = (char *)area->addr + (area->first + area->step * offset) / 8;
    switch (io->format) {
    case SND_PCM_FORMAT_S16_LE: memcpy(to, &s, 2); break;
    case SND_PCM_FORMAT_S32_LE: { int32_t v = (int32_t)s * 65536; memcpy(to, &v, 4); break; }
    case SND_PCM_FORMAT_S24_3LE: { int32_t v = (int32_t)s * 256; memcpy(to, &v, 3); break; }
    default: { float v = (float)s / 32768; memcpy(to, &v, 4); break; }
    }
}

static int16_t get(const snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *area, snd_pcm_uframes_t offset) {
    const char *from = (const char *)area->addr + (area->first + area->step * offset) / 8;
    int16_t s;
    switch (io->format) {
    case SND_PCM_FORMAT_S16_LE: memcpy(&s, from, 2); return s;
    case SND_PCM_FORMAT_S32_LE: memcpy(&s, from + 2, 2); return s;
    case SND_PCM_FORMAT_S24_3LE: memcpy(&s, from + 1, 2); return s;
    default: {
        float v;
        memcpy(&v, from, 4);
        return v >= 1 ? 32767 : v < -1 ? -32768 : (int16_t)lrintf(v * 32768 > 32767 ? 32767 : v * 32768);
    }
    }
}

/// The sample of card frame `frame`. A stamp is the frame number itself: its low 16 bits in the first channel, the
/// next 16 in the others.
static int16_t sample(const struct card *card, uint64_t frame, unsigned channel) {
    switch (card->signal) {
    case SIGNAL_STAMP: return (int16_t)(channel == 0 ? frame : frame >> 16);
    case SIGNAL_TONE: return (int16_t)lrint(16384 * sin(2 * M_PI * fmod((double)frame * card->tone / card->io.rate, 1)));
    case SIGNAL_IMPULSE: return frame % card->io.rate == 0 ? 32767 : 0;
    case SIGNAL_LOOP: {
        const struct ideal_slot *slot = &card->loop[frame % ideal_loop_slots];
        return slot->frame != (uint32_t)frame ? 0 : channel == 0 ? slot->left : slot->right;
    }
    default: return 0;
    }
}

/// Hands played frames [from, to) of the stream to the loop: their card frames are known once the card runs.
static void to_loop(struct card *card, snd_pcm_uframes_t from, snd_pcm_uframes_t to) {
    if (!card->loop) return;
    for (snd_pcm_uframes_t i = from; i < to; i++) {
        uint64_t frame = card->started_frame + i;
        const int16_t *s = card->played + 2 * (i % card->io.buffer_size);
        struct ideal_slot *slot = &card->loop[frame % ideal_loop_slots];
        slot->frame = (uint32_t)frame - 1;  // not yet readable
        slot->left = s[0];
        slot->right = s[1];
        __atomic_store_n(&slot->frame, (uint32_t)frame, __ATOMIC_RELEASE);
    }
}

/// Appends played frames [from, to) to the record file: S16_LE, two channels.
static int record_played(struct card *card, snd_pcm_uframes_t from, snd_pcm_uframes_t to) {
    while (card->record >= 0 && from < to) {
        snd_pcm_uframes_t start = from % card->io.buffer_size, count = to - from;
        if (count > card->io.buffer_size - start) count = card->io.buffer_size - start;
        if (write(card->record, card->played + 2 * start, count * 4) != (ssize_t)(count * 4)) return 0;
        from += count;
    }
    return 1;
}

static snd_pcm_sframes_t ideal_transfer(
    snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset, snd_pcm_uframes_t size) {
    struct card *card = io->private_data;
    if (card->control->vanished) {
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
        return -ENODEV;
    }
    snd_pcm_uframes_t appl = io->appl_ptr;
    if (io->stream == SND_PCM_STREAM_CAPTURE) {
        for (unsigned channel = 0; channel < io->channels; channel++)
            for (snd_pcm_uframes_t i = 0; i < size; i++)
                put(io, &areas[channel], offset + i, sample(card, card->started_frame + appl + i, channel));
    } else {
        for (snd_pcm_uframes_t i = 0; i < size; i++) {
            int16_t *s = card->played + 2 * ((appl + i) % io->buffer_size);
            s[0] = get(io, &areas[0], offset + i);
            s[1] = io->channels > 1 ? get(io, &areas[1], offset + i) : s[0];
        }
        if (!record_played(card, appl, appl + size)) return -EIO;
        if (card->running) to_loop(card, appl, appl + size);
    }
    if (card->running && available(card, (snd_pcm_uframes_t)hardware_frames(card), appl + size) < card->avail_min)
        arm(card, appl + size);
    return (snd_pcm_sframes_t)size;
}

// --- the stream ----------------------------------------------------------------------------------------------------

static snd_pcm_sframes_t ideal_pointer(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    struct ideal_control *control = card->control;
    if (control->vanished) {
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
        return (snd_pcm_sframes_t)io->hw_ptr;
    }
    if (control->suspended && card->running) {
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_SUSPENDED);
        return (snd_pcm_sframes_t)io->hw_ptr;
    }
    if (!card->running) return 0;
    if (card->xruns_made != control->xruns || (control->always_xruns && hardware_frames(card) > 0)) {
        card->xruns_made = control->xruns;
        control->card_xruns++;
        return -EPIPE;
    }
    snd_pcm_uframes_t hw = (snd_pcm_uframes_t)hardware_frames(card);
    if (!control->stalled) card->frozen_frames = (int64_t)hw;
    snd_pcm_sframes_t avail = (snd_pcm_sframes_t)available(card, hw, io->appl_ptr);
    if (avail >= (snd_pcm_sframes_t)card->stop_threshold && io->state != SND_PCM_STATE_DRAINING) {
        control->card_xruns++;
        return -EPIPE;
    }
    return (snd_pcm_sframes_t)(hw % card->boundary);
}

static int ideal_poll_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count, unsigned short *revents) {
    struct card *card = io->private_data;
    (void)count;
    *revents = 0;
    if (!(fds[0].revents & POLLIN)) return 0;
    snd_pcm_sframes_t avail = snd_pcm_avail_update(io->pcm);
    if (avail < 0 || io->state != SND_PCM_STATE_RUNNING) {
        if (io->state == SND_PCM_STATE_DRAINING || io->state == SND_PCM_STATE_SETUP) *revents = POLLOUT;
        else *revents = POLLERR | (io->stream == SND_PCM_STREAM_CAPTURE ? POLLIN : POLLOUT);
        arm(card, io->appl_ptr);
    } else if ((snd_pcm_uframes_t)avail >= card->avail_min) {
        *revents = io->stream == SND_PCM_STREAM_CAPTURE ? POLLIN : POLLOUT;
        if (card->control->stalled) arm(card, io->appl_ptr), *revents = 0;
    } else {
        arm(card, io->appl_ptr);
    }
    return 0;
}

static int ideal_start(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    if (card->control->vanished) {
        snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
        return -ENODEV;
    }
    card->started_ns = now_ns();
    card->started_frame = frame_at(card, card->started_ns);
    card->frozen_frames = 0;
    card->xruns_made = card->control->xruns;
    card->running = 1;
    card->control->starts++;
    card->control->started_at = (uint64_t)card->started_ns;
    card->control->started_frame = card->started_frame;
    if (io->stream == SND_PCM_STREAM_PLAYBACK) to_loop(card, 0, io->appl_ptr);
    arm(card, io->appl_ptr);
    return 0;
}

static int ideal_stop(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    if (!card->running) return 0;
    snd_pcm_uframes_t hw = (snd_pcm_uframes_t)hardware_frames(card);
    if (io->stream == SND_PCM_STREAM_PLAYBACK && hw < io->appl_ptr) {
        // What was given and not yet played is taken back.
        for (snd_pcm_uframes_t i = hw; card->loop && i < io->appl_ptr; i++)
            __atomic_store_n(&card->loop[(card->started_frame + i) % ideal_loop_slots].frame, 0, __ATOMIC_RELEASE);
        if (card->record >= 0) {
            off_t end = card->record_start + (off_t)hw * 4;
            if (ftruncate(card->record, end) < 0 || lseek(card->record, end, SEEK_SET) < 0) return -errno;
        }
    }
    card->running = 0;
    arm(card, 0);
    return 0;
}

static int ideal_prepare(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    if (card->control->vanished) return -ENODEV;
    if (card->control->suspended) return -ESTRPIPE;
    if (card->running) ideal_stop(io);
    if (card->record >= 0) card->record_start = lseek(card->record, 0, SEEK_END);
    return 0;
}

/// Goes on where it stopped. (alsa-lib 1.2.8 passes no error of this on: a failed resume shows in the state.)
static int ideal_resume(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    if (card->control->suspended || card->control->resume_fails) return -EAGAIN;
    int64_t now = now_ns(), position = card->frozen_frames;
    card->started_ns = now - duration(card, position);
    card->started_frame = frame_at(card, now) - (uint64_t)position;
    snd_pcm_ioplug_set_state(io, SND_PCM_STATE_RUNNING);
    arm(card, io->appl_ptr);
    return 0;
}

static int ideal_hw_params(snd_pcm_ioplug_t *io, snd_pcm_hw_params_t *params) {
    struct card *card = io->private_data;
    (void)params;
    free(card->played);
    card->played = calloc(io->buffer_size, 2 * sizeof *card->played);
    card->avail_min = io->period_size;
    card->stop_threshold = io->buffer_size;
    return card->played ? 0 : -ENOMEM;
}

static int ideal_sw_params(snd_pcm_ioplug_t *io, snd_pcm_sw_params_t *params) {
    struct card *card = io->private_data;
    snd_pcm_sw_params_get_avail_min(params, &card->avail_min);
    snd_pcm_sw_params_get_stop_threshold(params, &card->stop_threshold);
    snd_pcm_sw_params_get_boundary(params, &card->boundary);
    if (card->running) arm(card, io->appl_ptr);
    return 0;
}

static int ideal_close(snd_pcm_ioplug_t *io) {
    struct card *card = io->private_data;
    if (card->running) ideal_stop(io);
    __atomic_sub_fetch(&card->control->open_handles, 1, __ATOMIC_RELAXED);
    munmap(card->control, sizeof *card->control);
    if (card->loop) munmap(card->loop, ideal_loop_slots * sizeof *card->loop);
    if (card->record >= 0) close(card->record);
    close(card->timer);
    close(card->lock);
    free(card->played);
    free(card);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = ideal_start,
    .stop = ideal_stop,
    .pointer = ideal_pointer,
    .transfer = ideal_transfer,
    .close = ideal_close,
    .hw_params = ideal_hw_params,
    .sw_params = ideal_sw_params,
    .prepare = ideal_prepare,
    .resume = ideal_resume,
    .poll_revents = ideal_poll_revents,
};

// --- configuration -------------------------------------------------------------------------------------------------

static void *map_file(const char *path, size_t size) {
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return NULL;
    void *memory = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0) memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return memory == MAP_FAILED ? NULL : memory;
}

/// A list of the configuration (`rates [ 44100 48000 ]`), or its one value.
static int constrain(struct card *card, snd_config_t *list, int parameter) {
    unsigned values[16], count = 0;
    snd_config_iterator_t i, next;
    if (snd_config_get_type(list) != SND_CONFIG_TYPE_COMPOUND) return -EINVAL;
    snd_config_for_each(i, next, list) {
        snd_config_t *entry = snd_config_iterator_entry(i);
        const char *text;
        long number;
        if (count == 16) return -EINVAL;
        if (snd_config_get_integer(entry, &number) == 0) values[count++] = (unsigned)number;
        else if (snd_config_get_string(entry, &text) == 0) values[count++] = (unsigned)snd_pcm_format_value(text);
    }
    return snd_pcm_ioplug_set_param_list(&card->io, parameter, count, values);
}

static int set_constraints(
    struct card *card, snd_config_t *rates, snd_config_t *formats, snd_config_t *channels, snd_config_t *access,
    long period_min) {
    static const unsigned any_access[] = {
        SND_PCM_ACCESS_MMAP_INTERLEAVED, SND_PCM_ACCESS_MMAP_NONINTERLEAVED, SND_PCM_ACCESS_RW_INTERLEAVED,
        SND_PCM_ACCESS_RW_NONINTERLEAVED};
    static const unsigned rw_access[] = {SND_PCM_ACCESS_RW_INTERLEAVED};
    static const unsigned any_format[] = {
        SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_S32_LE, SND_PCM_FORMAT_S24_3LE, SND_PCM_FORMAT_FLOAT_LE};
    static const unsigned any_rate[] = {48000};
    static const unsigned any_channels[] = {1, 2};
    const char *text = NULL;
    int rw = access && snd_config_get_string(access, &text) == 0 && strcmp(text, "rw") == 0;
    int err = snd_pcm_ioplug_set_param_list(
        &card->io, SND_PCM_IOPLUG_HW_ACCESS, rw ? 1 : 4, rw ? rw_access : any_access);
    if (err >= 0)
        err = formats ? constrain(card, formats, SND_PCM_IOPLUG_HW_FORMAT)
                      : snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_FORMAT, 4, any_format);
    if (err >= 0)
        err = rates ? constrain(card, rates, SND_PCM_IOPLUG_HW_RATE)
                    : snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_RATE, 1, any_rate);
    if (err >= 0)
        err = channels ? constrain(card, channels, SND_PCM_IOPLUG_HW_CHANNELS)
                       : snd_pcm_ioplug_set_param_list(&card->io, SND_PCM_IOPLUG_HW_CHANNELS, 2, any_channels);
    // The limits of period and buffer are in bytes: generous ones, for any format and number of channels.
    if (err >= 0)
        err = snd_pcm_ioplug_set_param_minmax(
            &card->io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, (unsigned)period_min * 2, 1 << 18);
    if (err >= 0) err = snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 256, 1 << 20);
    if (err >= 0) err = snd_pcm_ioplug_set_param_minmax(&card->io, SND_PCM_IOPLUG_HW_PERIODS, 2, 1024);
    return err;
}

static int signal_named(const char *name) {
    static const char *const names[] = {"stamp", "tone", "impulse", "loop", "silence"};
    for (int i = 0; i < 5; i++)
        if (strcmp(name, names[i]) == 0) return i;
    return -EINVAL;
}

SND_PCM_PLUGIN_DEFINE_FUNC(ideal) {
    snd_config_iterator_t i, next;
    snd_config_t *rates = NULL, *formats = NULL, *channels = NULL, *access = NULL;
    const char *control = NULL, *loop = NULL, *record = NULL, *signal = "stamp";
    long tone = 1000, period_min = 48;
    (void)root;
    snd_config_for_each(i, next, conf) {
        snd_config_t *entry = snd_config_iterator_entry(i);
        const char *id;
        if (snd_config_get_id(entry, &id) < 0) continue;
        if (!strcmp(id, "type") || !strcmp(id, "comment") || !strcmp(id, "hint")) continue;
        else if (!strcmp(id, "control")) snd_config_get_string(entry, &control);
        else if (!strcmp(id, "loop")) snd_config_get_string(entry, &loop);
        else if (!strcmp(id, "record")) snd_config_get_string(entry, &record);
        else if (!strcmp(id, "signal")) snd_config_get_string(entry, &signal);
        else if (!strcmp(id, "tone")) snd_config_get_integer(entry, &tone);
        else if (!strcmp(id, "period_min")) snd_config_get_integer(entry, &period_min);
        else if (!strcmp(id, "rates")) rates = entry;
        else if (!strcmp(id, "formats")) formats = entry;
        else if (!strcmp(id, "channels")) channels = entry;
        else if (!strcmp(id, "access")) access = entry;
        else {
            SNDERR("ideal card: unknown field %s", id);
            return -EINVAL;
        }
    }
    int kind = signal_named(signal);
    if (!control || kind < 0) {
        SNDERR("ideal card: a control file, and a signal of stamp, tone, impulse, loop, silence");
        return -EINVAL;
    }

    struct card *card = calloc(1, sizeof *card);
    if (!card) return -ENOMEM;
    card->timer = card->lock = card->record = -1;
    card->signal = (enum signal)kind;
    card->tone = (double)tone;
    int err = -EIO;
    if (!(card->control = map_file(control, sizeof *card->control))) goto fail;
    err = -ENODEV;
    if (card->control->vanished) goto fail;
    err = -EBUSY;
    if (card->control->busy || (uint64_t)now_ns() < card->control->busy_until) goto fail;
    // One handle a direction, as hardware without mixing: the lock falls with the process.
    char lock[4096];
    snprintf(lock, sizeof lock, "%s.%s", control, stream == SND_PCM_STREAM_CAPTURE ? "capture" : "playback");
    card->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (card->lock < 0 || flock(card->lock, LOCK_EX | LOCK_NB) < 0) goto fail;
    err = -EIO;
    if (loop && !(card->loop = map_file(loop, ideal_loop_slots * sizeof *card->loop))) goto fail;
    if (card->signal == SIGNAL_LOOP && stream == SND_PCM_STREAM_CAPTURE && !card->loop) goto fail;
    if (record && stream == SND_PCM_STREAM_PLAYBACK) {
        card->record = open(record, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (card->record < 0) goto fail;
    }
    card->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (card->timer < 0) goto fail;

    card->io.version = SND_PCM_IOPLUG_VERSION;
    card->io.name = "ideal card";
    card->io.flags = SND_PCM_IOPLUG_FLAG_LISTED | SND_PCM_IOPLUG_FLAG_MONOTONIC | SND_PCM_IOPLUG_FLAG_BOUNDARY_WA;
    card->io.poll_fd = card->timer;
    card->io.poll_events = POLLIN;
    card->io.callback = &callbacks;
    card->io.private_data = card;
    if ((err = snd_pcm_ioplug_create(&card->io, name, stream, mode)) < 0) goto fail;
    if ((err = set_constraints(card, rates, formats, channels, access, period_min)) < 0) {
        snd_pcm_ioplug_delete(&card->io);
        return err;
    }
    __atomic_add_fetch(&card->control->opens, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&card->control->open_handles, 1, __ATOMIC_RELAXED);
    *pcmp = card->io.pcm;
    return 0;

fail:
    if (card->timer >= 0) close(card->timer);
    if (card->record >= 0) close(card->record);
    if (card->lock >= 0) close(card->lock);
    if (card->loop) munmap(card->loop, ideal_loop_slots * sizeof *card->loop);
    if (card->control) munmap(card->control, sizeof *card->control);
    free(card);
    return err;
}

SND_PCM_PLUGIN_SYMBOL(ideal);

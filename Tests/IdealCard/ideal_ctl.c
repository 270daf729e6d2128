// The ideal card's mixer: Master (playback) and Capture, each a volume of -64...0 dB in steps of 1 dB and a switch.
// Its values are words of the card's control file.
#include "ideal_card.h"

#include <alsa/asoundlib.h>
#include <alsa/control_external.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum key { PLAYBACK_VOLUME, PLAYBACK_SWITCH, CAPTURE_VOLUME, CAPTURE_SWITCH, KEYS };

static const char *const names[KEYS] = {
    "Master Playback Volume", "Master Playback Switch", "Capture Volume", "Capture Switch"};

struct mixer {
    snd_ctl_ext_t ext;
    struct ideal_control *control;
};

static int32_t *value(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key) {
    struct ideal_control *control = ((struct mixer *)ext->private_data)->control;
    switch (key) {
    case PLAYBACK_VOLUME: return &control->playback_volume;
    case PLAYBACK_SWITCH: return &control->playback_switch;
    case CAPTURE_VOLUME: return &control->capture_volume;
    default: return &control->capture_switch;
    }
}

static int is_volume(snd_ctl_ext_key_t key) { return key == PLAYBACK_VOLUME || key == CAPTURE_VOLUME; }

static void mixer_close(snd_ctl_ext_t *ext) {
    struct mixer *mixer = ext->private_data;
    munmap(mixer->control, sizeof *mixer->control);
    free(mixer);
}

static int elem_count(snd_ctl_ext_t *ext) {
    (void)ext;
    return KEYS;
}

static int elem_list(snd_ctl_ext_t *ext, unsigned offset, snd_ctl_elem_id_t *id) {
    (void)ext;
    if (offset >= KEYS) return -EINVAL;
    snd_ctl_elem_id_set_interface(id, SND_CTL_ELEM_IFACE_MIXER);
    snd_ctl_elem_id_set_name(id, names[offset]);
    return 0;
}

static snd_ctl_ext_key_t find_elem(snd_ctl_ext_t *ext, const snd_ctl_elem_id_t *id) {
    (void)ext;
    for (unsigned i = 0; i < KEYS; i++)
        if (strcmp(snd_ctl_elem_id_get_name(id), names[i]) == 0) return i;
    return SND_CTL_EXT_KEY_NOT_FOUND;
}

static int get_attribute(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, int *type, unsigned *access, unsigned *count) {
    (void)ext;
    *type = is_volume(key) ? SND_CTL_ELEM_TYPE_INTEGER : SND_CTL_ELEM_TYPE_BOOLEAN;
    *access = SND_CTL_EXT_ACCESS_READWRITE;
    if (is_volume(key)) *access |= SND_CTL_EXT_ACCESS_TLV_READ | SND_CTL_EXT_ACCESS_TLV_CALLBACK;
    *count = 1;
    return 0;
}

static int get_integer_info(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *min, long *max, long *step) {
    (void)ext;
    (void)key;
    *min = 0;
    *max = ideal_volume_max;
    *step = 1;
    return 0;
}

static int read_integer(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *to) {
    *to = *value(ext, key);
    return 0;
}

static int write_integer(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, long *from) {
    int32_t *at = value(ext, key);
    if (*from < 0 || *from > (is_volume(key) ? ideal_volume_max : 1)) return -EINVAL;
    int changed = *at != *from;
    *at = (int32_t)*from;
    return changed;
}

static int read_event(snd_ctl_ext_t *ext, snd_ctl_elem_id_t *id, unsigned *mask) {
    (void)ext;
    (void)id;
    (void)mask;
    return -EAGAIN;
}

/// -64 dB at 0, steps of 1 dB (in hundredths, as a TLV has them).
static int read_scale(snd_ctl_ext_t *ext, snd_ctl_ext_key_t key, int operation, unsigned numid, unsigned *tlv,
                      unsigned size) {
    (void)ext;
    (void)key;
    (void)numid;
    if (operation != 0) return -ENXIO;
    if (size < 4 * sizeof *tlv) return -ENOMEM;
    tlv[0] = SND_CTL_TLVT_DB_SCALE;
    tlv[1] = 2 * sizeof *tlv;
    tlv[2] = (unsigned)(-100 * ideal_volume_max);
    tlv[3] = 100;
    return 0;
}

static const snd_ctl_ext_callback_t callbacks = {
    .close = mixer_close,
    .elem_count = elem_count,
    .elem_list = elem_list,
    .find_elem = find_elem,
    .get_attribute = get_attribute,
    .get_integer_info = get_integer_info,
    .read_integer = read_integer,
    .write_integer = write_integer,
    .read_event = read_event,
};

SND_CTL_PLUGIN_DEFINE_FUNC(ideal) {
    snd_config_iterator_t i, next;
    const char *control = NULL;
    (void)root;
    snd_config_for_each(i, next, conf) {
        snd_config_t *entry = snd_config_iterator_entry(i);
        const char *id;
        if (snd_config_get_id(entry, &id) == 0 && !strcmp(id, "control")) snd_config_get_string(entry, &control);
    }
    if (!control) return -EINVAL;

    struct mixer *mixer = calloc(1, sizeof *mixer);
    if (!mixer) return -ENOMEM;
    int fd = open(control, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    void *memory = MAP_FAILED;
    if (fd >= 0 && ftruncate(fd, sizeof *mixer->control) == 0)
        memory = mmap(NULL, sizeof *mixer->control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd >= 0) close(fd);
    if (memory == MAP_FAILED) {
        free(mixer);
        return -EIO;
    }
    mixer->control = memory;
    if (mixer->control->mixerless || mixer->control->vanished) {
        munmap(memory, sizeof *mixer->control);
        free(mixer);
        return -ENODEV;
    }

    mixer->ext.version = SND_CTL_EXT_VERSION;
    strcpy(mixer->ext.id, "ideal");
    strcpy(mixer->ext.driver, "ideal");
    strcpy(mixer->ext.name, "Ideal card");
    strcpy(mixer->ext.longname, "Ideal card in user space");
    strcpy(mixer->ext.mixername, "Ideal mixer");
    mixer->ext.poll_fd = -1;
    mixer->ext.callback = &callbacks;
    mixer->ext.private_data = mixer;
    mixer->ext.tlv.c = read_scale;
    int err = snd_ctl_ext_create(&mixer->ext, name, mode);
    if (err < 0) {
        munmap(memory, sizeof *mixer->control);
        free(mixer);
        return err;
    }
    *handlep = mixer->ext.handle;
    return 0;
}

SND_CTL_PLUGIN_SYMBOL(ideal);

// libxcb with the extensions that capturing the screen needs, and what Swift cannot import of it: the extensions'
// global variables, the setup's nested iterators, and the two system calls that Glibc's module leaves out.
#ifndef CXCB_SHIM_H
#define CXCB_SHIM_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <xcb/composite.h>
#include <xcb/damage.h>
#include <xcb/randr.h>
#include <xcb/shm.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>
#include <xcb/xfixes.h>

/// What a server offers, its versions negotiated.
typedef struct {
    bool shared_memory; // MIT-SHM 1.2 over a local socket: segments are passed as descriptors
    bool composite;     // 0.2: a window's own pixels, whatever covers it
    bool damage;        // 1.1
    bool cursor;        // XFIXES 2
    bool monitors;      // RANDR 1.5
    uint8_t damage_event;
    uint8_t randr_event;
} xcb_shim_features;

static inline bool xcb_shim_present(xcb_connection_t *c, xcb_extension_t *id, uint8_t *first_event) {
    const xcb_query_extension_reply_t *extension = xcb_get_extension_data(c, id);
    if (!extension || !extension->present) return false;
    if (first_event) *first_event = extension->first_event;
    return true;
}

/// Asks for every extension. Blocks for some round trips.
static inline xcb_shim_features xcb_shim_query_features(xcb_connection_t *c) {
    xcb_shim_features f = {0};
    if (xcb_shim_present(c, &xcb_xfixes_id, NULL)) {
        xcb_xfixes_query_version_reply_t *v = xcb_xfixes_query_version_reply(c, xcb_xfixes_query_version(c, 4, 0), NULL);
        f.cursor = v && v->major_version >= 2;
        free(v);
    }
    if (xcb_shim_present(c, &xcb_damage_id, &f.damage_event)) {
        xcb_damage_query_version_reply_t *v = xcb_damage_query_version_reply(c, xcb_damage_query_version(c, 1, 1), NULL);
        f.damage = v && v->major_version == 1;
        free(v);
    }
    if (xcb_shim_present(c, &xcb_composite_id, NULL)) {
        xcb_composite_query_version_reply_t *v =
            xcb_composite_query_version_reply(c, xcb_composite_query_version(c, 0, 4), NULL);
        f.composite = v && (v->major_version > 0 || v->minor_version >= 2);
        free(v);
    }
    if (xcb_shim_present(c, &xcb_randr_id, &f.randr_event)) {
        xcb_randr_query_version_reply_t *v = xcb_randr_query_version_reply(c, xcb_randr_query_version(c, 1, 5), NULL);
        f.monitors = v && (v->major_version > 1 || v->minor_version >= 5);
        free(v);
    }
    if (xcb_shim_present(c, &xcb_shm_id, NULL)) {
        // A descriptor sent over TCP (ssh -X) would end the connection.
        struct sockaddr_storage address;
        socklen_t size = sizeof address;
        bool local = getsockname(xcb_get_file_descriptor(c), (struct sockaddr *)&address, &size) == 0
            && address.ss_family == AF_UNIX;
        xcb_shm_query_version_reply_t *v = xcb_shm_query_version_reply(c, xcb_shm_query_version(c), NULL);
        f.shared_memory = local && v && (v->major_version > 1 || v->minor_version >= 2);
        free(v);
    }
    return f;
}

/// The screen with a number, or NULL.
static inline const xcb_screen_t *xcb_shim_screen(xcb_connection_t *c, int number) {
    xcb_screen_iterator_t i = xcb_setup_roots_iterator(xcb_get_setup(c));
    for (; i.rem > 0 && number > 0; number--) xcb_screen_next(&i);
    return i.rem > 0 ? i.data : NULL;
}

/// Whether images of a visual are the bytes B G R X, 32 bits a pixel: what GetImage gives on all but ancient servers.
static inline bool xcb_shim_is_bgrx(xcb_connection_t *c, xcb_visualid_t visual) {
    const xcb_setup_t *setup = xcb_get_setup(c);
    if (setup->image_byte_order != XCB_IMAGE_ORDER_LSB_FIRST) return false;
    for (xcb_screen_iterator_t s = xcb_setup_roots_iterator(setup); s.rem; xcb_screen_next(&s)) {
        for (xcb_depth_iterator_t d = xcb_screen_allowed_depths_iterator(s.data); d.rem; xcb_depth_next(&d)) {
            const xcb_visualtype_t *visuals = xcb_depth_visuals(d.data);
            for (int v = 0; v < xcb_depth_visuals_length(d.data); v++) {
                if (visuals[v].visual_id != visual) continue;
                if (visuals[v].red_mask != 0xff0000 || visuals[v].green_mask != 0xff00 || visuals[v].blue_mask != 0xff)
                    return false;
                const xcb_format_t *formats = xcb_setup_pixmap_formats(setup);
                for (int f = 0; f < xcb_setup_pixmap_formats_length(setup); f++)
                    if (formats[f].depth == d.data->depth) return formats[f].bits_per_pixel == 32;
            }
        }
    }
    return false;
}

/// Anonymous memory of a size as a close-on-exec descriptor, or -1.
static inline int xcb_shim_memory(size_t size) {
    int fd = (int)syscall(SYS_memfd_create, "x11-capture", 1u /* MFD_CLOEXEC */);
    if (fd >= 0 && ftruncate(fd, (off_t)size) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/// libxcb writes with writev: a server that went away would end the process by SIGPIPE. Blocked on the calling
/// thread, the write fails with EPIPE instead.
static inline void xcb_shim_block_sigpipe(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

#endif

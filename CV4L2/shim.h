// The kernel's V4L2 interface and libv4lconvert as Swift sees them. The kernel's requests are macros and its structures
// are unions and packed; here each request is a function over a plain structure.
//
// All functions return 0 or an errno, and go on after EINTR.
#ifndef CV4L2_SHIM_H
#define CV4L2_SHIM_H

#include <errno.h>
#include <fcntl.h>
#include <libv4lconvert.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int cv4l2_request(int fd, unsigned long request, void *argument) {
    int status;
    do {
        status = ioctl(fd, request, argument);
    } while (status < 0 && errno == EINTR);
    return status < 0 ? errno : 0;
}

// ---- The node ------------------------------------------------------------------------------------------------------

/// Opens a node without waiting for it. Returns the descriptor or -errno.
static inline int cv4l2_open(const char *path) {
    int fd;
    do {
        fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : fd;
}

struct cv4l2_capability {
    char driver[17], card[33], bus[33]; // ended by 0
    uint32_t version;
    uint32_t capabilities; // of this node, not of the whole device
};

static inline int cv4l2_query_capability(int fd, struct cv4l2_capability *result) {
    struct v4l2_capability c;
    memset(&c, 0, sizeof c);
    int status = cv4l2_request(fd, VIDIOC_QUERYCAP, &c);
    memset(result, 0, sizeof *result);
    memcpy(result->driver, c.driver, sizeof c.driver);
    memcpy(result->card, c.card, sizeof c.card);
    memcpy(result->bus, c.bus_info, sizeof c.bus_info);
    result->version = c.version;
    result->capabilities = c.capabilities & V4L2_CAP_DEVICE_CAPS ? c.device_caps : c.capabilities;
    return status;
}

#define CV4L2_READY 1  // a frame, or an error to be told by the next dequeue
#define CV4L2_BROKEN 2 // POLLERR, POLLHUP or POLLNVAL
#define CV4L2_WOKEN 4  // the wake-up descriptor

/// Waits for a frame or a wake-up; `fd` -1: for a wake-up only; `timeout_ms` -1: for ever.
/// `result`: 0 after the time or a signal.
static inline int cv4l2_poll(int fd, int wakeup, int timeout_ms, int *result) {
    struct pollfd set[2] = {{.fd = wakeup, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
    *result = 0;
    if (poll(set, fd < 0 ? 1 : 2, timeout_ms) < 0) { return errno == EINTR ? 0 : errno; }
    if (set[0].revents) { *result |= CV4L2_WOKEN; }
    if (set[1].revents & POLLIN) { *result |= CV4L2_READY; }
    if (set[1].revents & (POLLERR | POLLHUP | POLLNVAL)) { *result |= CV4L2_BROKEN; }
    return 0;
}

// ---- Formats -------------------------------------------------------------------------------------------------------

static inline uint32_t cv4l2_type(bool multiplanar) {
    return multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
}

static inline int cv4l2_enum_format(int fd, bool multiplanar, uint32_t index, uint32_t *fourcc) {
    struct v4l2_fmtdesc f = {.index = index, .type = cv4l2_type(multiplanar)};
    int status = cv4l2_request(fd, VIDIOC_ENUM_FMT, &f);
    *fourcc = f.pixelformat;
    return status;
}

struct cv4l2_size {
    bool is_range;
    uint32_t min_width, max_width, step_width, min_height, max_height, step_height;
};

static inline int cv4l2_enum_size(int fd, uint32_t fourcc, uint32_t index, struct cv4l2_size *result) {
    struct v4l2_frmsizeenum f = {.index = index, .pixel_format = fourcc};
    int status = cv4l2_request(fd, VIDIOC_ENUM_FRAMESIZES, &f);
    if (f.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
        *result = (struct cv4l2_size){
            false, f.discrete.width, f.discrete.width, 1, f.discrete.height, f.discrete.height, 1};
    } else {
        *result = (struct cv4l2_size){
            true, f.stepwise.min_width, f.stepwise.max_width, f.stepwise.step_width,
            f.stepwise.min_height, f.stepwise.max_height, f.stepwise.step_height};
    }
    return status;
}

/// Seconds a frame, as fractions; a range has two ends.
struct cv4l2_interval {
    bool is_range;
    uint32_t min_numerator, min_denominator, max_numerator, max_denominator;
};

static inline int cv4l2_enum_interval(
    int fd, uint32_t fourcc, uint32_t width, uint32_t height, uint32_t index, struct cv4l2_interval *result) {
    struct v4l2_frmivalenum f = {.index = index, .pixel_format = fourcc, .width = width, .height = height};
    int status = cv4l2_request(fd, VIDIOC_ENUM_FRAMEINTERVALS, &f);
    bool is_range = f.type != V4L2_FRMIVAL_TYPE_DISCRETE;
    struct v4l2_fract min = is_range ? f.stepwise.min : f.discrete, max = is_range ? f.stepwise.max : f.discrete;
    *result = (struct cv4l2_interval){is_range, min.numerator, min.denominator, max.numerator, max.denominator};
    return status;
}

struct cv4l2_layout {
    uint32_t fourcc, width, height;
    uint32_t plane_count; // of memory, not of colour
    uint32_t stride[VIDEO_MAX_PLANES], size[VIDEO_MAX_PLANES];
};

static inline void cv4l2_read_format(const struct v4l2_format *f, struct cv4l2_layout *result) {
    memset(result, 0, sizeof *result);
    if (f->type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE) {
        result->fourcc = f->fmt.pix_mp.pixelformat;
        result->width = f->fmt.pix_mp.width;
        result->height = f->fmt.pix_mp.height;
        result->plane_count = f->fmt.pix_mp.num_planes;
        if (result->plane_count > VIDEO_MAX_PLANES) { result->plane_count = VIDEO_MAX_PLANES; }
        for (uint32_t i = 0; i < result->plane_count; i++) {
            result->stride[i] = f->fmt.pix_mp.plane_fmt[i].bytesperline;
            result->size[i] = f->fmt.pix_mp.plane_fmt[i].sizeimage;
        }
    } else {
        result->fourcc = f->fmt.pix.pixelformat;
        result->width = f->fmt.pix.width;
        result->height = f->fmt.pix.height;
        result->plane_count = 1;
        result->stride[0] = f->fmt.pix.bytesperline;
        result->size[0] = f->fmt.pix.sizeimage;
    }
}

static inline int cv4l2_get_format(int fd, bool multiplanar, struct cv4l2_layout *result) {
    struct v4l2_format f;
    memset(&f, 0, sizeof f);
    f.type = cv4l2_type(multiplanar);
    int status = cv4l2_request(fd, VIDIOC_G_FMT, &f);
    cv4l2_read_format(&f, result);
    return status;
}

static inline int cv4l2_set_format(
    int fd, bool multiplanar, uint32_t fourcc, uint32_t width, uint32_t height, struct cv4l2_layout *result) {
    struct v4l2_format f;
    memset(&f, 0, sizeof f);
    f.type = cv4l2_type(multiplanar);
    if (multiplanar) {
        f.fmt.pix_mp.pixelformat = fourcc;
        f.fmt.pix_mp.width = width;
        f.fmt.pix_mp.height = height;
        f.fmt.pix_mp.field = V4L2_FIELD_NONE;
    } else {
        f.fmt.pix.pixelformat = fourcc;
        f.fmt.pix.width = width;
        f.fmt.pix.height = height;
        f.fmt.pix.field = V4L2_FIELD_NONE;
    }
    int status = cv4l2_request(fd, VIDIOC_S_FMT, &f);
    cv4l2_read_format(&f, result);
    return status;
}

/// Reads the seconds a frame, as a fraction; 0/0 where the driver has none.
static inline int cv4l2_get_interval(int fd, bool multiplanar, uint32_t *numerator, uint32_t *denominator) {
    struct v4l2_streamparm p;
    memset(&p, 0, sizeof p);
    p.type = cv4l2_type(multiplanar);
    int status = cv4l2_request(fd, VIDIOC_G_PARM, &p);
    *numerator = p.parm.capture.timeperframe.numerator;
    *denominator = p.parm.capture.timeperframe.denominator;
    return status;
}

/// Sets them; the fraction becomes what the driver took.
static inline int cv4l2_set_interval(int fd, bool multiplanar, uint32_t *numerator, uint32_t *denominator) {
    struct v4l2_streamparm p;
    memset(&p, 0, sizeof p);
    p.type = cv4l2_type(multiplanar);
    p.parm.capture.timeperframe.numerator = *numerator;
    p.parm.capture.timeperframe.denominator = *denominator;
    int status = cv4l2_request(fd, VIDIOC_S_PARM, &p);
    *numerator = p.parm.capture.timeperframe.numerator;
    *denominator = p.parm.capture.timeperframe.denominator;
    return status;
}

// ---- Buffers and streaming -----------------------------------------------------------------------------------------

static inline int cv4l2_request_buffers(int fd, bool multiplanar, uint32_t *count) {
    struct v4l2_requestbuffers r;
    memset(&r, 0, sizeof r);
    r.type = cv4l2_type(multiplanar);
    r.memory = V4L2_MEMORY_MMAP;
    r.count = *count;
    int status = cv4l2_request(fd, VIDIOC_REQBUFS, &r);
    *count = r.count;
    return status;
}

struct cv4l2_buffer {
    uint32_t index, flags, sequence;
    int64_t timestamp_ns;
    uint32_t plane_count;
    uint32_t used[VIDEO_MAX_PLANES];   // bytes, the offset included
    uint32_t offset[VIDEO_MAX_PLANES]; // of the first byte of the picture in its memory
    uint32_t length[VIDEO_MAX_PLANES]; // of the memory
    uint32_t map[VIDEO_MAX_PLANES];    // for mmap
};

/// One request (QUERYBUF, QBUF, DQBUF) for a buffer of `plane_count` planes of memory.
static inline int cv4l2_buffer_request(
    int fd, unsigned long request, bool multiplanar, uint32_t index, uint32_t plane_count,
    struct cv4l2_buffer *result) {
    struct v4l2_buffer b;
    struct v4l2_plane planes[VIDEO_MAX_PLANES];
    memset(&b, 0, sizeof b);
    memset(planes, 0, sizeof planes);
    b.type = cv4l2_type(multiplanar);
    b.memory = V4L2_MEMORY_MMAP;
    b.index = index;
    if (multiplanar) {
        b.m.planes = planes;
        b.length = plane_count;
    }
    int status = cv4l2_request(fd, request, &b);
    if (status != 0 || result == NULL) { return status; }
    memset(result, 0, sizeof *result);
    result->index = b.index;
    result->flags = b.flags;
    result->sequence = b.sequence;
    result->timestamp_ns = (int64_t)b.timestamp.tv_sec * 1000000000 + (int64_t)b.timestamp.tv_usec * 1000;
    result->plane_count = multiplanar ? b.length : 1;
    if (result->plane_count > VIDEO_MAX_PLANES) { result->plane_count = VIDEO_MAX_PLANES; }
    if (multiplanar) {
        for (uint32_t i = 0; i < result->plane_count; i++) {
            result->used[i] = planes[i].bytesused;
            result->offset[i] = planes[i].data_offset;
            result->length[i] = planes[i].length;
            result->map[i] = planes[i].m.mem_offset;
        }
    } else {
        result->used[0] = b.bytesused;
        result->length[0] = b.length;
        result->map[0] = b.m.offset;
    }
    return 0;
}

static inline int cv4l2_query_buffer(
    int fd, bool multiplanar, uint32_t index, uint32_t plane_count, struct cv4l2_buffer *result) {
    return cv4l2_buffer_request(fd, VIDIOC_QUERYBUF, multiplanar, index, plane_count, result);
}

static inline int cv4l2_queue(int fd, bool multiplanar, uint32_t index, uint32_t plane_count) {
    return cv4l2_buffer_request(fd, VIDIOC_QBUF, multiplanar, index, plane_count, NULL);
}

static inline int cv4l2_dequeue(int fd, bool multiplanar, uint32_t plane_count, struct cv4l2_buffer *result) {
    return cv4l2_buffer_request(fd, VIDIOC_DQBUF, multiplanar, 0, plane_count, result);
}

static inline int cv4l2_stream(int fd, bool multiplanar, bool on) {
    int type = (int)cv4l2_type(multiplanar);
    return cv4l2_request(fd, on ? VIDIOC_STREAMON : VIDIOC_STREAMOFF, &type);
}

static inline int cv4l2_map(int fd, size_t length, uint32_t offset, void **result) {
    *result = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
    return *result == MAP_FAILED ? errno : 0;
}

static inline int cv4l2_unmap(void *memory, size_t length) { return munmap(memory, length) < 0 ? errno : 0; }

/// Puts ordinary memory with the same content in the place of a driver's memory: pointers into it stay good, and the
/// mapping no longer keeps the device open. mremap swaps the pages at once, so that a reader sees no moment without.
static inline int cv4l2_detach(void *memory, size_t length) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (length + page - 1) & ~(page - 1);
    void *copy = mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) { return errno; }
    memcpy(copy, memory, length);
    // MREMAP_MAYMOVE | MREMAP_FIXED; <sys/mman.h> declares mremap only for _GNU_SOURCE, which a module cannot define.
    if (syscall(SYS_mremap, copy, whole, whole, 1 | 2, memory) == -1) {
        int error = errno;
        munmap(copy, whole);
        return error;
    }
    return 0;
}

// ---- Controls ------------------------------------------------------------------------------------------------------

struct cv4l2_control {
    uint32_t id, type, flags;
    char name[33];
    int64_t minimum, maximum, step, default_value;
};

/// The control after `after`; EINVAL after the last.
static inline int cv4l2_next_control(int fd, uint32_t after, struct cv4l2_control *result) {
    struct v4l2_query_ext_ctrl q;
    memset(&q, 0, sizeof q);
    q.id = after | V4L2_CTRL_FLAG_NEXT_CTRL;
    int status = cv4l2_request(fd, VIDIOC_QUERY_EXT_CTRL, &q);
    memset(result, 0, sizeof *result);
    result->id = q.id;
    result->type = q.type;
    result->flags = q.flags;
    memcpy(result->name, q.name, sizeof q.name);
    result->minimum = q.minimum;
    result->maximum = q.maximum;
    result->step = (int64_t)q.step;
    result->default_value = q.default_value;
    return status;
}

/// A choice of a menu: its name, or the number it stands for (integer menus).
static inline int cv4l2_query_menu(int fd, uint32_t id, uint32_t index, char name[33], int64_t *value) {
    struct v4l2_querymenu m;
    memset(&m, 0, sizeof m);
    m.id = id;
    m.index = index;
    int status = cv4l2_request(fd, VIDIOC_QUERYMENU, &m);
    memcpy(name, m.name, 32);
    name[32] = 0;
    *value = m.value;
    return status;
}

static inline int cv4l2_control_request(int fd, unsigned long request, uint32_t id, bool is_64, int64_t *value) {
    struct v4l2_ext_control c;
    struct v4l2_ext_controls all;
    memset(&c, 0, sizeof c);
    memset(&all, 0, sizeof all);
    c.id = id;
    if (is_64) { c.value64 = *value; } else { c.value = (int32_t)*value; }
    all.which = V4L2_CTRL_WHICH_CUR_VAL;
    all.count = 1;
    all.controls = &c;
    int status = cv4l2_request(fd, request, &all);
    *value = is_64 ? c.value64 : c.value;
    return status;
}

static inline int cv4l2_get_control(int fd, uint32_t id, bool is_64, int64_t *value) {
    return cv4l2_control_request(fd, VIDIOC_G_EXT_CTRLS, id, is_64, value);
}

static inline int cv4l2_set_control(int fd, uint32_t id, bool is_64, int64_t value) {
    return cv4l2_control_request(fd, VIDIOC_S_EXT_CTRLS, id, is_64, &value);
}

// ---- libv4lconvert -------------------------------------------------------------------------------------------------

/// Converts one picture to I420 without padding. Returns the bytes written, or -1.
static inline int cv4l2_convert(
    struct v4lconvert_data *data, const struct cv4l2_layout *layout, const void *from, uint32_t used, void *to,
    uint32_t capacity) {
    struct v4l2_format source, target;
    memset(&source, 0, sizeof source);
    source.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    source.fmt.pix.width = layout->width;
    source.fmt.pix.height = layout->height;
    source.fmt.pix.pixelformat = layout->fourcc;
    source.fmt.pix.bytesperline = layout->stride[0];
    source.fmt.pix.sizeimage = layout->size[0];
    source.fmt.pix.field = V4L2_FIELD_NONE;
    target = source;
    target.fmt.pix.pixelformat = V4L2_PIX_FMT_YUV420;
    target.fmt.pix.bytesperline = layout->width;
    target.fmt.pix.sizeimage = capacity;
    return v4lconvert_convert(
        data, &source, &target, (unsigned char *)(uintptr_t)from, (int)used, (unsigned char *)to, (int)capacity);
}

#endif

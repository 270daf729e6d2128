#include "include/floor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { MAX_BUFFERS = 32 };

struct camera {
    int fd;
    bool multiplanar;
    enum v4l2_buf_type type;
    unsigned buffers;
    struct {
        void *start;
        size_t length;
    } memory[MAX_BUFFERS][VIDEO_MAX_PLANES];
};

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void request(struct camera *camera, struct floor_result *result, const char *name, unsigned long code, void *arg) {
    if (result->error) return;
    int status;
    do status = ioctl(camera->fd, code, arg);
    while (status < 0 && errno == EINTR);
    if (status < 0) {
        result->error = errno;
        result->call = name;
    }
}

static void open_camera(struct camera *camera, const struct floor_camera_setup *setup, struct floor_result *result) {
    camera->fd = open(setup->node, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (camera->fd < 0) {
        result->error = errno;
        result->call = "open";
        return;
    }
    struct v4l2_capability capability;
    request(camera, result, "VIDIOC_QUERYCAP", VIDIOC_QUERYCAP, &capability);
    if (result->error) return;
    __u32 can = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
    camera->multiplanar = !(can & V4L2_CAP_VIDEO_CAPTURE);
    camera->type = camera->multiplanar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;

    struct v4l2_format format = {.type = camera->type};
    __u32 fourcc = 0;
    memcpy(&fourcc, setup->format, strnlen(setup->format, 4));
    if (camera->multiplanar) {
        format.fmt.pix_mp.width = setup->width;
        format.fmt.pix_mp.height = setup->height;
        format.fmt.pix_mp.pixelformat = fourcc;
    } else {
        format.fmt.pix.width = setup->width;
        format.fmt.pix.height = setup->height;
        format.fmt.pix.pixelformat = fourcc;
    }
    request(camera, result, "VIDIOC_S_FMT", VIDIOC_S_FMT, &format);

    struct v4l2_streamparm rate = {.type = camera->type};
    rate.parm.capture.timeperframe.numerator = 1000;
    rate.parm.capture.timeperframe.denominator = (__u32)(setup->frames_per_second * 1000);
    // Cameras with one rate refuse this; their rate is what it is.
    if (result->error == 0) (void)ioctl(camera->fd, VIDIOC_S_PARM, &rate);

    struct v4l2_requestbuffers wanted = {
        .count = setup->buffers, .type = camera->type, .memory = V4L2_MEMORY_MMAP};
    request(camera, result, "VIDIOC_REQBUFS", VIDIOC_REQBUFS, &wanted);
    camera->buffers = wanted.count < MAX_BUFFERS ? wanted.count : MAX_BUFFERS;
    for (unsigned i = 0; result->error == 0 && i < camera->buffers; i++) {
        struct v4l2_plane planes[VIDEO_MAX_PLANES];
        memset(planes, 0, sizeof planes);
        struct v4l2_buffer buffer = {.index = i, .type = camera->type, .memory = V4L2_MEMORY_MMAP};
        if (camera->multiplanar) {
            buffer.m.planes = planes;
            buffer.length = VIDEO_MAX_PLANES;
        }
        request(camera, result, "VIDIOC_QUERYBUF", VIDIOC_QUERYBUF, &buffer);
        unsigned count = camera->multiplanar ? buffer.length : 1;
        for (unsigned p = 0; result->error == 0 && p < count; p++) {
            size_t length = camera->multiplanar ? planes[p].length : buffer.length;
            off_t offset = camera->multiplanar ? planes[p].m.mem_offset : buffer.m.offset;
            void *start = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, camera->fd, offset);
            if (start == MAP_FAILED) {
                result->error = errno;
                result->call = "mmap";
                break;
            }
            camera->memory[i][p].start = start;
            camera->memory[i][p].length = length;
        }
    }
}

static void first_frame(struct camera *camera, struct floor_result *result) {
    struct v4l2_plane planes[VIDEO_MAX_PLANES];
    for (unsigned i = 0; i < camera->buffers; i++) {
        memset(planes, 0, sizeof planes);
        struct v4l2_buffer buffer = {.index = i, .type = camera->type, .memory = V4L2_MEMORY_MMAP};
        if (camera->multiplanar) {
            buffer.m.planes = planes;
            buffer.length = VIDEO_MAX_PLANES;
        }
        request(camera, result, "VIDIOC_QBUF", VIDIOC_QBUF, &buffer);
    }
    request(camera, result, "VIDIOC_STREAMON", VIDIOC_STREAMON, &camera->type);
    while (result->error == 0) {
        struct pollfd ready = {.fd = camera->fd, .events = POLLIN};
        int count = poll(&ready, 1, 5000);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            result->error = count == 0 ? ETIMEDOUT : errno;
            result->call = "poll";
            return;
        }
        memset(planes, 0, sizeof planes);
        struct v4l2_buffer buffer = {.type = camera->type, .memory = V4L2_MEMORY_MMAP};
        if (camera->multiplanar) {
            buffer.m.planes = planes;
            buffer.length = VIDEO_MAX_PLANES;
        }
        request(camera, result, "VIDIOC_DQBUF", VIDIOC_DQBUF, &buffer);
        if (result->error == EAGAIN) {
            result->error = 0;
            continue;
        }
        return;
    }
}

static void stop_camera(struct camera *camera) { (void)ioctl(camera->fd, VIDIOC_STREAMOFF, &camera->type); }

static void close_camera(struct camera *camera) {
    if (camera->fd < 0) return;
    for (unsigned i = 0; i < camera->buffers; i++)
        for (unsigned p = 0; p < VIDEO_MAX_PLANES; p++)
            if (camera->memory[i][p].start) munmap(camera->memory[i][p].start, camera->memory[i][p].length);
    close(camera->fd);
}

struct floor_result floor_camera_cold(const struct floor_camera_setup *setup) {
    struct floor_result result = {0};
    struct camera camera = {.fd = -1};
    int64_t began = now_ns();
    open_camera(&camera, setup, &result);
    if (result.error == 0) first_frame(&camera, &result);
    int64_t arrived = now_ns();
    if (camera.fd >= 0) stop_camera(&camera);
    close_camera(&camera);
    result.start_ns = arrived - began;
    result.stop_ns = now_ns() - arrived;
    return result;
}

int floor_camera_warm(const struct floor_camera_setup *setup, struct floor_result *results, int count) {
    struct floor_result opened = {0};
    struct camera camera = {.fd = -1};
    int measured = 0;
    open_camera(&camera, setup, &opened);
    results[0] = opened;
    while (opened.error == 0 && measured < count) {
        struct floor_result *result = &results[measured];
        *result = (struct floor_result){0};
        int64_t began = now_ns();
        first_frame(&camera, result);
        int64_t arrived = now_ns();
        stop_camera(&camera);
        result->start_ns = arrived - began;
        result->stop_ns = now_ns() - arrived;
        if (result->error) break;
        measured++;
    }
    close_camera(&camera);
    return measured;
}

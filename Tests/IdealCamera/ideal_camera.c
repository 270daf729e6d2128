// An ideal camera, to be preloaded: a V4L2 sensor that exposes its first frame when it is started and delivers each
// frame to the microsecond, at native speed and without a kernel driver. README.md says how to use it.
//
// The descriptor of an open camera is a timerfd that is readable when a frame is ready; the pictures lie in a memfd.
// There is no thread: what the sensor did since the last call is worked out at the next.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 16
#define MAX_BUFFERS 32

/// The words of the control file: faults that a test pokes, and counts that it reads.
struct control {
    uint32_t vanished; // all requests answer ENODEV
    uint32_t stalled;  // no more frames
    uint32_t busy;     // buffers answer EBUSY
    uint32_t damaged;  // frames carry the ERROR flag
    uint32_t no_space; // STREAMON answers ENOSPC
    uint32_t ioctls, mmaps;
};

static struct control no_control, *control = &no_control;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static struct {
    int descriptors[MAX_DESCRIPTORS]; // 0: free
    int files[MAX_DESCRIPTORS];       // the open file behind each: that of the first of its descriptors
    int owner;                        // the open file that has the buffers, 0: none
    int memory;                       // memfd
    struct v4l2_pix_format format;
    struct v4l2_fract interval;
    unsigned buffer_count, buffer_size;
    bool is_streaming;
    int64_t started; // ns
    uint32_t next;   // the frame that is exposed now
    // Indices in the order of their frames.
    unsigned queued[MAX_BUFFERS];
    unsigned queued_count;
    struct {
        unsigned index;
        uint32_t sequence;
    } done[MAX_BUFFERS];
    unsigned done_count;
    bool is_queued[MAX_BUFFERS];
} camera;

static const struct { uint32_t width, height; } sizes[] = {{640, 360}, {640, 480}, {1280, 720}, {1920, 1080}};
static const uint32_t rates[] = {60, 30, 15};
static const uint32_t formats[] = {V4L2_PIX_FMT_YUYV, V4L2_PIX_FMT_NV12};
#define COUNT(array) (sizeof array / sizeof *array)

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static const char *node(void) {
    const char *path = getenv("IDEAL_CAMERA");
    return path ? path : "/dev/video-ideal";
}

__attribute__((constructor)) static void set_up(void) {
    camera.format = (struct v4l2_pix_format){
        .width = 1280, .height = 720, .pixelformat = V4L2_PIX_FMT_YUYV, .field = V4L2_FIELD_NONE,
        .bytesperline = 2560, .sizeimage = 2560 * 720, .colorspace = V4L2_COLORSPACE_SRGB};
    camera.interval = (struct v4l2_fract){1, 30};
    const char *path = getenv("IDEAL_CAMERA_CONTROL");
    if (!path) { return; }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, sizeof *control) < 0) { return; }
    void *words = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (words != MAP_FAILED) { control = words; }
    close(fd);
}

// ---- The sensor ----------------------------------------------------------------------------------------------------

static int64_t frame_time(void) {
    return (int64_t)camera.interval.numerator * 1000000000 / camera.interval.denominator;
}

static int64_t ready_at(uint32_t frame) { return camera.started + (frame + 1) * frame_time(); }

/// Does what the sensor did until now.
static void advance(void) {
    if (!camera.is_streaming || control->stalled) { return; }
    int64_t time = now();
    while (ready_at(camera.next) <= time) {
        if (camera.queued_count) {
            unsigned index = camera.queued[0];
            memmove(camera.queued, camera.queued + 1, --camera.queued_count * sizeof *camera.queued);
            camera.done[camera.done_count].index = index;
            camera.done[camera.done_count++].sequence = camera.next;
        }
        camera.next++;
    }
}

/// Makes the descriptor readable when there is a frame, or when the next will be there.
static void arm(void) {
    struct itimerspec timer = {0};
    int64_t at = 0;
    if (camera.done_count || control->vanished) { at = 1; }
    else if (camera.is_streaming && camera.queued_count && !control->stalled) { at = ready_at(camera.next); }
    timer.it_value.tv_sec = at / 1000000000;
    timer.it_value.tv_nsec = at % 1000000000;
    if (camera.owner) { timerfd_settime(camera.owner, TFD_TIMER_ABSTIME, &timer, NULL); }
}

static void stop(void) {
    camera.is_streaming = false;
    camera.queued_count = camera.done_count = 0;
    memset(camera.is_queued, 0, sizeof camera.is_queued);
    arm();
}

static void free_buffers(void) {
    stop();
    if (camera.memory > 0) { syscall(SYS_close, camera.memory); }
    camera.memory = 0;
    camera.buffer_count = 0;
    camera.owner = 0;
}

// ---- Requests ------------------------------------------------------------------------------------------------------

static int refuse(int error) {
    errno = error;
    return -1;
}

static void fit(struct v4l2_pix_format *format) {
    unsigned best = 0;
    for (unsigned i = 1; i < COUNT(sizes); i++) {
        if (labs((long)sizes[i].width - format->width) + labs((long)sizes[i].height - format->height) <
            labs((long)sizes[best].width - format->width) + labs((long)sizes[best].height - format->height)) {
            best = i;
        }
    }
    bool is_nv12 = format->pixelformat == V4L2_PIX_FMT_NV12;
    *format = (struct v4l2_pix_format){
        .width = sizes[best].width, .height = sizes[best].height, .field = V4L2_FIELD_NONE,
        .pixelformat = is_nv12 ? V4L2_PIX_FMT_NV12 : V4L2_PIX_FMT_YUYV, .colorspace = V4L2_COLORSPACE_SRGB};
    format->bytesperline = format->width * (is_nv12 ? 1 : 2);
    format->sizeimage = format->width * format->height * (is_nv12 ? 3 : 4) / 2;
}

static int request_buffers(int fd, struct v4l2_requestbuffers *request) {
    if (control->busy || (camera.owner && camera.owner != fd)) { return refuse(EBUSY); }
    if (request->memory != V4L2_MEMORY_MMAP) { return refuse(EINVAL); }
    free_buffers();
    request->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP | V4L2_BUF_CAP_SUPPORTS_ORPHANED_BUFS;
    if (request->count == 0) { return 0; }
    if (request->count > MAX_BUFFERS) { request->count = MAX_BUFFERS; }
    camera.buffer_size = (camera.format.sizeimage + 4095) & ~4095u;
    size_t size = (size_t)camera.buffer_size * request->count;
    camera.memory = memfd_create("ideal camera", MFD_CLOEXEC);
    if (camera.memory < 0 || ftruncate(camera.memory, size) < 0) { return refuse(ENOMEM); }
    // Grey, painted once: what a frame costs is the camera's user's doing.
    uint8_t *pixels = (uint8_t *)syscall(
        SYS_mmap, NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, camera.memory, 0);
    if (pixels != MAP_FAILED) {
        memset(pixels, 128, size);
        munmap(pixels, size);
    }
    camera.buffer_count = request->count;
    camera.owner = fd;
    return 0;
}

static void describe(struct v4l2_buffer *buffer, unsigned index) {
    buffer->index = index;
    buffer->memory = V4L2_MEMORY_MMAP;
    buffer->length = camera.format.sizeimage;
    buffer->m.offset = index * camera.buffer_size;
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_TSTAMP_SRC_SOE | V4L2_BUF_FLAG_MAPPED;
    buffer->field = V4L2_FIELD_NONE;
}

static int queue(struct v4l2_buffer *buffer) {
    if (buffer->index >= camera.buffer_count || camera.is_queued[buffer->index]) { return refuse(EINVAL); }
    advance();
    camera.is_queued[buffer->index] = true;
    camera.queued[camera.queued_count++] = buffer->index;
    describe(buffer, buffer->index);
    arm();
    return 0;
}

static int dequeue(struct v4l2_buffer *buffer) {
    if (!camera.is_streaming) { return refuse(EINVAL); }
    advance();
    if (!camera.done_count) {
        arm();
        return refuse(EAGAIN);
    }
    unsigned index = camera.done[0].index;
    uint32_t sequence = camera.done[0].sequence;
    memmove(camera.done, camera.done + 1, --camera.done_count * sizeof *camera.done);
    camera.is_queued[index] = false;
    describe(buffer, index);
    int64_t exposed = camera.started + sequence * frame_time();
    buffer->sequence = sequence;
    buffer->bytesused = camera.format.sizeimage;
    buffer->timestamp.tv_sec = exposed / 1000000000;
    // Rounded up: microseconds must not make a frame older than the start.
    buffer->timestamp.tv_usec = (exposed % 1000000000 + 999) / 1000;
    if (control->damaged) { buffer->flags |= V4L2_BUF_FLAG_ERROR; }
    // The first pixels tell which frame it is and when it was exposed.
    int64_t stamp[2] = {sequence, exposed};
    if (pwrite(camera.memory, stamp, sizeof stamp, (off_t)index * camera.buffer_size) < 0) { return refuse(EIO); }
    arm();
    return 0;
}

static int request(int fd, unsigned long code, void *argument) {
    __atomic_add_fetch(&control->ioctls, 1, __ATOMIC_RELAXED);
    if (control->vanished) { return refuse(ENODEV); }
    switch ((uint32_t)code) {
    case VIDIOC_QUERYCAP: {
        struct v4l2_capability *c = argument;
        *c = (struct v4l2_capability){
            .driver = "ideal", .card = "Ideal camera", .bus_info = "ideal:0", .version = 1,
            .capabilities = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING | V4L2_CAP_DEVICE_CAPS,
            .device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING};
        return 0;
    }
    case VIDIOC_ENUM_FMT: {
        struct v4l2_fmtdesc *f = argument;
        if (f->index >= COUNT(formats) || f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) { return refuse(EINVAL); }
        f->flags = 0;
        f->pixelformat = formats[f->index];
        return 0;
    }
    case VIDIOC_ENUM_FRAMESIZES: {
        struct v4l2_frmsizeenum *f = argument;
        if (f->index >= COUNT(sizes)) { return refuse(EINVAL); }
        f->type = V4L2_FRMSIZE_TYPE_DISCRETE;
        f->discrete.width = sizes[f->index].width;
        f->discrete.height = sizes[f->index].height;
        return 0;
    }
    case VIDIOC_ENUM_FRAMEINTERVALS: {
        struct v4l2_frmivalenum *f = argument;
        if (f->index >= COUNT(rates)) { return refuse(EINVAL); }
        f->type = V4L2_FRMIVAL_TYPE_DISCRETE;
        f->discrete = (struct v4l2_fract){1, rates[f->index]};
        return 0;
    }
    case VIDIOC_G_FMT:
        ((struct v4l2_format *)argument)->fmt.pix = camera.format;
        return 0;
    case VIDIOC_TRY_FMT:
        fit(&((struct v4l2_format *)argument)->fmt.pix);
        return 0;
    case VIDIOC_S_FMT:
        if (camera.owner) { return refuse(EBUSY); }
        fit(&((struct v4l2_format *)argument)->fmt.pix);
        camera.format = ((struct v4l2_format *)argument)->fmt.pix;
        return 0;
    case VIDIOC_G_PARM:
    case VIDIOC_S_PARM: {
        struct v4l2_captureparm *p = &((struct v4l2_streamparm *)argument)->parm.capture;
        struct v4l2_fract wanted = p->timeperframe;
        if ((uint32_t)code == VIDIOC_S_PARM && wanted.numerator && wanted.denominator) {
            camera.interval = (struct v4l2_fract){1, 30};
            for (unsigned i = 0; i < COUNT(rates); i++) {
                if (wanted.denominator / wanted.numerator == rates[i]) { camera.interval.denominator = rates[i]; }
            }
        }
        memset(p, 0, sizeof *p);
        p->capability = V4L2_CAP_TIMEPERFRAME;
        p->timeperframe = camera.interval;
        return 0;
    }
    case VIDIOC_ENUMINPUT: {
        struct v4l2_input *i = argument;
        if (i->index) { return refuse(EINVAL); }
        memset(i, 0, sizeof *i);
        strcpy((char *)i->name, "Sensor");
        i->type = V4L2_INPUT_TYPE_CAMERA;
        return 0;
    }
    case VIDIOC_G_INPUT:
    case VIDIOC_S_INPUT:
        *(int *)argument = 0;
        return 0;
    case VIDIOC_REQBUFS: return request_buffers(fd, argument);
    case VIDIOC_QUERYBUF: {
        struct v4l2_buffer *b = argument;
        if (b->index >= camera.buffer_count) { return refuse(EINVAL); }
        describe(b, b->index);
        return 0;
    }
    case VIDIOC_QBUF: return camera.owner == fd ? queue(argument) : refuse(EINVAL);
    case VIDIOC_DQBUF: return camera.owner == fd ? dequeue(argument) : refuse(EINVAL);
    case VIDIOC_STREAMON:
        if (camera.owner != fd) { return refuse(control->busy || camera.owner ? EBUSY : EINVAL); }
        if (control->no_space) { return refuse(ENOSPC); }
        if (camera.is_streaming) { return 0; }
        camera.is_streaming = true;
        camera.started = now();
        camera.next = 0;
        arm();
        return 0;
    case VIDIOC_STREAMOFF:
        if (camera.owner == fd) { stop(); }
        return 0;
    default: return refuse(ENOTTY);
    }
}

// ---- What is preloaded ---------------------------------------------------------------------------------------------

static int slot(int fd) {
    for (int i = 0; fd > 0 && i < MAX_DESCRIPTORS; i++) {
        if (__atomic_load_n(&camera.descriptors[i], __ATOMIC_RELAXED) == fd) { return i; }
    }
    return -1;
}

/// Adds a descriptor of an open file, 0: of a new one.
static int add(int fd, int file) {
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < MAX_DESCRIPTORS; i++) {
        if (!camera.descriptors[i]) {
            camera.descriptors[i] = fd;
            camera.files[i] = file ? file : fd;
            pthread_mutex_unlock(&mutex);
            return fd;
        }
    }
    pthread_mutex_unlock(&mutex);
    syscall(SYS_close, fd);
    return refuse(EMFILE);
}

static int open_camera(void) {
    if (control->vanished) { return refuse(ENOENT); }
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return fd < 0 ? fd : add(fd, 0);
}

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...) {                                                                       \
        if (!strcmp(path, node())) { return open_camera(); }                                                           \
        va_list list;                                                                                                  \
        va_start(list, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;                                        \
        va_end(list);                                                                                                  \
        return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);                                                  \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    int index = slot(fd);
    if (index >= 0) {
        pthread_mutex_lock(&mutex);
        int file = camera.files[index], others = 0;
        camera.descriptors[index] = 0;
        for (int i = 0; i < MAX_DESCRIPTORS; i++) { others += camera.descriptors[i] && camera.files[i] == file; }
        if (camera.owner == file && !others) { free_buffers(); }
        pthread_mutex_unlock(&mutex);
    }
    return (int)syscall(SYS_close, fd);
}

int dup(int fd) {
    int index = slot(fd), copy = (int)syscall(SYS_dup, fd);
    return index < 0 || copy < 0 ? copy : add(copy, camera.files[index]);
}

int ioctl(int fd, unsigned long code, ...) {
    va_list list;
    va_start(list, code);
    void *argument = va_arg(list, void *);
    va_end(list);
    int index = slot(fd);
    if (index < 0) { return (int)syscall(SYS_ioctl, fd, code, argument); }
    pthread_mutex_lock(&mutex);
    int status = request(camera.files[index], code, argument);
    pthread_mutex_unlock(&mutex);
    return status;
}

static void *map(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    if (slot(fd) >= 0) {
        __atomic_add_fetch(&control->mmaps, 1, __ATOMIC_RELAXED);
        fd = camera.memory;
    }
    return (void *)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
}

void *mmap(void *address, size_t length, int protection, int flags, int fd, off_t offset) {
    return map(address, length, protection, flags, fd, offset);
}

void *mmap64(void *address, size_t length, int protection, int flags, int fd, off64_t offset) {
    return map(address, length, protection, flags, fd, offset);
}

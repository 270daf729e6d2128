#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int64_t linux_monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int linux_eventfd(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void linux_eventfd_signal(int fd) {
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written; // EAGAIN: the counter is full, so the reader has its wake-up already.
}

bool linux_eventfd_drain(int fd) {
    uint64_t count;
    return read(fd, &count, sizeof count) == sizeof count;
}

static struct timespec to_timespec(int64_t ns) {
    return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

void linux_flag_raise(uint32_t *flag) {
    if (__atomic_exchange_n(flag, 1, __ATOMIC_RELEASE) == 0) syscall(SYS_futex, flag, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool linux_flag_wait(uint32_t *flag, int64_t timeout_ns) {
    int64_t deadline = timeout_ns < 0 ? -1 : linux_monotonic_ns() + timeout_ns;
    while (__atomic_exchange_n(flag, 0, __ATOMIC_ACQUIRE) == 0) {
        struct timespec left, *limit = NULL;
        if (deadline >= 0) {
            int64_t rest = deadline - linux_monotonic_ns();
            if (rest <= 0) return false;
            left = to_timespec(rest);
            limit = &left;
        }
        syscall(SYS_futex, flag, FUTEX_WAIT_PRIVATE, 0, limit, NULL, 0);
    }
    return true;
}

int linux_poll_two(int first, int second, int64_t timeout_ns) {
    struct pollfd set[2] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    struct timespec timeout = to_timespec(timeout_ns);
    int ready = ppoll(set, 2, &timeout, NULL);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    return (set[0].revents != 0) | (set[1].revents != 0) << 1;
}

int linux_timerfd(void) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int linux_timerfd_set(int fd, int64_t first_ns, int64_t interval_ns) {
    struct itimerspec spec = {.it_value = to_timespec(first_ns), .it_interval = to_timespec(interval_ns)};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL) < 0 ? -errno : 0;
}

uint64_t linux_timerfd_drain(int fd) {
    uint64_t expirations;
    return read(fd, &expirations, sizeof expirations) == sizeof expirations ? expirations : 0;
}

// A timer that never expires, and is cancelled when CLOCK_REALTIME jumps: timerfd_create(2), TFD_TIMER_CANCEL_ON_SET.
// The kernel counts waking up as such a jump (timekeeping_resume).
static int watch_clock(int fd) {
    struct itimerspec never = {.it_value = {.tv_sec = 8000000000LL}};
    return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL);
}

int linux_clock_change(void) {
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) return -errno;
    if (watch_clock(fd) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

bool linux_clock_change_drain(int fd) {
    uint64_t expirations;
    ssize_t count = read(fd, &expirations, sizeof expirations);
    bool changed = count < 0 && errno == ECANCELED;
    if (changed) watch_clock(fd);
    return changed;
}

int64_t linux_slept_ns(void) {
    struct timespec boot, monotonic;
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (boot.tv_sec - monotonic.tv_sec) * 1000000000LL + boot.tv_nsec - monotonic.tv_nsec;
}

int linux_close(int fd) { return close(fd) < 0 ? -errno : 0; }

void linux_thread_set_name(const char *name) { pthread_setname_np(pthread_self(), name); }

int linux_thread_set_fifo(int priority) {
    struct sched_param param = {.sched_priority = priority};
    return -pthread_setschedparam(pthread_self(), SCHED_FIFO, &param);
}

int linux_thread_set_nice(int steps) { return setpriority(PRIO_PROCESS, (id_t)gettid(), steps) < 0 ? -errno : 0; }

int linux_thread_set_ordinary(void) {
    struct sched_param param = {.sched_priority = 0};
    // What rtkit gave is not inherited, and only the privileged may take that flag away again (sched_setscheduler(2)).
    int flag = sched_getscheduler(0) & SCHED_RESET_ON_FORK;
    return sched_setscheduler(0, SCHED_OTHER | flag, &param) < 0 ? -errno : 0;
}

bool linux_thread_is_realtime(void) {
    int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

int linux_thread_id(void) { return (int)gettid(); }

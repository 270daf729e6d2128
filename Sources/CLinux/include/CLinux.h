// Linux system calls that Glibc's module leaves out. Functions marked REPRISE_NO_LOCKS may be called from real-time
// code: they take no lock, allocate nothing and do not block (the Swift compiler checks the callers).
#ifndef CLINUX_H
#define CLINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __has_attribute(swift_attr)
#define REPRISE_NO_LOCKS __attribute__((swift_attr("@_noLocks")))
#else
#define REPRISE_NO_LOCKS
#endif

/// CLOCK_MONOTONIC in nanoseconds.
REPRISE_NO_LOCKS int64_t linux_monotonic_ns(void);

/// A non-blocking, close-on-exec eventfd, or -errno.
int linux_eventfd(void);
/// Adds one to an eventfd: wakes whoever polls it.
REPRISE_NO_LOCKS void linux_eventfd_signal(int fd);
/// Empties an eventfd. Returns whether it had been signalled.
REPRISE_NO_LOCKS bool linux_eventfd_drain(int fd);

/// A non-blocking, close-on-exec timerfd on CLOCK_MONOTONIC, or -errno.
int linux_timerfd(void);
/// Arms a timerfd: first at the absolute time `first_ns`, then every `interval_ns` (0: once). Returns 0 or -errno.
REPRISE_NO_LOCKS int linux_timerfd_set(int fd, int64_t first_ns, int64_t interval_ns);
/// Empties a timerfd. Returns how often it has expired since.
REPRISE_NO_LOCKS uint64_t linux_timerfd_drain(int fd);

/// A non-blocking, close-on-exec descriptor that can be read once the time of day was set, or after the machine slept;
/// or -errno.
int linux_clock_change(void);
/// Takes such a change back and waits for the next. Returns whether there was one.
bool linux_clock_change_drain(int fd);
/// Nanoseconds that the machine has slept since boot: CLOCK_BOOTTIME without CLOCK_MONOTONIC.
int64_t linux_slept_ns(void);

/// Closes a descriptor. Returns 0 or -errno.
int linux_close(int fd);

/// memcpy of 16-bit samples: the standard library's copies are not marked for real-time code.
REPRISE_NO_LOCKS static inline void linux_copy_samples(int16_t *to, const int16_t *from, ptrdiff_t count) {
    __builtin_memcpy(to, from, (size_t)count * sizeof *to);
}

/// memcpy, as above.
REPRISE_NO_LOCKS static inline void linux_copy_bytes(void *to, const void *from, ptrdiff_t count) {
    __builtin_memcpy(to, from, (size_t)count);
}

/// memset, as above.
REPRISE_NO_LOCKS static inline void linux_fill_bytes(void *to, uint8_t value, ptrdiff_t count) {
    __builtin_memset(to, value, (size_t)count);
}

/// Names the calling thread (15 bytes).
void linux_thread_set_name(const char *name);
/// Asks for SCHED_FIFO at `priority` for the calling thread. Returns 0 or -errno.
int linux_thread_set_fifo(int priority);
/// Puts the calling thread back to SCHED_OTHER. Returns 0 or -errno.
int linux_thread_set_ordinary(void);

#endif

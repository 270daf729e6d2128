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

/// Raises a flag (0 or 1) and wakes the thread that waits for it.
REPRISE_NO_LOCKS void linux_flag_raise(uint32_t *flag);
/// Waits until a flag is raised and takes that back; at most so long, or for ever where it is negative. Returns whether it
/// was raised.
bool linux_flag_wait(uint32_t *flag, int64_t timeout_ns);

/// Waits until one of two descriptors can be read, at most so long, to the nanosecond. Returns bit 0 for the first, bit 1
/// for the second, 0 when time was up or a signal came, or -errno.
REPRISE_NO_LOCKS int linux_poll_two(int first, int second, int64_t timeout_ns);

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

// MARK: Sockets

/// An epoll instance, close-on-exec, or -errno.
int linux_epoll(void);
enum { linux_readable = 1, linux_writable = 2 };
/// Watches a descriptor (`events`: linux_readable, linux_writable), changes what is watched, or (0) ends it. Level-triggered.
/// Returns 0 or -errno.
int linux_epoll_add(int epoll, int fd, int events, uint64_t token);
int linux_epoll_change(int epoll, int fd, int events, uint64_t token);
int linux_epoll_remove(int epoll, int fd);
/// Waits for events: their tokens and linux_readable/linux_writable (errors and hang-ups are both). Restarted after
/// signals. Returns how many, or -errno.
int linux_epoll_wait(int epoll, uint64_t *tokens, int *events, int capacity);

/// An IPv4 or IPv6 address with a port; the numbers are in the host's order, IPv4 in the low 32 bits.
typedef struct {
    uint64_t high, low;
    uint32_t scope;
    uint16_t port;
    bool is_v6;
} linux_address;

/// A non-blocking, close-on-exec UDP socket bound to an address (port 0: any), with `buffer` bytes asked for each way.
/// Writes the address it got. Returns the descriptor or -errno.
int linux_udp_socket(linux_address *address, int buffer);
/// A non-blocking, close-on-exec socket on UDP port 5353 of IPv4, shared with others that do multicast DNS. Returns the
/// descriptor or -errno.
int linux_mdns_socket(void);
/// Has a group's datagrams of an interface delivered. Returns 0 or -errno.
int linux_multicast_join(int fd, const linux_address *group, const linux_address *interface);
/// Sends a datagram to a group over an interface, with a hop limit of 255. Returns 0 or -errno.
int linux_multicast_send(
    int fd, const void *bytes, size_t count, const linux_address *group, const linux_address *interface);
/// Begins to connect a non-blocking TCP socket with TCP_NODELAY. Returns the descriptor or -errno.
int linux_tcp_connect(const linux_address *address);
/// The error a socket has met (SO_ERROR): 0 or -errno.
int linux_socket_error(int fd);
/// The address of a socket's own end. Returns 0 or -errno.
int linux_socket_address(int fd, linux_address *address);
/// Sends one datagram at once or not at all. Returns 0 or -errno.
int linux_send_datagram(int fd, const void *bytes, size_t count, const linux_address *to);
/// Sends what a stream takes. Returns bytes, or -errno. No SIGPIPE.
ptrdiff_t linux_send_stream(int fd, const void *bytes, size_t count);
/// Receives from a stream. Returns bytes, 0 at its end, or -errno.
ptrdiff_t linux_receive_stream(int fd, void *bytes, size_t capacity);
/// A socket that is readable when addresses or links of this machine change (NETLINK_ROUTE), or -errno.
int linux_route_socket(void);

/// Storage for a number of datagrams that are received or sent by one system call each.
typedef struct linux_batch linux_batch;
/// `count` datagrams of at most `size` bytes. NULL without memory.
linux_batch *linux_batch_new(int count, int size);
void linux_batch_free(linux_batch *batch);
/// The storage of a datagram, `size` bytes.
uint8_t *linux_batch_bytes(linux_batch *batch, int index);
/// Receives what is there. Returns how many datagrams, 0 for none, or -errno.
int linux_batch_receive(linux_batch *batch, int fd);
/// The bytes of a received datagram; 0 for one that was larger than its storage.
int linux_batch_count(const linux_batch *batch, int index);
linux_address linux_batch_source(const linux_batch *batch, int index);
/// Says where in its storage a datagram to be sent lies.
void linux_batch_set(linux_batch *batch, int index, int offset, int count);
/// Sends the first `count` datagrams to one address. Returns how many the kernel took, or -errno when it took none.
int linux_batch_send(linux_batch *batch, int fd, int count, const linux_address *to);

/// Names the calling thread (15 bytes).
void linux_thread_set_name(const char *name);
/// Asks for SCHED_FIFO at `priority` for the calling thread. Returns 0 or -errno.
int linux_thread_set_fifo(int priority);
/// Makes the calling thread, and those it creates from now on, stand back for others by so many steps (nice(2), which
/// Linux applies by thread). Returns 0 or -errno.
int linux_thread_set_nice(int steps);
/// Puts the calling thread back to SCHED_OTHER. Returns 0 or -errno.
int linux_thread_set_ordinary(void);
/// Whether the calling thread runs with real-time priority, whoever gave it.
bool linux_thread_is_realtime(void);
/// The calling thread's id, as `ps -L` shows it.
int linux_thread_id(void);

/// Asks rtkit over the system bus to give one of this process's threads at most this real-time priority. Blocks for as
/// long as the bus takes, seconds at most; bounds the time that the process's real-time threads may run without
/// sleeping, as rtkit demands. Returns the priority, or -errno with the reason (at most `size` bytes).
int linux_rtkit(int thread, int priority, char *reason, size_t size);

#endif

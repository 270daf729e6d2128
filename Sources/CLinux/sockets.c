#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

// MARK: epoll

int linux_epoll(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int epoll_update(int epoll, int operation, int fd, int events, uint64_t token) {
    struct epoll_event event = {.data.u64 = token};
    if (events & linux_readable) event.events |= EPOLLIN;
    if (events & linux_writable) event.events |= EPOLLOUT;
    return epoll_ctl(epoll, operation, fd, &event) < 0 ? -errno : 0;
}

int linux_epoll_add(int epoll, int fd, int events, uint64_t token) {
    return epoll_update(epoll, EPOLL_CTL_ADD, fd, events, token);
}

int linux_epoll_change(int epoll, int fd, int events, uint64_t token) {
    return epoll_update(epoll, EPOLL_CTL_MOD, fd, events, token);
}

int linux_epoll_remove(int epoll, int fd) { return epoll_update(epoll, EPOLL_CTL_DEL, fd, 0, 0); }

int linux_epoll_wait(int epoll, uint64_t *tokens, int *events, int capacity) {
    struct epoll_event ready[64];
    if (capacity > 64) capacity = 64;
    int count;
    do count = epoll_wait(epoll, ready, capacity, -1);
    while (count < 0 && errno == EINTR);
    if (count < 0) return -errno;
    for (int i = 0; i < count; i++) {
        tokens[i] = ready[i].data.u64;
        events[i] = 0;
        if (ready[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) events[i] |= linux_readable;
        if (ready[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) events[i] |= linux_writable;
    }
    return count;
}

// MARK: Addresses

static uint64_t big_endian_64(const uint8_t *bytes) {
    uint64_t value = 0;
    for (int i = 0; i < 8; i++) value = value << 8 | bytes[i];
    return value;
}

static linux_address from_sockaddr(const struct sockaddr_storage *storage) {
    linux_address address = {0};
    if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)storage;
        address.is_v6 = true;
        address.high = big_endian_64(v6->sin6_addr.s6_addr);
        address.low = big_endian_64(v6->sin6_addr.s6_addr + 8);
        address.port = ntohs(v6->sin6_port);
        // Only a link-local address needs its interface, and an equal address must compare equal.
        if (IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) address.scope = v6->sin6_scope_id;
    } else {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)storage;
        address.low = ntohl(v4->sin_addr.s_addr);
        address.port = ntohs(v4->sin_port);
    }
    return address;
}

static socklen_t to_sockaddr(const linux_address *address, struct sockaddr_storage *storage) {
    memset(storage, 0, sizeof(struct sockaddr_in6));
    if (address->is_v6) {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)storage;
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(address->port);
        v6->sin6_scope_id = address->scope;
        for (int i = 0; i < 8; i++) {
            v6->sin6_addr.s6_addr[i] = (uint8_t)(address->high >> (56 - 8 * i));
            v6->sin6_addr.s6_addr[8 + i] = (uint8_t)(address->low >> (56 - 8 * i));
        }
        return sizeof *v6;
    }
    struct sockaddr_in *v4 = (struct sockaddr_in *)storage;
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address->port);
    v4->sin_addr.s_addr = htonl((uint32_t)address->low);
    return sizeof *v4;
}

// MARK: Sockets

// Closes a socket that could not be set up, and keeps its error.
static int give_up(int fd) {
    int error = -errno;
    close(fd);
    return error;
}

int linux_udp_socket(linux_address *address, int buffer) {
    int family = address->is_v6 ? AF_INET6 : AF_INET;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    // The kernel gives what net.core.rmem_max and wmem_max allow.
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    int on = 1;
    if (address->is_v6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    struct sockaddr_storage storage;
    if (bind(fd, (struct sockaddr *)&storage, to_sockaddr(address, &storage)) < 0) return give_up(fd);
    int status = linux_socket_address(fd, address);
    if (status < 0) {
        close(fd);
        return status;
    }
    return fd;
}

int linux_mdns_socket(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int on = 1, hops = 255;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof hops);
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(5353)};
    if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0) return give_up(fd);
    return fd;
}

int linux_multicast_join(int fd, const linux_address *group, const linux_address *interface) {
    struct ip_mreq request = {
        .imr_multiaddr.s_addr = htonl((uint32_t)group->low), .imr_interface.s_addr = htonl((uint32_t)interface->low)};
    return setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) < 0 ? -errno : 0;
}

int linux_multicast_send(
    int fd, const void *bytes, size_t count, const linux_address *group, const linux_address *interface) {
    struct in_addr local = {.s_addr = htonl((uint32_t)interface->low)};
    if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &local, sizeof local) < 0) return -errno;
    return linux_send_datagram(fd, bytes, count, group);
}

int linux_tcp_connect(const linux_address *address) {
    int fd = socket(address->is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct sockaddr_storage storage;
    if (connect(fd, (struct sockaddr *)&storage, to_sockaddr(address, &storage)) < 0 && errno != EINPROGRESS)
        return give_up(fd);
    return fd;
}

int linux_socket_error(int fd) {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0) return -errno;
    return -error;
}

int linux_socket_address(int fd, linux_address *address) {
    struct sockaddr_storage storage = {0};
    socklen_t size = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &size) < 0) return -errno;
    *address = from_sockaddr(&storage);
    return 0;
}

int linux_send_datagram(int fd, const void *bytes, size_t count, const linux_address *to) {
    struct sockaddr_storage storage;
    socklen_t size = to_sockaddr(to, &storage);
    return sendto(fd, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&storage, size) < 0 ? -errno : 0;
}

ptrdiff_t linux_send_stream(int fd, const void *bytes, size_t count) {
    ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

ptrdiff_t linux_receive_stream(int fd, void *bytes, size_t capacity) {
    ssize_t received = recv(fd, bytes, capacity, 0);
    return received < 0 ? -errno : received;
}

int linux_route_socket(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return -errno;
    struct sockaddr_nl address = {
        .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0) return give_up(fd);
    return fd;
}

// MARK: Batches

struct linux_batch {
    int capacity;
    int size;
    struct mmsghdr *messages;
    struct iovec *vectors;
    struct sockaddr_storage *addresses;
    uint8_t *bytes;
};

linux_batch *linux_batch_new(int count, int size) {
    linux_batch *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    batch->capacity = count;
    batch->size = size;
    batch->messages = calloc((size_t)count, sizeof *batch->messages);
    batch->vectors = calloc((size_t)count, sizeof *batch->vectors);
    batch->addresses = calloc((size_t)count, sizeof *batch->addresses);
    batch->bytes = malloc((size_t)count * (size_t)size);
    if (!batch->messages || !batch->vectors || !batch->addresses || !batch->bytes) {
        linux_batch_free(batch);
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        struct msghdr *header = &batch->messages[i].msg_hdr;
        header->msg_iov = &batch->vectors[i];
        header->msg_iovlen = 1;
    }
    return batch;
}

void linux_batch_free(linux_batch *batch) {
    if (!batch) return;
    free(batch->messages);
    free(batch->vectors);
    free(batch->addresses);
    free(batch->bytes);
    free(batch);
}

uint8_t *linux_batch_bytes(linux_batch *batch, int index) { return batch->bytes + (size_t)index * (size_t)batch->size; }

int linux_batch_receive(linux_batch *batch, int fd) {
    for (int i = 0; i < batch->capacity; i++) {
        batch->vectors[i] = (struct iovec){linux_batch_bytes(batch, i), (size_t)batch->size};
        struct msghdr *header = &batch->messages[i].msg_hdr;
        header->msg_name = &batch->addresses[i];
        header->msg_namelen = sizeof batch->addresses[i];
    }
    int count;
    do count = recvmmsg(fd, batch->messages, (unsigned)batch->capacity, MSG_DONTWAIT, NULL);
    while (count < 0 && errno == EINTR);
    if (count >= 0) return count;
    return errno == EAGAIN ? 0 : -errno;
}

int linux_batch_count(const linux_batch *batch, int index) {
    const struct mmsghdr *message = &batch->messages[index];
    return message->msg_hdr.msg_flags & MSG_TRUNC ? 0 : (int)message->msg_len;
}

linux_address linux_batch_source(const linux_batch *batch, int index) {
    return from_sockaddr(&batch->addresses[index]);
}

void linux_batch_set(linux_batch *batch, int index, int offset, int count) {
    batch->vectors[index] = (struct iovec){linux_batch_bytes(batch, index) + offset, (size_t)count};
}

int linux_batch_send(linux_batch *batch, int fd, int count, const linux_address *to) {
    socklen_t size = to_sockaddr(to, &batch->addresses[0]);
    for (int i = 0; i < count; i++) {
        struct msghdr *header = &batch->messages[i].msg_hdr;
        header->msg_name = &batch->addresses[0];
        header->msg_namelen = size;
    }
    int sent;
    do sent = sendmmsg(fd, batch->messages, (unsigned)count, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : sent;
}

#define _GNU_SOURCE
#include "CTestSupport.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int test_give_up_nice(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) return -errno;
    data[0].effective &= ~(1u << CAP_SYS_NICE);
    struct rlimit none = {0};
    if (setrlimit(RLIMIT_RTPRIO, &none) < 0) return -errno;
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

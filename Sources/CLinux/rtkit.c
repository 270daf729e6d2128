// Asks rtkit (org.freedesktop.RealtimeKit1) for real-time priority. libdbus is opened when it is needed: a machine without
// it has no rtkit either.
// Source: rtkit's README and rtkit.h; libdbus-1's dbus-bus.h, dbus-message.h.
#define _GNU_SOURCE
#include "CLinux.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

// As dbus-protocol.h and dbus-errors.h have them: part of libdbus-1.so.3's ABI.
enum { dbus_system = 1, dbus_end = 0, dbus_uint32 = 'u', dbus_uint64 = 't', dbus_string = 's', dbus_variant = 'v' };
struct dbus_error {
    const char *name, *message;
    unsigned int flags;
    void *padding;
};
// DBusMessageIter of libdbus 1.14 is 14 words at most.
struct dbus_iter {
    void *words[16];
};

struct dbus_library {
    void (*error_init)(struct dbus_error *);
    void (*error_free)(struct dbus_error *);
    void *(*bus_get_private)(int, struct dbus_error *);
    void (*set_exit_on_disconnect)(void *, unsigned int);
    void (*connection_close)(void *);
    void (*connection_unref)(void *);
    void *(*new_call)(const char *, const char *, const char *, const char *);
    void (*message_unref)(void *);
    unsigned int (*append_args)(void *, int, ...);
    void *(*send_and_block)(void *, void *, int, struct dbus_error *);
    unsigned int (*iter_init)(void *, struct dbus_iter *);
    int (*iter_type)(struct dbus_iter *);
    void (*iter_recurse)(struct dbus_iter *, struct dbus_iter *);
    void (*iter_get)(struct dbus_iter *, void *);
};

static const char *const service = "org.freedesktop.RealtimeKit1";
static const char *const object = "/org/freedesktop/RealtimeKit1";

static bool open_library(struct dbus_library *dbus) {
    // Kept open: libdbus has thread-local data of its own.
    void *library = dlopen("libdbus-1.so.3", RTLD_NOW | RTLD_LOCAL);
    if (!library) return false;
    struct {
        void *place;
        const char *name;
    } symbols[] = {
        {&dbus->error_init, "dbus_error_init"},
        {&dbus->error_free, "dbus_error_free"},
        {&dbus->bus_get_private, "dbus_bus_get_private"},
        {&dbus->set_exit_on_disconnect, "dbus_connection_set_exit_on_disconnect"},
        {&dbus->connection_close, "dbus_connection_close"},
        {&dbus->connection_unref, "dbus_connection_unref"},
        {&dbus->new_call, "dbus_message_new_method_call"},
        {&dbus->message_unref, "dbus_message_unref"},
        {&dbus->append_args, "dbus_message_append_args"},
        {&dbus->send_and_block, "dbus_connection_send_with_reply_and_block"},
        {&dbus->iter_init, "dbus_message_iter_init"},
        {&dbus->iter_type, "dbus_message_iter_get_arg_type"},
        {&dbus->iter_recurse, "dbus_message_iter_recurse"},
        {&dbus->iter_get, "dbus_message_iter_get_basic"},
    };
    for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++) {
        void *symbol = dlsym(library, symbols[i].name);
        if (!symbol) return false;
        memcpy(symbols[i].place, &symbol, sizeof symbol);
    }
    return true;
}

// One of rtkit's properties, an int32 or int64; `otherwise` where it does not say.
static int64_t property(struct dbus_library *dbus, void *bus, const char *name, int64_t otherwise) {
    void *call = dbus->new_call(service, object, "org.freedesktop.DBus.Properties", "Get");
    if (!call) return otherwise;
    dbus->append_args(call, dbus_string, &service, dbus_string, &name, dbus_end);
    void *reply = dbus->send_and_block(bus, call, 1000, NULL);
    dbus->message_unref(call);
    if (!reply) return otherwise;
    struct dbus_iter iter, inner;
    int64_t value = otherwise;
    if (dbus->iter_init(reply, &iter) && dbus->iter_type(&iter) == dbus_variant) {
        dbus->iter_recurse(&iter, &inner);
        int type = dbus->iter_type(&inner);
        if (type == 'i') {
            int32_t small = 0;
            dbus->iter_get(&inner, &small);
            value = small;
        } else if (type == 'x') {
            dbus->iter_get(&inner, &value);
        }
    }
    dbus->message_unref(reply);
    return value;
}

// The thread that used up its time becomes an ordinary one; without this the process would end. The kernel sends the
// signal to the thread that ran (posix-cpu-timers.c, check_thread_timers).
static void stand_back(int signal) {
    (void)signal;
    int saved = errno;
    linux_thread_set_ordinary();
    errno = saved;
}

// rtkit serves only who bounds the time that a real-time thread may run without sleeping (RLIMIT_RTTIME).
static int bound_run_time(int64_t most_us) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_RTTIME, &limit) < 0) return -errno;
    if (limit.rlim_max <= (rlim_t)most_us) return 0;
    limit = (struct rlimit){.rlim_cur = (rlim_t)most_us * 3 / 4, .rlim_max = (rlim_t)most_us};
    struct sigaction action;
    if (sigaction(SIGXCPU, NULL, &action) == 0 && action.sa_handler == SIG_DFL && !(action.sa_flags & SA_SIGINFO)) {
        action = (struct sigaction){.sa_handler = stand_back, .sa_flags = SA_RESTART};
        sigaction(SIGXCPU, &action, NULL);
    }
    return setrlimit(RLIMIT_RTTIME, &limit) < 0 ? -errno : 0;
}

int linux_rtkit(int thread, int priority, char *reason, size_t size) {
    struct dbus_library dbus;
    if (!open_library(&dbus)) {
        snprintf(reason, size, "libdbus-1.so.3 is not there");
        return -ENOENT;
    }
    struct dbus_error error;
    dbus.error_init(&error);
    void *bus = dbus.bus_get_private(dbus_system, &error);
    if (!bus) {
        snprintf(reason, size, "no system bus: %s", error.message ? error.message : "");
        dbus.error_free(&error);
        return -ENOTCONN;
    }
    // Else libdbus ends the process when the bus ends.
    dbus.set_exit_on_disconnect(bus, 0);
    int result = bound_run_time(property(&dbus, bus, "RTTimeUSecMax", 200000));
    int64_t most = property(&dbus, bus, "MaxRealtimePriority", priority);
    if (most > 0 && most < priority) priority = (int)most;
    uint64_t process_id = (uint64_t)getpid(), thread_id = (uint64_t)thread;
    uint32_t wanted = (uint32_t)priority;
    void *call = dbus.new_call(service, object, service, "MakeThreadRealtimeWithPID");
    if (result < 0) {
        snprintf(reason, size, "setrlimit(RLIMIT_RTTIME): %s", strerror(-result));
    } else if (!call) {
        result = -ENOMEM;
    } else {
        dbus.append_args(
            call, dbus_uint64, &process_id, dbus_uint64, &thread_id, dbus_uint32, &wanted, dbus_end);
        void *reply = dbus.send_and_block(bus, call, 5000, &error);
        result = reply ? priority : -EPERM;
        if (reply) dbus.message_unref(reply);
        else snprintf(reason, size, "%s: %s", error.name ? error.name : "", error.message ? error.message : "");
    }
    if (call) dbus.message_unref(call);
    dbus.error_free(&error);
    dbus.connection_close(bus);
    dbus.connection_unref(bus);
    return result;
}

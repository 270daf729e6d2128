#!/usr/bin/python3
"""rtkit.py ADDRESS: a bus with a stand-in for rtkit on it, which gives what rtkit gives, under rtkit's conditions.

Writes `ready` when it can be asked, and a line for each request. Priority 1 is refused. Ends with its standard input.
"""
import os, subprocess, sys
import dbus, dbus.service
from dbus.mainloop.glib import DBusGMainLoop
from gi.repository import GLib

NAME = "org.freedesktop.RealtimeKit1"


class RealtimeKit(dbus.service.Object):
    @dbus.service.method("org.freedesktop.DBus.Properties", in_signature="ss", out_signature="v")
    def Get(self, interface, name):
        return {"MaxRealtimePriority": dbus.Int32(20), "RTTimeUSecMax": dbus.Int64(200000)}[name]

    @dbus.service.method(NAME, in_signature="ttu", out_signature="")
    def MakeThreadRealtimeWithPID(self, process, thread, priority):
        print(f"asked {process} {thread} {priority}", flush=True)
        limits = open(f"/proc/{process}/limits").read().splitlines()
        hard = next(line for line in limits if line.startswith("Max realtime timeout")).split()[4]
        if priority == 1 or hard == "unlimited" or int(hard) > 200000:
            raise dbus.DBusException("Operation not permitted", name="org.freedesktop.DBus.Error.AccessDenied")
        os.sched_setscheduler(thread, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(priority))


DBusGMainLoop(set_as_default=True)
daemon = subprocess.Popen(
    ["dbus-daemon", "--session", "--nofork", f"--address={sys.argv[1]}", "--print-address=1"],
    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
try:
    daemon.stdout.readline()
    bus = dbus.bus.BusConnection(sys.argv[1])
    name = dbus.service.BusName(NAME, bus)
    kit = RealtimeKit(bus, "/org/freedesktop/RealtimeKit1")
    loop = GLib.MainLoop()
    GLib.io_add_watch(0, GLib.IO_HUP | GLib.IO_IN, lambda *_: loop.quit())
    print("ready", flush=True)
    loop.run()
finally:
    daemon.kill()

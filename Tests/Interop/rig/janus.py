"""Janus, with a configuration of its own, and its VideoRoom."""

import pathlib
import re
import socket

from .network import SERVER, free_port
from .programs import RigFailure, wait_until

LIBRARIES = next(iter(pathlib.Path("/usr/lib").glob("*/janus")), pathlib.Path("/usr/lib/janus"))
#: All that it loads of them.
USED = {"plugins": ["libjanus_videoroom.so"], "transports": ["libjanus_websockets.so"], "events": [], "loggers": []}

GENERAL = """
general: {{
    configs_folder = "{folder}"
    plugins_folder = "{folder}/plugins"
    transports_folder = "{folder}/transports"
    events_folder = "{folder}/events"
    loggers_folder = "{folder}/loggers"
    debug_level = {debug}
    debug_timestamps = true
    session_timeout = 30
    reclaim_session_timeout = 0
}}
certificates: {{ }}
media: {{ rtp_port_range = "20000-29999"  ipv6 = {ipv6}  ipv6_linklocal = false }}
nat: {{ full_trickle = false  ice_enforce_list = "{interfaces}" }}
"""
SOCKETS = """
general: {{ json = "compact"  pingpong_trigger = 30  pingpong_timeout = 10  ws = true  ws_port = {port}  wss = false }}
admin: {{ admin_ws = false }}
"""
ROOM = """
room-{room}: {{
    description = "interop"  publishers = 20  bitrate = {bitrate}  fir_freq = 10
    audiocodec = "opus"  videocodec = "vp8"  audiolevel_ext = true  notify_joining = true
}}
"""


class Janus:
    """`url` is where its WebSocket is; `room(n)` a room that is there from the start."""

    ROOMS = range(1001, 1013)

    def __init__(self, workshop, namespace, interfaces="lab0,link", bitrate=2_000_000, debug=4, ipv6=False):
        self.workshop, self.namespace = workshop, namespace
        self.port = free_port(SERVER)
        self.url = f"ws://{SERVER}:{self.port}"
        folder = workshop.folder / "janus"
        workshop.file("janus/janus.jcfg", GENERAL.format(
            folder=folder, interfaces=interfaces, debug=debug, ipv6=str(ipv6).lower()))  # fmt: skip
        for kind, names in USED.items():
            (folder / kind).mkdir()
            for name in names:
                (folder / kind / name).symlink_to(LIBRARIES / kind / name)
        workshop.file("janus/janus.transport.websockets.jcfg", SOCKETS.format(port=self.port))
        rooms = "".join(ROOM.format(room=room, bitrate=bitrate) for room in self.ROOMS)
        workshop.file("janus/janus.plugin.videoroom.jcfg", f"general: {{ }}\n{rooms}")
        self.starts = 0
        self.start()

    def start(self):
        self.starts += 1
        self.program = self.workshop.start(
            f"janus-{self.starts}", ["janus", "-F", self.workshop.folder / "janus"], self.namespace)  # fmt: skip
        wait_until(self._answers, "Janus to answer")

    def kill(self):
        """Ends it as a crash would."""
        self.program.end(patience=0)

    def _answers(self):
        if not self.program.is_running:
            raise RigFailure(f"Janus ended:\n{self.program.tail()}")
        try:
            socket.create_connection((SERVER, self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def errors(self):
        """What it complained about, without its colours."""
        lines = re.sub(r"\x1b\[[0-9;]*m", "", self.program.text()).splitlines()
        return [line for line in lines if "[ERR]" in line]



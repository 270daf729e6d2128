"""Janus, with a configuration of its own, and its VideoRoom."""

import pathlib
import re
import socket

from .network import SERVER, free_port
from .programs import RigFailure, certificate, wait_until

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
    {more}
    reclaim_session_timeout = 0
}}
certificates: {{ }}
media: {{ rtp_port_range = "20000-29999"  slowlink_threshold = 2  ipv6 = {ipv6}  ipv6_linklocal = false }}
nat: {{ full_trickle = false  ice_enforce_list = "{interfaces}" }}
"""
SOCKETS = """
general: {{
    json = "compact"  pingpong_trigger = 30  pingpong_timeout = 10
    ws = {plain}  ws_port = {port}  wss = {secure}  wss_port = {port}
}}
admin: {{ admin_ws = false }}
certificates: {{ cert_pem = "{folder}/janus-certificate.pem"  cert_key = "{folder}/janus-key.pem" }}
"""
ROOM = """
room-{room}: {{
    description = "interop"  publishers = 20{pin}  bitrate = {bitrate}  fir_freq = 10
    audiocodec = "opus"  videocodec = "vp8"  audiolevel_ext = true  notify_joining = true
}}
"""


class Janus:
    """`url` is where its WebSocket is; `room(n)` a room that is there from the start."""

    ROOMS = range(1001, 1013)

    #: What the room `PINNED` asks for.
    PIN, PINNED = "1234", 1012

    def __init__(
        self, workshop, namespace, interfaces="lab0,link", bitrate=2_000_000, debug=4, ipv6=False, tls=False,
        token_secret=None,
    ):  # fmt: skip
        self.workshop, self.namespace = workshop, namespace
        self.port = free_port(SERVER)
        self.url = f"{'wss' if tls else 'ws'}://{SERVER}:{self.port}"
        place = f"janus-{self.port}"
        self.folder = folder = workshop.folder / place
        workshop.file(f"{place}/janus.jcfg", GENERAL.format(
            folder=folder, interfaces=interfaces, debug=debug, ipv6=str(ipv6).lower(),
            more=f'token_auth = true  token_auth_secret = "{token_secret}"' if token_secret else ""))  # fmt: skip
        for kind, names in USED.items():
            (folder / kind).mkdir()
            for name in names:
                (folder / kind / name).symlink_to(LIBRARIES / kind / name)
        workshop.file(f"{place}/janus.transport.websockets.jcfg", SOCKETS.format(
            port=self.port, folder=folder, plain=str(not tls).lower(), secure=str(tls).lower()))  # fmt: skip
        if tls:
            self.certificate = certificate(folder, "janus", SERVER)
        rooms = "".join(
            ROOM.format(room=room, bitrate=bitrate, pin=f'  pin = "{self.PIN}"' if room == self.PINNED else "")
            for room in self.ROOMS)  # fmt: skip
        workshop.file(f"{place}/janus.plugin.videoroom.jcfg", f"general: {{ }}\n{rooms}")
        self.starts = 0
        self.start()

    def start(self):
        self.starts += 1
        self.program = self.workshop.start(
            f"janus-{self.starts}", ["janus", "-F", self.folder], self.namespace)  # fmt: skip
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



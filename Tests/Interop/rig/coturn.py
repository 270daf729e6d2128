"""coturn, with one user, over UDP, TCP and TLS."""

import socket

from .network import free_port
from .programs import certificate, wait_until

CONFIGURATION = """
listening-ip={address}
relay-ip={address}
listening-port={port}
tls-listening-port={tls_port}
min-port=30000
max-port=39999
lt-cred-mech
user={user}:{password}
realm=interop
cert={folder}/turn-certificate.pem
pkey={folder}/turn-key.pem
no-cli
no-multicast-peers
allow-loopback-peers
no-rfc5780
fingerprint
log-file=stdout
simple-log
verbose
pidfile={folder}/turn.pid
userdb={folder}/turn.sqlite
"""


class Coturn:
    def __init__(self, workshop, namespace, address, user="robot", password="a-long-word"):
        self.address, self.user, self.password = address, user, password
        self.port, self.tls_port = free_port(address), free_port(address)
        self.workshop, self.namespace = workshop, namespace
        folder = workshop.folder
        self.certificate = certificate(folder, "turn", address)
        self.path = workshop.file("turnserver.conf", CONFIGURATION.format(
            address=address, port=self.port, tls_port=self.tls_port, user=user, password=password,
            folder=folder))  # fmt: skip
        self.starts = 0
        self.start()

    def start(self):
        self.starts += 1
        self.program = self.workshop.start(
            f"coturn-{self.starts}", ["turnserver", "-c", self.path], self.namespace)  # fmt: skip
        wait_until(self._answers, "coturn to answer")

    def kill(self):
        """Ends it as a crash would: its allocations are gone, and nobody is told."""
        self.program.end(patience=0)

    def _answers(self):
        try:
            for port in (self.port, self.tls_port):
                socket.create_connection((self.address, port), timeout=1).close()
            return True
        except OSError:
            return False

    def url(self, transport):
        """`udp`, `tcp` or `tls`."""
        if transport == "tls":
            return f"turns:{self.address}:{self.tls_port}?transport=tcp"
        return f"turn:{self.address}:{self.port}?transport={transport}"

    def as_ice_server(self, transport):
        return {"urls": self.url(transport), "username": self.user, "credential": self.password}

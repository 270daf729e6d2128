"""What a suite or a measurement gets."""

import dataclasses

from .network import Namespace
from .programs import Workshop


@dataclasses.dataclass
class Lab:
    #: Where programs are started, and their files are.
    workshop: Workshop
    #: The network that the rig itself is in: the servers' machine.
    here: Namespace
    #: The command; nothing where none is needed.
    reprise: str | None = None
    #: Of what links lose and delay.
    seed: str = "reprise"

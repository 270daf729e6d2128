"""An aiortc peer of one connection on loopback: takes an offer (or makes one), sends a tone, says what it receives.

usage: aiortc_peer.py answer|offer. Lines of JSON on stdin and stdout: {"sdp": …}; then {"received": kind} for each track's
first frame. It ends when stdin does.
"""

import asyncio
import json
import sys

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

# aioice leaves loopback out.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


def say(message):
    print(json.dumps(message), flush=True)


async def lines():
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader, limit=1 << 20), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def watch(track):
    await track.recv()
    say({"received": track.kind})
    while True:
        await track.recv()


async def main(role):
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tasks = []
    connection.on("track", lambda track: tasks.append(asyncio.ensure_future(watch(track))))
    connection.on("connectionstatechange", lambda: say({"state": connection.connectionState}))
    if role == "offer":
        connection.addTrack(AudioStreamTrack())
        connection.addTrack(VideoStreamTrack())
        await connection.setLocalDescription(await connection.createOffer())
        say({"sdp": connection.localDescription.sdp})
    async for message in lines():
        kind = "offer" if role == "answer" else "answer"
        await connection.setRemoteDescription(RTCSessionDescription(message["sdp"], kind))
        if role == "answer":
            connection.addTrack(AudioStreamTrack())
            connection.addTrack(VideoStreamTrack())
            await connection.setLocalDescription(await connection.createAnswer())
            say({"sdp": connection.localDescription.sdp})
    await connection.close()


asyncio.run(main(sys.argv[1]))

"""Somebody who looks after a Janus VideoRoom and is not in it.

Commands are words on stdin, `participants ROOM`, `kick ROOM NAME`, `destroy ROOM`, `end`; each is answered by a line of
JSON."""

import argparse
import asyncio
import json
import sys

from janus import Janus


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    janus = Janus()
    await janus.connect(parser.parse_args().url)
    handle = await janus.attach(lambda event: None)

    async def ask(**body):
        answer = await janus.request(janus="message", handle_id=handle, body=body)
        return answer["plugindata"]["data"]

    async def participants(room):
        return (await ask(request="listparticipants", room=int(room)))["participants"]

    async def kick(room, name):
        found = [each["id"] for each in await participants(room) if each["display"].startswith(f"{name} ")]
        return [await ask(request="kick", room=int(room), id=each) for each in found]

    async def destroy(room):
        return await ask(request="destroy", room=int(room))

    commands = {each.__name__: each for each in (participants, kick, destroy)}
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)

    def say(**result):
        print(json.dumps(result), flush=True)

    say(ready=True)
    async for line in lines:
        command, *arguments = line.decode().split()
        if command == "end":
            break
        try:
            say(result=await commands[command](*arguments))
        except Exception as error:
            say(error=repr(error))


asyncio.run(main())

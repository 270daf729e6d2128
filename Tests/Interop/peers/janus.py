"""Janus by its WebSocket, for peers in Python."""

import asyncio
import json
import random

import aiohttp


class Janus:
    """One WebSocket and one session; outlives a stay in a room."""

    async def connect(self, url):
        self.waiting, self.events, self.session = {}, {}, None
        self.client = aiohttp.ClientSession()
        self.socket = await self.client.ws_connect(url, protocols=["janus-protocol"], autoping=True)
        self.reader = asyncio.ensure_future(self.read())
        self.session = (await self.request(janus="create"))["data"]["id"]
        self.keeper = asyncio.ensure_future(self.keep_alive())

    async def keep_alive(self):
        while True:
            await asyncio.sleep(15)
            await self.request(janus="keepalive")

    async def read(self):
        async for text in self.socket:
            message = json.loads(text.data)
            waiting, is_message = self.waiting.get(message.get("transaction"), (None, False))
            if waiting:
                if message["janus"] == "ack" and is_message:
                    continue
                del self.waiting[message["transaction"]]
                error = message.get("error") or message.get("plugindata", {}).get("data", {}).get("error")
                if error:
                    waiting.set_exception(RuntimeError(str(error)))
                else:
                    waiting.set_result(message)
            elif message.get("sender") in self.events:
                self.events[message["sender"]](message)

    def request(self, **message):
        transaction = f"{random.getrandbits(48):x}"
        if self.session:
            message["session_id"] = self.session
        waiting = asyncio.get_running_loop().create_future()
        self.waiting[transaction] = (waiting, message["janus"] == "message")
        asyncio.ensure_future(self.socket.send_str(json.dumps({**message, "transaction": transaction})))
        return waiting

    async def attach(self, on_event):
        handle = (await self.request(janus="attach", plugin="janus.plugin.videoroom"))["data"]["id"]
        self.events[handle] = on_event
        return handle

    async def detach(self, handle):
        self.events.pop(handle, None)
        await self.request(janus="detach", handle_id=handle)

// A Janus VideoRoom client for the browser: one publisher, one multistream subscriber. The rig calls `Room`.

class Janus {
  // One WebSocket and one session of Janus. Outlives a stay in a room, as an application would have it.
  static async connect(url) {
    const janus = new Janus();
    janus.waiting = new Map();
    janus.handles = new Map();
    janus.socket = new WebSocket(url, "janus-protocol");
    await new Promise((resolve, reject) => {
      janus.socket.onopen = resolve;
      janus.socket.onerror = () => reject(new Error("no WebSocket to " + url));
    });
    janus.socket.onmessage = (event) => janus.take(JSON.parse(event.data));
    janus.session = (await janus.request({ janus: "create" })).data.id;
    janus.timer = setInterval(() => janus.request({ janus: "keepalive" }).catch(() => {}), 15000);
    return janus;
  }

  // Resolves with the reply; for a message to a plugin, with its event.
  request(message) {
    const transaction = Math.random().toString(36).slice(2);
    if (this.session) message.session_id = this.session;
    return new Promise((resolve, reject) => {
      this.waiting.set(transaction, { resolve, reject, isMessage: message.janus === "message" });
      this.socket.send(JSON.stringify({ ...message, transaction }));
    });
  }

  take(message) {
    const waiting = this.waiting.get(message.transaction);
    const data = message.plugindata?.data;
    if (waiting && message.janus === "ack" && waiting.isMessage) return;
    if (waiting) {
      this.waiting.delete(message.transaction);
      const error = message.error ?? (data?.error && { reason: data.error });
      if (error) waiting.reject(new Error(error.reason));
      else waiting.resolve(message);
      return;
    }
    this.handles.get(message.sender)?.(message);
  }

  async attach(onEvent) {
    const handle = (await this.request({ janus: "attach", plugin: "janus.plugin.videoroom" })).data.id;
    this.handles.set(handle, onEvent);
    return handle;
  }

  async detach(handle) {
    this.handles.delete(handle);
    await this.request({ janus: "detach", handle_id: handle });
  }

  close() {
    clearInterval(this.timer);
    this.socket.close();
  }
}

class Room {
  // `stream` is what getUserMedia gave; null joins to listen only.
  constructor(janus, room, name, stream, iceServers = []) {
    Object.assign(this, { janus, room, name, stream, iceServers });
    this.tracks = [];
    this.feeds = new Map();
    this.first = {};
    this.estimates = [];
    this.work = Promise.resolve();
    this.playing = [];
  }

  // What comes of a join: milliseconds from its call to the first RTP of a remote track of each kind are in `first`.
  async join() {
    this.began = performance.now();
    this.publisher = await this.janus.attach((event) => this.onPublisherEvent(event));
    const joined = await this.janus.request({
      janus: "message", handle_id: this.publisher,
      body: { request: "join", ptype: "publisher", room: this.room, display: this.name },
    });
    this.id = joined.plugindata.data.id;
    const publishing = this.stream ? this.publish() : null;
    this.subscribeTo(joined.plugindata.data.publishers);
    await publishing;
    await this.work;
  }

  newConnection() {
    return new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: this.iceServers });
  }

  trickle(connection, handle) {
    connection.onicecandidate = ({ candidate }) => {
      const end = candidate === null || candidate.candidate === "";
      this.janus.request({
        janus: "trickle", handle_id: handle, candidate: end ? { completed: true } : candidate.toJSON(),
      }).catch(() => {});
    };
  }

  async publish() {
    this.up = this.newConnection();
    this.trickle(this.up, this.publisher);
    for (const track of this.stream.getTracks()) {
      this.up.addTransceiver(track, { direction: "sendonly", streams: [this.stream] });
    }
    await this.up.setLocalDescription();
    const answer = await this.janus.request({
      janus: "message", handle_id: this.publisher, body: { request: "publish" }, jsep: this.up.localDescription,
    });
    await this.up.setRemoteDescription(answer.jsep);
  }

  onPublisherEvent(event) {
    const data = event.plugindata?.data;
    if (data?.publishers) this.subscribeTo(data.publishers);
    for (const gone of [data?.unpublished, data?.leaving]) {
      if (this.feeds.has(gone)) this.unsubscribeFrom(gone);
    }
  }

  // A publisher may come with some of its streams, and add others later.
  subscribeTo(publishers = []) {
    const streams = [];
    for (const { id, display, streams: all = [] } of publishers) {
      if (!this.feeds.has(id)) this.feeds.set(id, { display, mids: new Set() });
      const { mids } = this.feeds.get(id);
      for (const { mid, disabled } of all) {
        if (disabled || mids.has(mid)) continue;
        mids.add(mid);
        streams.push({ feed: id, mid });
      }
    }
    if (streams.length) this.serially(() => this.subscribe(streams));
  }

  unsubscribeFrom(feed) {
    this.feeds.delete(feed);
    this.serially(() => this.update({ request: "unsubscribe", streams: [{ feed }] }));
  }

  // One negotiation at a time.
  serially(action) {
    this.work = this.work.then(() => (this.left ? undefined : action())).catch((error) => (this.error = String(error)));
  }

  async subscribe(streams) {
    if (this.down) return this.update({ request: "subscribe", streams });
    this.down = this.newConnection();
    this.subscriber = await this.janus.attach((event) => event.jsep && this.serially(() => this.answer(event.jsep)));
    this.trickle(this.down, this.subscriber);
    this.down.ontrack = ({ track }) => this.onTrack(track);
    const offer = await this.janus.request({
      janus: "message", handle_id: this.subscriber,
      body: { request: "join", ptype: "subscriber", room: this.room, use_msid: true, streams },
    });
    await this.answer(offer.jsep);
  }

  async update(body) {
    const event = await this.janus.request({ janus: "message", handle_id: this.subscriber, body });
    if (event.jsep) await this.answer(event.jsep);
  }

  async answer(offer) {
    await this.down.setRemoteDescription(offer);
    await this.down.setLocalDescription();
    await this.janus.request({
      janus: "message", handle_id: this.subscriber, body: { request: "start" }, jsep: this.down.localDescription,
    });
  }

  onTrack(track) {
    // The first RTP packet of a track unmutes it.
    track.onunmute = () => (this.first[track.kind] ??= performance.now() - this.began);
    this.tracks.push(track);
    if (track.kind === "audio" && this.timesSound) this.timeSound(track);
    // Sound is decoded, and its level told, only where something plays it.
    const element = document.createElement(track.kind);
    element.srcObject = new MediaStream([track]);
    element.play().catch(() => {});
    this.playing.push(element);
  }

  // When the first decoded samples that are not silence came, in `first.sound`.
  async timeSound(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const samples = new Float32Array(value.numberOfFrames);
      value.copyTo(samples, { planeIndex: 0, format: "f32-planar" });
      value.close();
      if (samples.some((sample) => Math.abs(sample) > 0.01)) {
        this.first.sound = performance.now() - this.began;
        return reader.cancel();
      }
    }
  }

  async leave() {
    this.left = true;
    this.up?.close();
    this.down?.close();
    for (const element of this.playing) element.srcObject = null;
    await Promise.all([this.publisher, this.subscriber].filter(Boolean).map((handle) => this.janus.detach(handle)));
  }

  // Of getStats, what the suites look at.
  async statistics() {
    const [up, down] = await Promise.all([this.up, this.down].map(Room.report));
    return {
      up, down, first: this.first, error: this.error ?? null,
      states: { up: this.up?.connectionState, down: this.down?.connectionState },
    };
  }

  // The newest other in the room, and what came of each stream so far.
  async observe() {
    const inbound = (await Room.report(this.down)).inbound ?? [];
    const of = (kind, key) =>
      Object.fromEntries(inbound.filter((each) => each.kind === kind).map((each) => [each.id, each[key] ?? 0]));
    return {
      feed: [...this.feeds.keys()].at(-1) ?? null, error: this.error ?? null,
      sound: of("audio", "totalAudioEnergy"), pictures: of("video", "framesDecoded"),
      level: Math.max(0, ...inbound.map((each) => each.audioLevel ?? 0)),
    };
  }

  static async report(connection) {
    if (!connection) return {};
    const values = [...(await connection.getStats()).values()];
    const transport = values.find((value) => value.type === "transport");
    const pair = values.find((value) => value.id === transport?.selectedCandidatePairId);
    return {
      inbound: values.filter((value) => value.type === "inbound-rtp"),
      outbound: values.filter((value) => value.type === "outbound-rtp"),
      remote: values.filter((value) => value.type === "remote-inbound-rtp"),
      pair: pair ?? null,
      local: values.find((value) => value.id === pair?.localCandidateId) ?? null,
    };
  }

  // Notes the sender's estimate every so many milliseconds, with the time since now.
  watchEstimate(every) {
    const began = performance.now();
    const timer = setInterval(async () => {
      if (this.left) return clearInterval(timer);
      const { pair, outbound, remote } = await Room.report(this.up);
      this.estimates.push({
        at: performance.now() - began, estimate: pair?.availableOutgoingBitrate ?? null,
        bytes: outbound.reduce((sum, each) => sum + each.bytesSent + each.headerBytesSent, 0),
        lost: remote.reduce((sum, each) => sum + each.packetsLost, 0),
        packets: outbound.reduce((sum, each) => sum + each.packetsSent, 0),
      });
    }, every);
  }
}

// A canvas that every frame is changed on, as a camera of so many pixels would give it.
function movingPicture(width, height, rate) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  let frame = 0;
  setInterval(() => {
    frame += 1;
    for (let x = 0; x < width; x += 20) {
      for (let y = 0; y < height; y += 20) {
        context.fillStyle = `hsl(${(x * 7 + y * 3 + frame * 11) % 360} 70% ${30 + ((x * y + frame * 5) % 40)}%)`;
        context.fillRect(x, y, 20, 20);
      }
    }
  }, 1000 / rate);
  return canvas.captureStream(rate).getVideoTracks()[0];
}

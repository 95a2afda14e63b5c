// The server: uploads, replies as a stream of pieces, and the key where it wants one.

let key = sessionStorage.getItem("key") || "";

function headers(more = {}) {
  return key ? { ...more, authorization: `Bearer ${key}` } : more;
}

let asking = null;

/** Asks the user for the key, once however many requests want it. */
function askKey() {
  asking ??= ask().finally(() => (asking = null));
  return asking;
}

async function ask() {
  const dialog = document.getElementById("ask-key");
  const field = document.getElementById("key");
  document.getElementById("key-note").hidden = !key;
  field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((done) => dialog.addEventListener("close", done, { once: true }));
  if (dialog.returnValue !== "use" || !field.value) throw new Error("This server wants a key.");
  key = field.value;
  sessionStorage.setItem("key", key);
}

async function request(path, options = {}) {
  const send = () => fetch(path, { ...options, headers: headers(options.headers) });
  let reply = await send();
  while (reply.status === 401) {
    await askKey();
    reply = await send();
  }
  if (!reply.ok) {
    const body = await reply.json().catch(() => null);
    const error = new Error(body?.error?.message || `The server answered ${reply.status}.`);
    error.status = reply.status;
    throw error;
  }
  return reply;
}

export async function health() {
  return (await fetch("/health")).json();
}

export async function model() {
  return (await (await request("/v1/models")).json()).data[0];
}

const endings = {
  "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif",
  "audio/wav": "wav", "audio/x-wav": "wav", "audio/flac": "flac", "audio/x-flac": "flac",
  "audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/webm": "webm", "audio/mp4": "mp4",
  "video/mp4": "mp4", "video/quicktime": "mov", "video/webm": "webm",
};

/** Sends a file; its address and what it is. */
export async function upload(blob) {
  const type = blob.type.split(";")[0];
  const ending = endings[type];
  if (!ending) throw new Error(`Files of type '${type || "unknown"}' cannot be read here.`);
  const reply = await request(`/v1/media/${ending}`, { method: "POST", body: blob });
  return { type: type.split("/")[0], url: (await reply.json()).url };
}

/** Reads the events of a reply, each as an object, until it ends. */
export async function* reply(body, signal) {
  const answer = await request("/v1/chat/completions", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...body, stream: true }),
    signal,
  });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      if (!event.startsWith("data: ")) continue;
      const data = event.slice(6);
      if (data === "[DONE]") return;
      const chunk = JSON.parse(data);
      if (chunk.error) throw new Error(chunk.error.message);
      yield chunk;
    }
  }
}

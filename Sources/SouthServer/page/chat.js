// The page: a conversation with text and media both ways.

import * as api from "./api.js";
import * as store from "./store.js";
import { figure, local } from "./media.js";

const $ = (id) => document.getElementById(id);
const say = (text) => ($("state").textContent = text);

let talk = store.newTalk();
let attached = [];
let running = null;
let able = { output_modalities: ["text"] };

function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function button(text, work, title = text) {
  const element = make("button", text, { type: "button", title });
  element.addEventListener("click", work);
  return element;
}

// Settings: the original's names, ranges and values; a setting that was never moved is the model's.

const groups = [
  ["Text", [
    ["top_p", "Top P", 0, 1, 0.01, 0.01], ["temperature", "Temperature", 0, 1, 0.01, 1],
    ["max_tokens", "Tokens at most", 1, 2048, 1, 246],
  ]],
  ["Image", [
    ["image_guidance", "Guidance scale", 1, 10, 0.5, 7.5], ["image_steps", "Inference steps", 1, 50, 1, 50],
    ["width", "Width", 64, 1024, 8, 512], ["height", "Height", 64, 1024, 8, 512],
  ]],
  ["Video", [
    ["video_guidance", "Guidance scale", 1, 10, 0.5, 7.5], ["video_steps", "Inference steps", 1, 50, 1, 50],
    ["frames", "Frames (what is shown changes with their number)", 4, 32, 4, 24],
  ]],
  ["Audio", [
    ["audio_guidance", "Guidance scale", 1, 10, 0.5, 7.5], ["audio_steps", "Inference steps", 1, 200, 1, 50],
    ["audio_seconds", "Length in seconds", 1, 9, 1, 9],
  ]],
];
let settings = JSON.parse(localStorage.getItem("settings") || "{}");

function showSettings() {
  const panel = $("settings");
  panel.replaceChildren();
  for (const [name, fields] of groups) {
    const set = make("fieldset");
    set.append(make("legend", name));
    for (const [key, text, least, most, step, usual] of fields) {
      const label = make("label");
      const shown = make("output");
      const input = make("input", "", { type: "range", min: least, max: most, step });
      input.value = settings[key] ?? usual;
      const tell = () => (shown.textContent = `: ${settings[key] ?? "as the model has it"}`);
      input.addEventListener("input", () => {
        settings[key] = Number(input.value);
        keepSettings();
        tell();
      });
      tell();
      label.append(make("span", text), shown, input);
      set.append(label);
    }
    panel.append(set);
  }
  const label = make("label", "Seed (empty: another each time) ");
  const seed = make("input", "", { type: "number", min: 0, max: 4294967295 });
  seed.value = settings.seed ?? "";
  seed.addEventListener("input", () => {
    if (seed.value === "") delete settings.seed;
    else settings.seed = Math.floor(Number(seed.value));
    keepSettings();
  });
  label.append(seed);
  panel.append(label, button("As the model has it", () => {
    settings = {};
    keepSettings();
    showSettings();
  }));
}

const keepSettings = () => localStorage.setItem("settings", JSON.stringify(settings));

// Turns.

async function turn(node) {
  const article = make("article", "", { class: node.role, "data-id": node.id });
  article.append(make("h2", node.role === "user" ? "You" : "South-GPT"));
  for (const part of node.parts) {
    article.append(part.type === "text" ? make("p", part.text) : await shown(part, node));
  }
  if (node.error) article.append(make("p", node.error, { class: "bad", role: "alert" }));
  article.append(tools(node));
  return article;
}

async function shown(part, node) {
  const element = await figure(part);
  if (node.role === "user") return element;
  const row = make("div", "", { class: "tools" });
  const file = await local(part.url);
  if (file) {
    const link = make("a", "Download", { href: file.url, download: part.url.split("/").at(-1) });
    row.append(link);
  }
  if (node.seed !== undefined) {
    row.append(button("Again with these settings", () => {
      settings = { ...node.settings, seed: node.seed };
      keepSettings();
      showSettings();
      answer(talk.nodes[node.parent]);
    }));
  }
  element.append(row);
  return element;
}

function tools(node) {
  const row = make("div", "", { class: "tools" });
  const others = store.siblings(talk, node);
  if (others.length > 1) {
    const at = others.indexOf(node);
    const turnTo = (step) => () => {
      talk.head = store.leaf(talk, others[(at + step + others.length) % others.length]).id;
      keep();
      show();
    };
    row.append(
      button("‹", turnTo(-1), "The branch before"), make("span", `${at + 1}/${others.length}`),
      button("›", turnTo(1), "The branch after"));
  }
  if (node.role === "user") {
    row.append(button("Edit", () => edit(node)));
  } else {
    row.append(button("Regenerate", () => answer(talk.nodes[node.parent])));
  }
  return row;
}

function edit(node) {
  $("words").value = node.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
  attached = node.parts.filter((part) => part.type !== "text");
  $("compose").dataset.parent = node.parent ?? "";
  showAttached();
  $("words").focus();
}

async function show() {
  const nodes = store.path(talk);
  $("log").replaceChildren(...(await Promise.all(nodes.map(turn))));
  $("examples").hidden = nodes.length > 0;
  $("log").scrollTop = $("log").scrollHeight;
}

async function keep() {
  const first = Object.values(talk.nodes)[0];
  const text = first?.parts.find((part) => part.type === "text")?.text;
  if (text) talk.title = text.slice(0, 60);
  await store.saveTalk(talk);
  await showTalks();
}

async function showTalks() {
  const rows = (await store.talks()).map((other) => {
    const row = make("li");
    const open = button(other.title, () => {
      if (running) return;
      talk = other;
      show();
      showTalks();
    });
    open.setAttribute("aria-current", other.id === talk.id);
    row.append(open, button("×", async () => {
      await store.removeTalk(other.id);
      if (other.id === talk.id) startTalk();
      showTalks();
    }, "Delete this conversation"));
    return row;
  });
  $("talk-list").replaceChildren(...rows);
}

function startTalk() {
  talk = store.newTalk();
  show();
  showTalks();
}

// Asking and answering.

function content(node) {
  return node.parts.map((part) =>
    part.type === "text"
      ? { type: "text", text: part.text }
      : { type: `${part.type}_url`, [`${part.type}_url`]: { url: part.url } });
}

/** Uploads again what the server no longer has. */
async function restore(nodes) {
  for (const part of nodes.flatMap((node) => node.parts)) {
    if (part.type === "text" || (await fetch(part.url, { method: "HEAD" })).ok) continue;
    const blob = await store.medium(part.url);
    if (!blob) throw new Error("A file of this conversation is no longer kept.");
    part.url = (await api.upload(blob)).url;
    await store.keepMedium(part.url, blob);
  }
}

async function answer(question) {
  if (running) return;
  const stop = new AbortController();
  running = stop;
  busy(true);
  const used = { ...settings };
  const node = store.append(talk, question.id, { role: "assistant", parts: [], settings: used });
  await show();
  const article = $("log").lastElementChild;
  article.querySelector(".tools").remove();
  const bar = make("progress");
  const job = make("p", "thinking", { class: "job" });
  article.append(job, bar);
  let words = null;
  const begun = Date.now();
  try {
    const nodes = store.path(talk, question.id);
    await restore(nodes);
    const forced = [...document.querySelectorAll("#forced input:checked")].map((box) => box.value);
    const body = {
      ...used,
      messages: nodes.map((turn) => ({ role: turn.role, content: content(turn) })),
      ...(forced.length ? { modalities: forced } : {}),
    };
    for await (const chunk of api.reply(body, stop.signal)) {
      const delta = chunk.choices?.[0]?.delta ?? {};
      if (delta.content) {
        const last = node.parts.at(-1);
        if (last?.type === "text") last.text += delta.content;
        else node.parts.push({ type: "text", text: delta.content });
        if (!words || last?.type !== "text") {
          words = make("p");
          job.before(words);
        }
        words.textContent = node.parts.at(-1).text;
      }
      if (delta.progress) {
        const { job: name, completed, total } = delta.progress;
        const left = completed ? ((Date.now() - begun) / completed) * (total - completed) : 0;
        job.textContent = name + (left > 2000 ? `, about ${Math.round(left / 1000)} s` : "");
        [bar.max, bar.value] = [total, completed];
      }
      for (const part of delta.parts ?? []) {
        const type = part.type.split("_")[0];
        const medium = { type, url: part[part.type].url, caption: part.text };
        node.parts.push(medium);
        words = null;
        job.before(await shown(medium, node));
      }
      if (chunk.seed !== undefined) node.seed = chunk.seed;
      $("log").scrollTop = $("log").scrollHeight;
    }
  } catch (error) {
    node.error = stop.signal.aborted ? "Stopped." : error.message;
  }
  running = null;
  busy(false);
  await keep();
  await show();
  $("words").focus();
}

function busy(isBusy) {
  $("stop").hidden = !isBusy;
  $("send").hidden = isBusy;
}

$("compose").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = $("words").value.trim();
  if (running || (!text && !attached.length)) return;
  const parent = $("compose").dataset.parent;
  delete $("compose").dataset.parent;
  const parts = [...attached, ...(text ? [{ type: "text", text }] : [])];
  const node = store.append(talk, parent === undefined ? talk.head : parent || null, { role: "user", parts });
  $("words").value = "";
  attached = [];
  showAttached();
  await keep();
  await answer(node);
});

$("words").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("compose").requestSubmit();
  }
});
$("stop").addEventListener("click", () => running?.abort());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running) running.abort();
});

// Media of the user's.

async function attach(files) {
  for (const file of files) {
    try {
      const medium = await api.upload(file);
      await store.keepMedium(medium.url, file);
      attached.push(medium);
    } catch (error) {
      say(error.message);
    }
  }
  showAttached();
}

async function showAttached() {
  const rows = await Promise.all(attached.map(async (part) => {
    const row = make("li");
    const file = await local(part.url);
    if (part.type === "audio") row.append(make("span", "♪ sound"));
    else {
      const element = make(part.type === "image" ? "img" : "video", "", { alt: "attached picture" });
      if (file) element.src = file.url;
      row.append(element);
    }
    row.append(button("×", () => {
      attached = attached.filter((other) => other !== part);
      showAttached();
    }, "Remove"));
    return row;
  }));
  $("attached").replaceChildren(...rows);
}

$("files").addEventListener("change", async () => {
  await attach($("files").files);
  $("files").value = "";
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    $("compose").classList.toggle("over", name === "dragover");
    if (name === "drop") attach(event.dataTransfer.files);
  });
}
$("words").addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) {
    event.preventDefault();
    attach(event.clipboardData.files);
  }
});

let recorder = null;
$("record").addEventListener("click", async () => {
  if (recorder) return recorder.stop();
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    recorder = new MediaRecorder(stream);
    const pieces = [];
    recorder.ondataavailable = (event) => pieces.push(event.data);
    recorder.onstop = () => {
      for (const track of stream.getTracks()) track.stop();
      attach([new Blob(pieces, { type: recorder.mimeType.split(";")[0] })]);
      recorder = null;
      $("record").setAttribute("aria-pressed", "false");
      $("record").textContent = "Record";
    };
    recorder.start();
    $("record").setAttribute("aria-pressed", "true");
    $("record").textContent = "Stop recording";
  } catch (error) {
    say(`The microphone cannot be used: ${error.message}`);
  }
});

// What stands around the conversation.

function fold(id, panel) {
  $(id).addEventListener("click", () => {
    const isOpen = $(panel).hidden;
    $(panel).hidden = !isOpen;
    $(id).setAttribute("aria-expanded", isOpen);
  });
}
fold("show-talks", "talks");
fold("show-settings", "settings");
$("new-talk").addEventListener("click", () => !running && startTalk());
$("clear").addEventListener("click", async () => {
  running?.abort();
  await store.removeTalk(talk.id);
  attached = [];
  showAttached();
  startTalk();
});
$("show-gallery").addEventListener("click", async () => {
  const made = (await store.talks()).flatMap((other) =>
    Object.values(other.nodes)
      .filter((node) => node.role === "assistant")
      .flatMap((node) => node.parts.filter((part) => part.type !== "text").map((part) => [part, node])));
  const figures = await Promise.all(made.map(async ([part, node]) => {
    const element = await shown(part, node);
    element.append(make("figcaption", part.caption));
    return element;
  }));
  $("shelf").replaceChildren(...(figures.length ? figures : [make("p", "Nothing was made yet.")]));
  $("gallery").showModal();
});

const examples = [
  ["text", "What can you do?"], ["image", "Draw a lake in the evening."],
  ["audio", "Play rain on a roof."], ["video", "Show waves on a beach, moving."],
];

async function begin() {
  for (;;) {
    const state = await api.health().catch(() => ({ status: "unreachable" }));
    if (state.status === "ok") {
      say(state.model);
      break;
    }
    say(state.status === "loading" ? "The model is being opened …" : "The server does not answer.");
    await new Promise((done) => setTimeout(done, 1000));
  }
  able = await api.model();
  for (const box of document.querySelectorAll("#forced input")) {
    box.disabled = !able.output_modalities.includes(box.value);
  }
  $("examples").replaceChildren(...examples
    .filter(([modality]) => able.output_modalities.includes(modality))
    .map(([, text]) => button(text, () => {
      $("words").value = text;
      $("compose").requestSubmit();
    })));
  document.body.dataset.ready = "yes";
}

showSettings();
const known = await store.talks();
if (known.length) talk = known[0];
await show();
await showTalks();
await begin();

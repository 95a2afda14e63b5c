// The page: conversations with text and media both ways.

import * as api from "./api.js";
import * as compose from "./compose.js";
import * as settings from "./settings.js";
import * as store from "./store.js";
import { $, announce, button, make, tell } from "./dom.js";
import { openGallery } from "./gallery.js";
import { names } from "./media.js";
import * as turns from "./turns.js";

let talk = store.newTalk();
let running = null;

// Conversations.

async function keep() {
  const first = Object.values(talk.nodes)[0];
  const text = first?.parts.find((part) => part.type === "text")?.text;
  if (text) talk.title = text.slice(0, 60);
  else if (first) talk.title = `A ${names[first.parts[0].type]}`;
  await store.saveTalk(talk);
  await showTalks();
}

async function showTalks() {
  const rows = (await store.talks()).map((other) => {
    const row = make("li");
    const choose = button(other.title, () => free() && open(other));
    choose.title = other.title;
    if (other.id === talk.id) choose.setAttribute("aria-current", "true");
    row.append(choose, button("×", () => remove(other), `Delete the conversation: ${other.title}`));
    return row;
  });
  $("talk-list").replaceChildren(...rows);
}

/** Whether nothing is being made; says so otherwise. */
function free() {
  if (running) tell("An answer is being made.", "Stop it", () => running?.abort());
  return !running;
}

async function open(other) {
  talk = other;
  compose.reset();
  document.title = `${talk.title} · South-GPT`;
  await turns.show(talk);
  await showTalks();
  if (innerWidth < 768) fold("talks", false);
}

async function start() {
  await open(store.newTalk());
  document.title = "South-GPT";
  $("words").focus();
}

async function remove(other) {
  if (other.id === talk.id && !free()) return;
  await store.removeTalk(other.id);
  if (other.id === talk.id) await start();
  else await showTalks();
  tell("The conversation was deleted.", "Undo", async () => {
    await store.saveTalk(other);
    if (running) await showTalks();
    else await open(other);
  });
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
    if (part.type === "text" || (await fetch(part.url, { method: "HEAD", cache: "no-store" })).ok) continue;
    const blob = await store.medium(part.url);
    if (!blob) throw new Error(`A ${names[part.type]} of this conversation is no longer kept.`);
    part.url = (await api.upload(blob)).url;
    await store.keepMedium(part.url, blob);
  }
}

/** Makes an answer to a question, beside those that it has. */
async function answer(question, used = settings.settings(), forced = settings.forced()) {
  if (!free()) return;
  const stop = (running = new AbortController());
  busy(true);
  announce("The answer is being made.");
  const node = store.append(talk, question.id, { role: "assistant", parts: [], settings: used, forced });
  const article = await turns.show(talk, node);
  const work = workbench(article);
  try {
    const nodes = store.path(talk, question.id);
    await restore(nodes);
    const body = {
      ...used,
      messages: nodes.map((turn) => ({ role: turn.role, content: content(turn) })),
      ...(forced.length ? { modalities: forced } : {}),
    };
    for await (const chunk of api.reply(body, stop.signal)) {
      if (chunk.seed !== undefined) node.seed = chunk.seed;
      if (chunk.seconds) node.seconds = Object.values(chunk.seconds).reduce((sum, s) => sum + s, 0);
      await take(chunk.choices?.[0]?.delta ?? {}, node, work);
    }
  } catch (error) {
    node.error = stop.signal.aborted ? "Stopped."
      : error instanceof TypeError ? "The server does not answer." : error.message;
    if (error instanceof TypeError && !stop.signal.aborted) begin();
  }
  running = null;
  busy(false);
  turns.forget(node);
  await keep();
  await turns.show(talk);
  announce(summary(node));
}

/** Puts a question, after the last turn unless it is a branch elsewhere. */
async function ask(parts, parent = talk.head, forced = settings.forced()) {
  const node = store.append(talk, parent, { role: "user", parts });
  await keep();
  document.title = `${talk.title} · South-GPT`;
  await answer(node, settings.settings(), forced);
}

/** Where an answer grows: what it has, what is done now and how far that is. */
function workbench(article) {
  const [job, bar, preview] = [make("p", "waiting", { class: "job" }), make("progress"), make("img")];
  bar.setAttribute("aria-label", "waiting");
  preview.alt = "What it looks like so far";
  preview.className = "preview";
  preview.hidden = true;
  article.append(job, bar, preview);
  return { article, job, bar, preview, words: null, begun: Date.now() };
}

async function take(delta, node, work) {
  if (delta.content) {
    const last = node.parts.at(-1);
    if (last?.type === "text") last.text += delta.content;
    else node.parts.push({ type: "text", text: delta.content });
    if (!work.words) {
      work.words = make("p");
      work.job.before(work.words);
    }
    work.words.textContent = node.parts.at(-1).text;
  }
  if (delta.progress) progress(delta.progress, work);
  for (const part of delta.parts ?? []) {
    const type = part.type.split("_")[0];
    const medium = { type, url: part[part.type].url, caption: part.text };
    node.parts.push(medium);
    work.words = null;
    work.preview.hidden = true;
    work.job.before(await turns.medium(medium, node));
  }
  turns.follow();
}

function progress({ job: name, completed, total, preview }, work) {
  const job = name.replace(/image|audio|video/, (type) => `a ${names[type]}`);
  if (work.job.dataset.job !== job) {
    work.job.dataset.job = job;
    [work.begun, work.first] = [Date.now(), completed];
    work.preview.hidden = true;
    announce(job);
  }
  const done = completed - work.first;
  const left = done > 0 ? ((Date.now() - work.begun) / done) * (total - completed) : 0;
  const isCounted = total > 1 && job !== "thinking";
  work.job.textContent = job + (isCounted ? `, step ${completed} of ${total}` : "")
    + (left > 1500 ? `, about ${Math.round(left / 1000)} s left` : "");
  work.bar.setAttribute("aria-label", job);
  if (isCounted) [work.bar.max, work.bar.value] = [total, completed];
  else work.bar.removeAttribute("value");
  if (preview) {
    work.preview.src = preview;
    work.preview.hidden = false;
  }
}

function summary(node) {
  if (node.error) return node.error;
  const made = node.parts.filter((part) => part.type !== "text").map((part) => names[part.type]);
  const text = node.parts.filter((part) => part.type === "text").map((part) => part.text).join(" ");
  return `South-GPT: ${text}${made.length ? ` With a ${made.join(", a ")}.` : ""}`;
}

function busy(isBusy) {
  $("stop").hidden = !isBusy;
  $("send").hidden = isBusy;
  $("log").setAttribute("aria-busy", isBusy);
  if (isBusy) $("stop").focus();
  else if (document.activeElement === document.body || document.activeElement === $("stop")) $("words").focus();
}

turns.act({
  answer: (node) => answer(node),
  regenerate(node) {
    const forced = settings.forced();
    return answer(talk.nodes[node.parent], settings.settings(), forced.length ? forced : node.forced ?? []);
  },
  edit: (node) => free() && compose.edit(node),
  async turnTo(node, step) {
    if (!free()) return;
    talk.head = store.leaf(talk, node).id;
    await store.saveTalk(talk);
    await turns.show(talk);
    const [before, after] = document.querySelectorAll(`[data-id="${node.id}"] .turn-tools button`);
    (step < 0 ? before : after)?.focus();
  },
  async again(node) {
    if (!free()) return;
    $("gallery").close();
    if (!talk.nodes[node.id]) {
      const other = (await store.talks()).find((other) => other.nodes[node.id]);
      if (!other) return tell("Its conversation was deleted.");
      await open(other);
    }
    settings.use({ ...node.settings, seed: node.seed });
    await answer(talk.nodes[node.parent], settings.settings(), node.forced ?? []);
  },
});

$("compose").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!free()) return;
  const message = compose.take();
  if (message) await ask(message.parts, message.parent);
});
$("stop").addEventListener("click", () => running?.abort());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && running && !document.querySelector("dialog[open]")) running.abort();
});

// What stands around the conversation.

function fold(panel, isOpen) {
  $(panel).hidden = !isOpen;
  $(`show-${panel}`).setAttribute("aria-expanded", isOpen);
}
for (const panel of ["talks", "settings"]) {
  $(`show-${panel}`).addEventListener("click", () => {
    const isOpen = $(panel).hidden;
    fold(panel, isOpen);
    // A phone has room for one.
    if (isOpen && innerWidth < 768) fold(panel === "talks" ? "settings" : "talks", false);
  });
  $(`hide-${panel}`).addEventListener("click", () => {
    fold(panel, false);
    $(`show-${panel}`).focus();
  });
}
$("new-talk").addEventListener("click", () => free() && start());
$("clear").addEventListener("click", async () => {
  if (Object.keys(talk.nodes).length) await remove(talk);
  else compose.reset();
});
$("own-settings").addEventListener("click", () => settings.use({}));
$("show-gallery").addEventListener("click", () => openGallery(async (other, node) => {
  if (!free()) return;
  other.head = store.leaf(other, node).id;
  await open(other);
  document.querySelector(`[data-id="${node.id}"]`)?.scrollIntoView();
}));

// Asked with the modality named, these work with any model that makes it.
const examples = [
  [[], "What can you do?"], [["text", "image"], "Draw a lake in the evening."],
  [["text", "audio"], "Play rain on a roof."], [["text", "video"], "Show waves on a beach, moving."],
];

function welcome(able) {
  const made = examples.filter(([forced]) => forced.every((kind) => able.output_modalities.includes(kind)));
  const shown = able.examples?.length ? able.examples.map((text) => [[], text]) : made;
  $("examples").replaceChildren(...shown.map(([forced, text]) => button(text, () =>
    free() && ask([{ type: "text", text }], null, forced))));
}

async function begin() {
  for (;;) {
    const state = await api.health().catch(() => ({ status: "unreachable" }));
    document.body.dataset.state = state.status;
    if (state.status === "ok") {
      $("state").textContent = state.model;
      break;
    }
    $("state").textContent = {
      loading: "The model is being opened …", unreachable: "The server does not answer.",
    }[state.status] ?? "The model cannot be used; the server's log says why.";
    await new Promise((done) => setTimeout(done, 1000));
  }
  let able;
  try {
    able = await api.model();
  } catch (error) {
    document.body.dataset.state = "refused";
    $("state").textContent = error.message;
    return tell(error.message, "Enter it", begin);
  }
  settings.know(able);
  welcome(able);
  document.body.dataset.ready = "yes";
}

if (innerWidth >= 1100) fold("talks", true);
const known = await store.talks();
if (known.length) await open(known[0]);
else await start();
store.tidy().catch(() => {});
await begin();

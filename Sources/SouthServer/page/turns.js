// The turns of a conversation, drawn.

import * as store from "./store.js";
import { $, button, make } from "./dom.js";
import { figure, local, names } from "./media.js";

const drawn = new Map();

/** What the buttons of a turn do: `edit`, `answer`, `regenerate`, `again`, `turnTo`. */
export let actions = {};
export const act = (given) => (actions = given);

/** Draws the turns that are shown; those that were there before stay as they are. */
export async function show(talk, running = null) {
  const nodes = store.path(talk);
  const articles = await Promise.all(nodes.map(async (node) => {
    if (!drawn.has(node.id) || node === running) drawn.set(node.id, await turn(node));
    const article = drawn.get(node.id);
    article.querySelector(".turn-tools")?.remove();
    if (node !== running) article.append(tools(talk, node));
    return article;
  }));
  const log = $("log");
  // Only what differs is replaced, so that players go on and nothing is read out twice.
  let same = 0;
  while (same < articles.length && log.children[same] === articles[same]) same += 1;
  while (log.children.length > same) log.lastElementChild.remove();
  log.append(...articles.slice(same));
  $("welcome").hidden = nodes.length > 0;
  log.hidden = nodes.length === 0;
  toEnd();
  return articles.at(-1);
}

/** Draws a turn anew the next time. */
export const forget = (node) => drawn.delete(node.id);

let follows = true;

/** Shows the end, unless the user reads above it. */
export function follow() {
  if (follows) toEnd();
}

function toEnd() {
  follows = true;
  $("log").scrollTop = $("log").scrollHeight;
}

$("log").addEventListener("scroll", () => {
  const log = $("log");
  follows = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
});
// A medium is as tall as it is only once it is there.
for (const event of ["load", "loadedmetadata"]) $("log").addEventListener(event, follow, true);

async function turn(node) {
  const article = make("article", "", { class: node.role, "data-id": node.id });
  article.append(make("h2", node.role === "user" ? "You" : "South-GPT"));
  for (const part of node.parts) {
    article.append(part.type === "text" ? make("p", part.text) : await medium(part, node));
  }
  if (node.error) article.append(make("p", node.error, { class: "bad" }));
  return article;
}

/** A medium of a turn; those that were made can be kept and made again. */
export async function medium(part, node) {
  const element = await figure(part);
  if (node.role === "user") return element;
  const row = make("div", "", { class: "tools" });
  const file = await local(part.url);
  if (file) {
    row.append(make("a", "Download", {
      href: file.url, download: part.url.split("/").at(-1), "aria-label": `Download this ${names[part.type]}`,
    }));
  }
  if (node.seed !== undefined) {
    row.append(button("Again with these settings", () => actions.again(node)));
  }
  element.append(row);
  return element;
}

function tools(talk, node) {
  const row = make("div", "", { class: "tools turn-tools" });
  const others = store.siblings(talk, node);
  if (others.length > 1) {
    const at = others.indexOf(node);
    const turnTo = (step) => () =>
      actions.turnTo(others[(at + step + others.length) % others.length], step);
    row.append(
      button("‹", turnTo(-1), "The branch before"), make("span", `${at + 1}/${others.length}`),
      button("›", turnTo(1), "The branch after"));
  }
  if (node.role === "user") {
    row.append(button("Edit", () => actions.edit(node), "Edit this message, as a branch"));
    if (talk.head === node.id) row.append(button("Answer", () => actions.answer(node)));
  } else {
    row.append(button("Regenerate", () => actions.regenerate(node)));
  }
  const notes = [];
  if (node.seconds !== undefined) notes.push(`${node.seconds.toFixed(1)} s`);
  if (node.seed !== undefined) notes.push(`seed ${node.seed}`);
  if (notes.length) row.append(make("small", notes.join(" · ")));
  return row;
}

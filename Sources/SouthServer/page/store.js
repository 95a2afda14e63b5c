// Conversations and media, kept in the browser across restarts of both sides.

const opening = new Promise((done, fail) => {
  const request = indexedDB.open("southgpt", 1);
  request.onupgradeneeded = () => {
    request.result.createObjectStore("talks", { keyPath: "id" });
    request.result.createObjectStore("media");
  };
  request.onsuccess = () => done(request.result);
  request.onerror = () => fail(request.error);
});

async function transact(name, mode, work) {
  const store = (await opening).transaction(name, mode).objectStore(name);
  return new Promise((done, fail) => {
    const request = work(store);
    request.onsuccess = () => done(request.result);
    request.onerror = () => fail(request.error);
  });
}

export const talks = async () =>
  (await transact("talks", "readonly", (store) => store.getAll())).sort((a, b) => b.time - a.time);
export const saveTalk = (talk) => transact("talks", "readwrite", (store) => store.put(talk));
export const removeTalk = (id) => transact("talks", "readwrite", (store) => store.delete(id));
export const keepMedium = (url, blob) => transact("media", "readwrite", (store) => store.put(blob, url));
export const medium = (url) => transact("media", "readonly", (store) => store.get(url));

/** Forgets the media that no conversation shows any more. */
export async function tidy() {
  const used = new Set((await talks()).flatMap((talk) =>
    Object.values(talk.nodes).flatMap((node) => node.parts.map((part) => part.url))));
  const kept = await transact("media", "readonly", (store) => store.getAllKeys());
  for (const url of kept.filter((url) => !used.has(url))) {
    await transact("media", "readwrite", (store) => store.delete(url));
  }
}

/** A conversation is a tree: an edited question or a second answer is a sibling of the first. */
export function newTalk() {
  return { id: name(), title: "New conversation", time: Date.now(), nodes: {}, head: null };
}

/** A name that no other has; `randomUUID` is not there where a page comes over plain HTTP. */
function name() {
  return [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function append(talk, parent, node) {
  node.id = name();
  node.parent = parent;
  talk.nodes[node.id] = node;
  talk.head = node.id;
  talk.time = Date.now();
  return node;
}

/** From the first turn to the one that is shown last. */
export function path(talk, to = talk.head) {
  const nodes = [];
  for (let node = talk.nodes[to]; node; node = talk.nodes[node.parent]) nodes.unshift(node);
  return nodes;
}

export const siblings = (talk, node) =>
  Object.values(talk.nodes).filter((other) => other.parent === node.parent && other.role === node.role);

/** The last turn below a node, by its newest branches. */
export function leaf(talk, node) {
  const below = Object.values(talk.nodes).filter((other) => other.parent === node.id);
  return below.length ? leaf(talk, below.at(-1)) : node;
}

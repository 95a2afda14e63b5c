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

/** A conversation is a tree: an edited question or a second answer is a sibling of the first. */
export function newTalk() {
  return { id: crypto.randomUUID(), title: "New conversation", time: Date.now(), nodes: {}, head: null };
}

export function append(talk, parent, node) {
  node.id = crypto.randomUUID();
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

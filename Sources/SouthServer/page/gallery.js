// All that was made, in all conversations, newest first.

import * as store from "./store.js";
import { $, button, make } from "./dom.js";
import { medium } from "./turns.js";

/** @param open what shows the conversation that a medium is from */
export async function openGallery(open) {
  const made = (await store.talks()).flatMap((talk) =>
    Object.values(talk.nodes)
      .filter((node) => node.role === "assistant")
      .flatMap((node) => node.parts.filter((part) => part.type !== "text").map((part) => [part, node, talk]))
      .reverse());
  const figures = await Promise.all(made.map(async ([part, node, talk]) => {
    const element = await medium(part, node);
    const asked = talk.nodes[node.parent]?.parts.find((other) => other.type === "text")?.text;
    const caption = make("figcaption", asked || part.caption);
    caption.title = asked || part.caption;
    element.querySelector(".tools").append(button("Conversation", () => {
      $("gallery").close();
      open(talk, node);
    }, "Show the conversation that this is from"));
    element.append(caption);
    return element;
  }));
  $("shelf").replaceChildren(...(figures.length ? figures : [make("p", "Nothing was made yet.")]));
  $("gallery").showModal();
}

// Elements, and what is said to those who see the page and to those who hear it.

export const $ = (id) => document.getElementById(id);

export function make(tag, text, attributes = {}) {
  const element = document.createElement(tag);
  // Only ever as text: nothing that a user or the model writes becomes markup.
  if (text) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

export function button(text, work, title = "") {
  const element = make("button", text, { type: "button" });
  if (title) {
    element.title = title;
    element.setAttribute("aria-label", title);
  }
  element.addEventListener("click", work);
  return element;
}

/** Says a sentence to a screen reader. */
export const announce = (text) => ($("announcement").textContent = text);

let notice = null;

/** Shows a sentence for a while, with something to do about it. */
export function tell(text, action = null, work = null) {
  clearTimeout(notice);
  const bar = $("notice");
  const close = () => (bar.hidden = true);
  bar.replaceChildren(make("span", text));
  if (action) {
    bar.append(button(action, () => {
      close();
      work();
    }));
  }
  bar.append(button("×", close, "Close this notice"));
  bar.hidden = false;
  notice = setTimeout(close, 12000);
}

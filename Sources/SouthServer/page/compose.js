// What the user is about to send: words, and media by button, drop, paste and microphone.

import * as api from "./api.js";
import * as store from "./store.js";
import { $, announce, button, make, tell } from "./dom.js";
import { local, names } from "./media.js";

let attached = [];
/** The parent of the turn that is edited; undefined while none is. */
let parent;
let coming = 0;

/** Takes what there is to send, and leaves the form empty; null where there is nothing. */
export function take() {
  const text = $("words").value.trim();
  if (coming) {
    tell("A file is still being sent.");
    return null;
  }
  if (!text && !attached.length) return null;
  const message = { parts: [...attached, ...(text ? [{ type: "text", text }] : [])], parent };
  reset();
  return message;
}

export function reset() {
  $("words").value = "";
  attached = [];
  parent = undefined;
  $("editing").hidden = true;
  show();
  fit();
}

/** Puts an earlier question into the form: what is sent then is a branch beside it. */
export function edit(node) {
  $("words").value = node.parts.filter((part) => part.type === "text").map((part) => part.text).join("");
  attached = node.parts.filter((part) => part.type !== "text");
  parent = node.parent;
  $("editing").hidden = false;
  show();
  fit();
  $("words").focus();
}

async function attach(files) {
  for (const file of files) {
    coming += 1;
    $("attached").setAttribute("aria-busy", "true");
    try {
      const medium = await api.upload(file);
      medium.caption = file.name ?? "";
      await store.keepMedium(medium.url, file);
      attached.push(medium);
      announce(`Attached: ${names[medium.type]} ${medium.caption}`);
    } catch (error) {
      tell(`${file.name || "The file"} was not attached: ${error.message}`);
    }
    coming -= 1;
  }
  if (!coming) $("attached").removeAttribute("aria-busy");
  await show();
}

async function show() {
  const rows = await Promise.all(attached.map(async (part) => {
    const row = make("li");
    const file = await local(part.url);
    if (part.type === "audio") row.append(make("span", `♪ ${part.caption || "sound"}`));
    else {
      const element = make(part.type === "image" ? "img" : "video", "", {
        [part.type === "image" ? "alt" : "aria-label"]: part.caption || names[part.type],
      });
      if (file) element.src = file.url;
      row.append(element);
    }
    row.append(button("×", () => {
      attached = attached.filter((other) => other !== part);
      show();
      $("words").focus();
    }, `Remove this ${names[part.type]}`));
    return row;
  }));
  $("attached").replaceChildren(...rows);
}

/** As tall as the words, up to a third of the window. */
function fit() {
  const words = $("words");
  words.style.height = "auto";
  words.style.height = `${Math.min(words.scrollHeight + 2, innerHeight / 3)}px`;
}

$("words").addEventListener("input", fit);
$("words").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    $("compose").requestSubmit();
  }
});
$("words").addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) {
    event.preventDefault();
    attach([...event.clipboardData.files]);
  }
});
$("cancel-edit").addEventListener("click", () => {
  reset();
  $("words").focus();
});
$("attach").addEventListener("click", () => $("files").click());
$("files").addEventListener("change", async () => {
  const files = [...$("files").files];
  $("files").value = "";
  await attach(files);
});
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", name === "dragover");
    if (name === "drop") attach([...event.dataTransfer.files]);
  });
}

let recorder = null;
$("record").addEventListener("click", async () => {
  if (recorder) return recorder.stop();
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    return tell(`The microphone cannot be used: ${error.message}`);
  }
  recorder = new MediaRecorder(stream);
  const pieces = [];
  const begun = Date.now();
  const clock = setInterval(() => {
    $("record").textContent = `Stop recording (${Math.round((Date.now() - begun) / 1000)} s)`;
  }, 500);
  recorder.ondataavailable = (event) => pieces.push(event.data);
  recorder.onstop = () => {
    clearInterval(clock);
    for (const track of stream.getTracks()) track.stop();
    attach([new File(pieces, "recording", { type: recorder.mimeType.split(";")[0] })]);
    recorder = null;
    $("record").setAttribute("aria-pressed", "false");
    $("record").textContent = "Record";
  };
  recorder.start();
  $("record").setAttribute("aria-pressed", "true");
  $("record").textContent = "Stop recording";
});

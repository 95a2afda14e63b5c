// How answers are made: the original's names, ranges and values. A setting that was never moved is the
// model's own, and is not sent.

import { $, make, button } from "./dom.js";

// Key, name, least, most, step, and what holds where neither the user nor the model says anything.
const groups = [
  ["Text", [
    ["top_p", "Top P", 0, 1, 0.01, 0.01],
    ["temperature", "Temperature", 0, 1, 0.01, 1],
    ["max_tokens", "Tokens at most", 1, 2048, 1, 246],
  ]],
  ["Image", [
    ["image_guidance", "Guidance scale", 1, 10, 0.5, 7.5],
    ["image_steps", "Inference steps", 10, 50, 1, 50],
  ]],
  ["Video", [
    ["video_guidance", "Guidance scale", 1, 10, 0.5, 7.5],
    ["video_steps", "Inference steps", 10, 50, 1, 50],
    ["frames", "Number of frames", 16, 32, 8, 24, "What a clip shows changes with their number."],
  ]],
  ["Audio", [
    ["audio_guidance", "Guidance scale", 1, 10, 0.5, 7.5],
    ["audio_steps", "Inference steps", 10, 200, 1, 50],
    ["audio_seconds", "Length in seconds", 1, 9, 1, 9],
  ]],
];
const limitOf = {
  max_tokens: "max_tokens", image_steps: "steps", video_steps: "steps", audio_steps: "steps",
  frames: "frames", audio_seconds: "audio_seconds",
};

let chosen = read();
let model = { defaults: {}, limits: {}, output_modalities: ["text"] };

function read() {
  try {
    return JSON.parse(localStorage.getItem("settings")) ?? {};
  } catch {
    return {};
  }
}

function keep() {
  localStorage.setItem("settings", JSON.stringify(chosen));
  $("show-settings").classList.toggle("changed", Object.keys(chosen).length > 0);
}

/** What the user chose. */
export const settings = () => ({ ...chosen });

/** Takes other settings for those that the user chose. */
export function use(others) {
  chosen = { ...others };
  keep();
  show();
}

/** Learns what the model has by itself and what it can make. */
export function know(able) {
  model = { defaults: {}, limits: {}, ...able };
  for (const box of document.querySelectorAll("#forced input")) {
    box.disabled = !model.output_modalities.includes(box.value);
    box.parentElement.hidden = box.disabled;
  }
  keep();
  show();
}

/** The modalities that an answer must have; none leaves it to the model. */
export const forced = () =>
  [...document.querySelectorAll("#forced input:checked")].map((box) => box.value);

function own(key, usual) {
  return model.defaults[key] ?? (key.endsWith("_guidance") ? model.defaults.guidance : null) ?? usual;
}

function show() {
  const sets = groups
    .filter(([name]) => model.output_modalities.includes(name.toLowerCase()))
    .map(([name, fields]) => {
      const set = make("fieldset");
      set.append(make("legend", name), ...fields.map(range));
      return set;
    });
  $("settings-fields").replaceChildren(...sets, seed());
}

function range([key, name, least, most, step, usual, note]) {
  const value = own(key, usual);
  const limit = model.limits[limitOf[key]] ?? Infinity;
  // A model whose own value is outside of the original's range widens it.
  const [low, high] = [Math.min(least, value), Math.min(Math.max(most, value), limit)];
  const field = make("div", "", { class: "field" });
  const label = make("label", name, { for: `set-${key}` });
  const input = make("input", "", {
    id: `set-${key}`, type: "range", min: low, max: high,
    step: isWhole((value - low) / step) ? step : 1,
  });
  const shown = make("output", "", { for: `set-${key}` });
  const reset = button("↺", () => {
    delete chosen[key];
    keep();
    tell();
    input.focus();
  }, `${name}: as the model has it`);
  const tell = () => {
    const isOwn = chosen[key] === undefined;
    input.value = chosen[key] ?? value;
    shown.textContent = `${chosen[key] ?? value}`;
    input.setAttribute("aria-valuetext", isOwn ? `${value}, the model's own` : `${chosen[key]}`);
    reset.hidden = isOwn;
    field.classList.toggle("own", isOwn);
  };
  input.addEventListener("input", () => {
    chosen[key] = Number(input.value);
    keep();
    tell();
  });
  tell();
  field.append(label, shown, reset, input);
  if (note) field.append(make("small", note));
  return field;
}

const isWhole = (number) => Math.abs(number - Math.round(number)) < 1e-6;

function seed() {
  const set = make("fieldset");
  const field = make("div", "", { class: "field" });
  const input = make("input", "", {
    id: "set-seed", type: "number", min: 0, max: 4294967295, step: 1, inputmode: "numeric",
    placeholder: "another each time",
  });
  input.value = chosen.seed ?? "";
  input.addEventListener("input", () => {
    const value = Math.floor(Number(input.value));
    if (input.value === "" || !(value >= 0 && value <= 4294967295)) delete chosen.seed;
    else chosen.seed = value;
    keep();
  });
  field.append(make("label", "Seed", { for: "set-seed" }), input);
  set.append(make("legend", "Chance"), field, make("small", "The same seed and settings give the same answer."));
  return set;
}

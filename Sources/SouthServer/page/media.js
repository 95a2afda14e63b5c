// Media in the page: shown, heard, and drawn as waveform and spectrogram.

import { keepMedium, medium } from "./store.js";

/** A local address of a medium: kept in the browser, for the server forgets. */
export async function local(url) {
  let blob = await medium(url).catch(() => null);
  if (!blob) {
    const reply = await fetch(url);
    if (!reply.ok) return null;
    blob = await reply.blob();
    await keepMedium(url, blob).catch(() => {});
  }
  return { blob, url: URL.createObjectURL(blob) };
}

export async function figure(part) {
  const figure = document.createElement("figure");
  const file = await local(part.url);
  if (!file) {
    figure.textContent = "This file is no longer kept.";
    return figure;
  }
  const names = { image: "img", audio: "audio", video: "video" };
  const element = document.createElement(names[part.type]);
  element.src = file.url;
  if (part.type === "image") element.alt = part.caption || "picture";
  else {
    element.controls = true;
    element.setAttribute("aria-label", part.caption || part.type);
  }
  if (part.type === "video") [element.loop, element.muted, element.playsInline] = [true, true, true];
  figure.append(element);
  if (part.type === "audio") draw(file.blob, figure).catch(() => {});
  return figure;
}

async function draw(blob, figure) {
  const context = new OfflineAudioContext(1, 1, 16000);
  const sound = await context.decodeAudioData(await blob.arrayBuffer());
  const samples = sound.getChannelData(0);
  figure.append(waveform(samples), spectrogram(samples));
}

function canvas(label) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [600, 120];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  return canvas;
}

function waveform(samples) {
  const picture = canvas("waveform");
  const pen = picture.getContext("2d");
  pen.fillStyle = getComputedStyle(document.body).getPropertyValue("--accent");
  const step = samples.length / picture.width;
  for (let x = 0; x < picture.width; x++) {
    let [low, high] = [0, 0];
    for (let i = Math.floor(x * step); i < (x + 1) * step && i < samples.length; i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    const middle = picture.height / 2;
    pen.fillRect(x, middle - high * middle, 1, Math.max(1, (high - low) * middle));
  }
  return picture;
}

function spectrogram(samples) {
  const [size, columns] = [512, 300];
  const picture = canvas("spectrogram");
  [picture.width, picture.height] = [columns, size / 4];
  const pen = picture.getContext("2d");
  const image = pen.createImageData(columns, size / 4);
  const hop = Math.max(1, (samples.length - size) / columns);
  for (let x = 0; x < columns; x++) {
    const power = spectrum(samples, Math.floor(x * hop), size);
    for (let y = 0; y < size / 4; y++) {
      const level = Math.max(0, Math.min(1, 1 + Math.log10(power[y] + 1e-9) / 6));
      const at = 4 * ((size / 4 - 1 - y) * columns + x);
      image.data.set([255 * level ** 2, 200 * level, 120 + 100 * level, 255 * level], at);
    }
  }
  pen.putImageData(image, 0, 0);
  return picture;
}

/** Power of the lower half of the frequencies of a windowed stretch, by the fast transform. */
function spectrum(samples, start, size) {
  const re = new Float32Array(size);
  const im = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size);
    re[i] = (samples[start + i] || 0) * window;
  }
  for (let i = 1, j = 0; i < size; i++) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [re[i], re[j]] = [re[j], re[i]];
  }
  for (let length = 2; length <= size; length <<= 1) {
    for (let i = 0; i < size; i += length) {
      for (let k = 0; k < length / 2; k++) {
        const angle = (-2 * Math.PI * k) / length;
        const [c, s] = [Math.cos(angle), Math.sin(angle)];
        const [a, b] = [i + k, i + k + length / 2];
        const [x, y] = [re[b] * c - im[b] * s, re[b] * s + im[b] * c];
        [re[b], im[b]] = [re[a] - x, im[a] - y];
        [re[a], im[a]] = [re[a] + x, im[a] + y];
      }
    }
  }
  return re.slice(0, size / 4).map((value, i) => (value * value + im[i] * im[i]) / size);
}

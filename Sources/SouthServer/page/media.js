// Media in the page: shown, heard, and drawn as waveform and spectrogram.

import { make } from "./dom.js";
import { keepMedium, medium } from "./store.js";

export const names = { image: "picture", audio: "sound", video: "clip" };
const addresses = new Map();

/** A local address of a medium: kept in the browser, for the server forgets. */
export async function local(url) {
  if (addresses.has(url)) return addresses.get(url);
  let blob = await medium(url).catch(() => null);
  if (!blob) {
    const reply = await fetch(url).catch(() => null);
    if (!reply?.ok) return null;
    blob = await reply.blob();
    await keepMedium(url, blob).catch(() => {});
  }
  const file = { blob, url: URL.createObjectURL(blob) };
  addresses.set(url, file);
  return file;
}

/** A medium with what belongs to it: a player, and a drawing of a sound. */
export async function figure(part) {
  const figure = make("figure", "", { class: part.type });
  const file = await local(part.url);
  if (!file) {
    figure.textContent = `This ${names[part.type]} is no longer kept.`;
    return figure;
  }
  const label = part.caption?.trim() || names[part.type];
  const element = make({ image: "img", audio: "audio", video: "video" }[part.type]);
  element.src = file.url;
  if (part.type === "image") element.alt = label;
  else {
    element.controls = true;
    element.setAttribute("aria-label", label);
  }
  if (part.type === "video") [element.loop, element.muted, element.playsInline] = [true, true, true];
  figure.append(element);
  if (part.type === "audio") {
    const picture = make("div", "", { class: "sound" });
    figure.append(picture);
    draw(file.blob, picture, element).catch(() => picture.remove());
  }
  return figure;
}

const rate = 16000;

async function draw(blob, picture, player) {
  const context = new OfflineAudioContext(1, 1, rate);
  const sound = await context.decodeAudioData(await blob.arrayBuffer());
  const samples = sound.getChannelData(0);
  const mark = make("i", "", { class: "playhead" });
  const note = `${sound.duration.toFixed(1)} s, 0 to ${rate / 2000} kHz`;
  picture.append(waveform(samples), spectrogram(samples), mark);
  picture.after(make("small", note));
  const follow = () => {
    mark.style.left = `${(100 * player.currentTime) / (player.duration || 1)}%`;
    if (!player.paused) requestAnimationFrame(follow);
  };
  for (const event of ["play", "seeked", "pause"]) player.addEventListener(event, follow);
  // The keyboard has the player's own slider.
  picture.addEventListener("click", (event) => {
    const frame = picture.getBoundingClientRect();
    player.currentTime = ((event.clientX - frame.left) / frame.width) * player.duration;
  });
}

function canvas(width, height, label) {
  const canvas = make("canvas", "", { role: "img", "aria-label": label });
  [canvas.width, canvas.height] = [width, height];
  return canvas;
}

function waveform(samples) {
  const picture = canvas(800, 96, "Waveform");
  const pen = picture.getContext("2d");
  // The drawing is on a dark ground in both colour schemes.
  pen.fillStyle = "#7fd6cd";
  const step = samples.length / picture.width;
  const middle = picture.height / 2;
  for (let x = 0; x < picture.width; x++) {
    let [low, high] = [0, 0];
    for (let i = Math.floor(x * step); i < (x + 1) * step && i < samples.length; i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    pen.fillRect(x, middle - high * middle, 1, Math.max(1, (high - low) * middle));
  }
  return picture;
}

// From silence to loud: dark blue, magenta, orange, light yellow.
const colours = [[13, 8, 40], [88, 24, 120], [190, 55, 84], [249, 142, 40], [252, 255, 190]];

function colour(level) {
  const place = level * (colours.length - 1);
  const below = Math.min(Math.floor(place), colours.length - 2);
  return colours[below].map((value, i) => value + (colours[below + 1][i] - value) * (place - below));
}

function spectrogram(samples) {
  const [size, columns] = [512, 400];
  const rows = size / 2;
  const picture = canvas(columns, rows, "Spectrogram");
  const pen = picture.getContext("2d");
  const image = pen.createImageData(columns, rows);
  const hop = Math.max(0, (samples.length - size) / columns);
  const powers = Array.from({ length: columns }, (_, x) => spectrum(samples, Math.floor(x * hop), size));
  const loudest = powers.reduce((most, power) => power.reduce((a, b) => Math.max(a, b), most), 1e-6);
  powers.forEach((power, x) => {
    for (let y = 0; y < rows; y++) {
      // 80 dB below the loudest are dark.
      const level = Math.max(0, 1 + Math.log10(power[y] / loudest + 1e-12) / 8);
      image.data.set([...colour(level), 255], 4 * ((rows - 1 - y) * columns + x));
    }
  });
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
  return re.slice(0, size / 2).map((value, i) => (value * value + im[i] * im[i]) / size);
}

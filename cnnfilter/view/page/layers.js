/* Classes. */

let classesShown = LISTED;

/** Labels with scores, the highest first: Python's, or from the last map if it was computed. */
function ranking() {
  const last = steps.length - 1;
  if (!isComputed(last) || !outputOf(last).vector) return data.ranked;
  return Array.from(outputOf(last).values, (x, n) => [data.labels[n] || String(n), x])
    .sort((a, b) => b[1] - a[1]);
}

function showClasses() {
  const ranked = ranking();
  byId("classes").hidden = !ranked.length;
  const full = data.probable ? 1 : ranked.reduce((most, [, score]) => Math.max(most, score), 0);
  byId("classes-title").textContent = (data.probable ? "Probabilities" : "Scores")
    + (isComputed(steps.length - 1) ? ", computed in this page" : "");
  byId("ranked").replaceChildren(...ranked.slice(0, classesShown).map(([label, score]) => {
    const filled = element("span");
    const share = full > 0 ? Math.min(1, Math.max(0, score / full)) : 0;
    filled.style.width = `${100 * share}%`;
    const number = data.probable ? `${(100 * score).toFixed(1)}%` : word(score);
    return element("li", {}, element("span", {}, label),
      element("span", { className: "bar", "aria-hidden": "true" }, filled),
      element("span", { className: "number", title: String(score) }, number));
  }));
  byId("more-classes").hidden = ranked.length <= classesShown;
  byId("more-classes").textContent = `and ${ranked.length - classesShown} more`;
}

/* All layers: thumbnails of maps, with the chosen value's receptive field in each. */

const THUMB = 64;
const THUMBS = 8;
const layers = [];

function makeLayers() {
  if (given) addLayer("Picture", -1, () => given);
  addLayer(given ? "Input, prepared" : "Input", 0, () => current[0]);
  steps.forEach((step, n) => addLayer(step.title, n + 1, () => current[n + 1]));
  byId("layers").replaceChildren(...layers.map((layer) => layer.box));
}

/** Add a layer. Its number is the map's; -1 for the picture. */
function addLayer(title, number, map) {
  const thumbs = element("div", { className: "thumbs" });
  const badge = element("span", { className: "badge", hidden: true }, "computed in this page");
  const seen = element("p");
  const heading = element("h3", {}, `${title} `, element("small", {}, shapeText(map())), " ", badge);
  const box = element("div", { className: "layer" }, heading, seen, thumbs);
  const layer = { number, map, thumbs, badge, seen, box, made: [], drawn: null };
  layers.push(layer);
  addThumbs(layer, THUMBS);
}

/** Add some thumbnails, and a button for the rest. */
function addThumbs(layer, count) {
  const map = layer.map();
  const channels = map.colour && !scaleOf(map).signed && layer.number <= 0
    ? ["colour"] : range(map.channels);
  const first = layer.made.length;
  if (layer.more) layer.more.remove();
  for (const channel of channels.slice(first, first + count)) {
    layer.made.push(thumbOf(layer, map, channel));
  }
  layer.thumbs.append(...layer.made.slice(first).map((thumb) => thumb.button));
  const left = channels.length - layer.made.length;
  if (left > 0) {
    layer.more = element("button", { type: "button" }, `and ${left} more`);
    layer.more.addEventListener("click", () => {
      addThumbs(layer, 4 * THUMBS);
      update();
      layer.made[first + count].button.focus();
    });
    layer.thumbs.append(layer.more);
  }
  layer.drawn = map;
}

function thumbOf(layer, map, channel) {
  const canvas = element("canvas");
  const box = element("span", { className: "thumb" }, canvas);
  const { rows, columns } = gridOf(map);
  const size = THUMB / Math.max(rows, Math.min(columns, 4 * rows));
  box.style.width = `${Math.max(4, columns * size)}px`;
  box.style.height = `${Math.max(4, rows * size)}px`;
  const name = channel === "colour" || map.channels === 1 ? "" : map.names[channel];
  const label = `${layer.box.querySelector("h3").firstChild.textContent}${name || "map"}`;
  const button = element("button", { type: "button", title: label, "aria-label": label }, box, name);
  button.addEventListener("click", () => chooseThumb(layer, channel));
  const thumb = { canvas, box, button, channel };
  drawThumb(thumb, map);
  return thumb;
}

function drawThumb({ canvas, channel }, map) {
  const small = picture(map, channel, scaleFor(map), NO_MARGIN);
  canvas.width = small.width;
  canvas.height = small.height;
  canvas.getContext("2d").drawImage(small, 0, 0);
}

function chooseThumb(layer, channel) {
  if (layer.number > 0) {
    chooseStep(layer.number - 1, channel);
  } else {
    chooseStep(0);
    choice.colour = channel === "colour";
    if (!choice.colour && layer.number === 0) chooseInput(channel);
    update();
  }
  byId("step-title").scrollIntoView({ block: "nearest" });
}

/** Redraw the layers whose maps have changed. */
function redrawLayers(all = false) {
  for (const layer of layers) {
    const map = layer.map();
    layer.badge.hidden = map.python;
    if (!all && layer.drawn === map) continue;
    layer.drawn = map;
    for (const thumb of layer.made) drawThumb(thumb, map);
  }
}

/** Outline the chosen value's receptive field in every layer. */
function showFields({ fields, ofPicture }) {
  for (const layer of layers) {
    const map = layer.map();
    const field = layer.number < 0 ? ofPicture : fields[layer.number];
    const own = layer.number === choice.step + 1;
    layer.box.classList.toggle("current", own);
    layer.seen.textContent = field
      ? `${own ? "chosen" : "sees"}: ${fieldText(field, map)}` : "";
    const { rows, columns } = gridOf(map);
    for (const { box, button, channel } of layer.made) {
      for (const old of box.querySelectorAll("i")) old.remove();
      const isOwn = own && channel === choice.channel;
      button.setAttribute("aria-pressed", String(isOwn));
      if (!field || (own && !isOwn)) continue;
      box.append(...rectanglesOn(map, field, 4).slice(0, 4).map(([top, left, bottom, right]) => {
        const outline = element("i");
        Object.assign(outline.style, {
          top: `${(100 * top) / rows}%`, left: `${(100 * left) / columns}%`,
          height: `${(100 * (bottom - top + 1)) / rows}%`,
          width: `${(100 * (right - left + 1)) / columns}%`,
        });
        return outline;
      }));
    }
  }
}

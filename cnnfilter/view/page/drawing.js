/* Drawing: numbers as words, maps as pictures. */

/** A number as it is shown: integers as integers, others with six digits. */
function word(x) {
  if (Number.isInteger(x) && Math.abs(x) < 1e15) return String(x + 0);
  return Number.isFinite(x) ? String(Number(x.toPrecision(6))) : String(x).replace("Infinity", "∞");
}

/** A number as it fits into a cell. */
function shortWord(x) {
  if (!Number.isFinite(x) || (Number.isInteger(x) && Math.abs(x) < 1e5)) return word(x);
  const short = String(Number(x.toPrecision(2)));
  return short.replace(/^(-?)0\./, "$1.");
}

/** Make an element with properties and children; text goes in as text. */
function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/* Colours. */

const NEGATIVE = [38, 139, 210];
const POSITIVE = [220, 80, 47];
const NOT_FINITE = [200, 40, 200];
const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;
const zeroColour = () => (isDark() ? [24, 27, 32] : [250, 250, 250]);
const colourNamed = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);

/** The scale of colours that all channels of a map share. */
function scaleOf(map) {
  let [low, high] = [0, 0];
  for (const x of map.values) {
    if (x < low && x !== -Infinity) low = x;
    if (x > high && x !== Infinity) high = x;
  }
  const signed = low < 0;
  if (map.dtype === "uint8") high = 255;
  const reach = (signed ? Math.max(-low, high) : high) || 1;
  return { signed, reach };
}

function scaleText({ signed, reach }) {
  return signed
    ? `Colours: blue ${word(-reach)}, ${isDark() ? "black" : "white"} 0, orange ${word(reach)}.`
    : `Colours: black 0, white ${word(reach)}.`;
}

function colourOf(x, { signed, reach }, zero) {
  if (!Number.isFinite(x)) return NOT_FINITE;
  const share = Math.min(1, Math.abs(x) / reach);
  if (!signed) return [share * 255, share * 255, share * 255];
  const end = x < 0 ? NEGATIVE : POSITIVE;
  return zero.map((from, n) => from + share * (end[n] - from));
}

/** A place's colour: of one channel, or of the first three together. */
function pixelOf(map, row, column, channel, scale, zero) {
  if (channel !== "colour") return colourOf(valueAt(map, row, column, channel), scale, zero);
  return [0, 1, 2].map((n) => colourOf(valueAt(map, row, column, n), scale, zero)[0]);
}

/* Pictures. */

/** A map as a picture with one pixel for each value, inside its padding. */
function picture(map, channel, scale, margin) {
  const { rows, columns } = gridOf(map);
  const [width, height] = [columns + margin.left + margin.right, rows + margin.top + margin.bottom];
  const pixels = new ImageData(width, height);
  const zero = zeroColour();
  for (let n = 0; n < width * height; n += 1) {
    const [y, x] = [Math.floor(n / width) - margin.top, n % width - margin.left];
    const row = map.vector ? 0 : pixelAt(y, rows, margin.border);
    const column = map.vector ? y * columns + x : pixelAt(x, columns, margin.border);
    const padded = y < 0 || x < 0 || y >= rows || x >= columns;
    if (row < 0 || column < 0 || column >= map.width) continue;
    pixels.data.set(pixelOf(map, row, column, channel, scale, zero), 4 * n);
    pixels.data[4 * n + 3] = padded ? 110 : 255;
  }
  const drawn = element("canvas", { width, height });
  drawn.getContext("2d").putImageData(pixels, 0, 0);
  return drawn;
}

const NO_MARGIN = { top: 0, bottom: 0, left: 0, right: 0, border: "zero" };

/** The padding that a step's windows cover. */
function marginOf(step) {
  const pairs = windowsOf(step);
  const over = (axis) =>
    Math.max(0, (axis.count - 1) * axis.stride - axis.before
      + axis.dilation * (axis.size - 1) + 1 - axis.length);
  const most = (direction, amount) =>
    Math.max(0, ...pairs.map((pair) => amount(pair[direction])));
  return {
    top: most(0, (axis) => axis.before),
    bottom: most(0, over),
    left: most(1, (axis) => axis.before),
    right: most(1, over),
    border: step.border || "zero",
  };
}

/** A large view of a map: its canvas, how large a cell is, and the picture without marks. */
function view(canvas, map, channel, scale, margin = NO_MARGIN) {
  const { rows, columns } = gridOf(map);
  const [width, height] = [columns + margin.left + margin.right, rows + margin.top + margin.bottom];
  const room = { width: canvas.parentElement.clientWidth, height: 560 };
  let cell = Math.min(48, room.width / width, room.height / height);
  if (cell >= 3) cell = Math.floor(cell);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * cell * ratio));
  canvas.height = Math.max(1, Math.round(height * cell * ratio));
  canvas.style.width = `${width * cell}px`;
  canvas.style.height = `${height * cell}px`;
  const base = element("canvas", { width: canvas.width, height: canvas.height });
  const made = { canvas, base, map, channel, margin, cell, rows, columns, ratio, room: room.width };
  drawBase(made, picture(map, channel, scale, margin), scale);
  return made;
}

function drawBase({ base, map, channel, margin, cell, rows, columns, ratio }, small, scale) {
  const context = base.getContext("2d");
  context.fillStyle = colourNamed("--hatch");
  context.fillRect(0, 0, base.width, base.height);
  context.imageSmoothingEnabled = cell * ratio < 1;
  context.drawImage(small, 0, 0, base.width, base.height);
  context.scale(ratio, ratio);
  context.translate(margin.left * cell, margin.top * cell);
  if (cell >= 10) drawGrid(context, rows, columns, cell);
  if (cell >= 26 && channel !== "colour") drawNumbers(context, map, channel, cell, scale);
}

function drawGrid(context, rows, columns, cell) {
  context.strokeStyle = "rgb(128 128 128 / 30%)";
  context.lineWidth = 1;
  context.beginPath();
  for (let row = 0; row <= rows; row += 1) {
    context.moveTo(0, row * cell);
    context.lineTo(columns * cell, row * cell);
  }
  for (let column = 0; column <= columns; column += 1) {
    context.moveTo(column * cell, 0);
    context.lineTo(column * cell, rows * cell);
  }
  context.stroke();
}

function drawNumbers(context, map, channel, cell, scale) {
  const { columns } = gridOf(map);
  const zero = zeroColour();
  context.textAlign = "center";
  context.textBaseline = "middle";
  for (let n = 0; n < map.height * map.width; n += 1) {
    const [row, column] = [Math.floor(n / columns), n % columns];
    const x = map.values[n * map.channels + channel];
    const text = shortWord(x);
    const [red, green, blue] = colourOf(x, scale, zero);
    const size = Math.min(cell * 0.42, (cell - 3) / (text.length * 0.58), 15);
    context.font = `${size}px system-ui, sans-serif`;
    context.fillStyle = 0.3 * red + 0.59 * green + 0.11 * blue > 140 ? "#000" : "#fff";
    context.fillText(text, (column + 0.5) * cell, (row + 0.5) * cell);
  }
}

/** Draw a view again with rectangles marked: lit ones, and outlined ones. */
function mark({ canvas, base, margin, cell, ratio }, lit, outlined) {
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.drawImage(base, 0, 0);
  context.scale(ratio, ratio);
  context.translate(margin.left * cell, margin.top * cell);
  const boxOf = ([top, left, bottom, right]) =>
    [left * cell, top * cell, (right - left + 1) * cell, (bottom - top + 1) * cell];
  context.fillStyle = colourNamed("--mark");
  context.globalAlpha = 0.28;
  for (const each of lit) context.fillRect(...boxOf(each));
  context.globalAlpha = 1;
  for (const [width, colour] of [[5, "rgb(0 0 0 / 75%)"], [2.5, colourNamed("--mark")]]) {
    context.lineWidth = width;
    context.strokeStyle = colour;
    for (const each of outlined) context.strokeRect(...boxOf(each));
  }
}

/** The place of a grid under the pointer, at its nearest. */
function placeUnder({ canvas, margin, cell, rows, columns }, event) {
  const box = canvas.getBoundingClientRect();
  const within = (x, length) => Math.min(length - 1, Math.max(0, Math.floor(x)));
  return {
    row: within((event.clientY - box.top) / cell - margin.top, rows),
    column: within((event.clientX - box.left) / cell - margin.left, columns),
  };
}

/* Tables. */

const TABLED = 15 * 15;

/** A small table of numbers; a cell is a number, or {value, padded, won}. */
function numbersTable(caption, rows) {
  const cellOf = (cell) => {
    const { value, padded, won } = typeof cell === "object" && cell !== null ? cell : { value: cell };
    const shown = value === null ? "·" : word(value);
    const classes = `${padded ? "padded" : ""} ${won ? "won" : ""}`.trim();
    const title = value === null ? "padding" : `${value}${padded ? " (padding)" : ""}`;
    const spoken = padded ? [element("span", { className: "unseen" }, "padding ")] : [];
    return element("td", { className: classes, title }, ...spoken, shown);
  };
  const table = element("table", { className: "numbers" }, element("caption", {}, caption));
  for (const row of rows) table.append(element("tr", {}, ...row.map(cellOf)));
  return element("div", { className: "scrolling" }, table);
}

/** A table with headings; each row begins with its name. */
function listTable(headings, rows) {
  const head = element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map(([name, ...cells]) =>
    element("tr", {}, element("th", { scope: "row" }, name),
      ...cells.map((x) => element("td", { title: String(x) }, word(x)))));
  return element("div", { className: "scrolling" },
    element("table", { className: "numbers" }, head, ...body));
}

/* Arithmetic: what the layers compute, in doubles. */

/** A map's value. */
const valueAt = (map, row, column, channel) =>
  map.values[(row * map.width + column) * map.channels + channel];

/** A number of a list that has one for all channels, or one for each. */
const ofChannel = (numbers, channel) => numbers[numbers.length === 1 ? 0 : channel];

/** Change each value: the function takes it and its channel, in vectors its index. */
function mapped(input, change) {
  const channels = input.vector ? input.width : input.channels;
  return Float64Array.from(input.values, (x, n) => change(x, n % channels));
}

/** Round half to even, as NumPy does. */
function rounded(x) {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

/* Convolution. A map has components: one, or one for each kernel or filter that it combines.
   A component is a sum of terms, each a kernel times an input channel. */

function filtersOf(step) {
  return step.bank ? step.kernels[0].weights.shape[3] : 0;
}

/** The number of maps of each 2-D kernel. */
function mapsOfEach(step, input) {
  if (step.channels === "sum") return step.groups;
  return step.channels === "gray" ? 1 : input.channels;
}

function componentsOf(step, input, channel) {
  if (step.bank) {
    const filters = step.combine ? range(filtersOf(step)) : [channel];
    return filters.map((map) => ({ kernel: 0, map }));
  }
  if (step.combine) return step.kernels.map((_, kernel) => ({ kernel, map: channel }));
  const each = mapsOfEach(step, input);
  return [{ kernel: Math.floor(channel / each), map: channel % each }];
}

/** The input channels that a component sums over. */
function termsOf(step, input, component) {
  if (step.bank) {
    const [, , seen, filters] = step.kernels[0].weights.shape;
    const group = Math.floor(component.map / (filters / step.groups));
    return range(seen, group * seen);
  }
  if (step.channels === "gray") return [0];
  if (step.channels === "each") return [component.map];
  const seen = input.channels / step.groups;
  return range(seen, component.map * seen);
}

/** The index of the first weight of a component's term, and the step to the next. */
function weightsAt(step, component, term) {
  if (!step.bank) return { first: 0, apart: 1 };
  const [, , seen, filters] = step.kernels[component.kernel].weights.shape;
  return { first: term * filters + component.map, apart: seen * filters };
}

const grayImages = new WeakMap();

/** The image that is filtered: the input, or the input in grey. */
function filteredImage(step, input) {
  if (step.kind !== "convolve" || step.channels !== "gray") return input;
  if (!grayImages.has(input)) grayImages.set(input, grayOf(input));
  return grayImages.get(input);
}

function biasOf(step, component) {
  return step.bias ? step.bias[component.kernel][component.map] : 0;
}

/** A component's plane of sums and bias. */
function planeOf(step, input, component) {
  const { axes, weights } = step.kernels[component.kernel];
  const [down, across] = axes;
  const [rows, columns] = axes.map((axis) => tapsOf(axis, step.border));
  const plane = new Float64Array(down.count * across.count);
  termsOf(step, input, component).forEach((channel, term) => {
    const { first, apart } = weightsAt(step, component, term);
    for (let tap = 0; tap < down.size * across.size; tap += 1) {
      const weight = weights.values[first + tap * apart];
      const [tapRow, tapColumn] = [Math.floor(tap / across.size), tap % across.size];
      if (weight === 0) continue;
      for (let row = 0, n = 0; row < down.count; row += 1) {
        const y = rows[row][tapRow];
        for (let column = 0; column < across.count; column += 1, n += 1) {
          const x = columns[column][tapColumn];
          if (y >= 0 && x >= 0) plane[n] += weight * valueAt(input, y, x, channel);
        }
      }
    }
  });
  const bias = biasOf(step, component);
  return bias ? plane.map((sum) => sum + bias) : plane;
}

const COMBINED = {
  max: (sums) => sums.reduce((a, b) => Math.max(a, b)),
  sum: (sums) => sums.reduce((a, b) => a + b),
  l2: (sums) => Math.sqrt(sums.reduce((total, sum) => total + sum * sum, 0)),
};

/** A value of the result, from all components' sums. */
function resultOf(step, sums) {
  const value = step.combine ? COMBINED[step.combine](sums) : sums[0];
  if (!step.limits) return value;
  return Math.min(step.limits[1], Math.max(step.limits[0], rounded(value)));
}

/** Convolve. Given `only` and `others`, compute only some channels, and copy the others. */
function convolved(step, input, output, only = range(output.channels), others = null) {
  const image = filteredImage(step, input);
  const values = others ? Float64Array.from(others) : new Float64Array(output.values.length);
  for (const channel of only) {
    const components = componentsOf(step, input, channel);
    const planes = components.map((component) => planeOf(step, image, component));
    for (let n = 0; n < planes[0].length; n += 1) {
      values[n * output.channels + channel] = resultOf(step, planes.map((plane) => plane[n]));
    }
  }
  return values;
}

/** The number of products of a convolution or dense layer. */
function productsOf(step, output) {
  if (step.kind === "dense") return step.weights.values.length;
  if (step.kind !== "convolve") return output.values.length;
  const places = output.height * output.width * (step.bank ? 1 : output.channels);
  return places * step.kernels.reduce((sum, { weights }) => sum + weights.values.length, 0);
}

/** The values of a channel under a window, in rows; null where there is no pixel. */
function patchOf(axes, border, input, { row, column }, channel) {
  const [places, across] = [placesOf(axes[0], row), placesOf(axes[1], column)];
  return places.map((y) => across.map((x) => {
    const pixelRow = pixelAt(y, axes[0].length, border);
    const pixelColumn = pixelAt(x, axes[1].length, border);
    const padded = y !== pixelRow || x !== pixelColumn;
    const none = pixelRow < 0 || pixelColumn < 0;
    const value = none ? null : valueAt(input, pixelRow, pixelColumn, channel);
    return { row: y, column: x, padded, value };
  }));
}

/** A term's patch, weights, products and their sum, at one place. */
function productsAt(step, image, component, term, place) {
  const { axes, weights } = step.kernels[component.kernel];
  const channel = termsOf(step, image, component)[term];
  const { first, apart } = weightsAt(step, component, term);
  const patch = patchOf(axes, step.border, image, place, channel);
  const width = axes[1].size;
  const kernel = patch.map((row, y) =>
    row.map((_, x) => weights.values[first + (y * width + x) * apart]));
  const products = patch.map((row, y) => row.map((cell, x) => (cell.value || 0) * kernel[y][x]));
  return { patch, kernel, products, sum: products.flat().reduce((a, b) => a + b, 0) };
}

/* Pooling. */

/** The number of values that an average is divided by. */
function countedOf(step, { row, column }) {
  const counted = ([axis, window]) => placesOf(axis, window).filter((place) =>
    step.counts_padding ? place < axis.length + axis.after : place >= 0 && place < axis.length);
  return counted([step.axes[0], row]).length * counted([step.axes[1], column]).length;
}

const sumOf = (values) => values.reduce((a, b) => a + b, 0);

function medianOf(values) {
  if (values.some(Number.isNaN)) return NaN;
  const order = Float64Array.from(values).sort();
  return (order[(order.length - 1) >> 1] + order[order.length >> 1]) / 2;
}

/** The value of a pooling window, from its pixels. */
function pooledOf(step, values, counted) {
  switch (step.mode) {
    case "max":
      return values.reduce((a, b) => Math.max(a, b));
    case "min":
      return values.reduce((a, b) => Math.min(a, b));
    case "median":
      return medianOf(values);
    case "sum":
      return sumOf(values);
    case "average":
      return sumOf(values) / counted;
    default: // l2 and lp
      return sumOf(values.map((x) => Math.abs(x) ** step.p)) ** (1 / step.p);
  }
}

function pooled(step, input, output) {
  const [rows, columns] = step.axes.map((axis) =>
    tapsOf(axis, "zero").map((taps) => taps.filter((pixel) => pixel >= 0)));
  const values = new Float64Array(output.values.length);
  let n = 0;
  for (let row = 0; row < output.height; row += 1) {
    for (let column = 0; column < output.width; column += 1) {
      const counted = countedOf(step, { row, column });
      for (let channel = 0; channel < output.channels; channel += 1, n += 1) {
        const window = [];
        for (const y of rows[row]) {
          for (const x of columns[column]) window.push(valueAt(input, y, x, channel));
        }
        values[n] = pooledOf(step, window, counted);
      }
    }
  }
  return values;
}

/* Functions of each value by itself. */

/** The share of a normal distribution below x. */
function normalBelow(x) {
  if (x < -40) return 0;
  if (x > 3) return 1 - normalBelow(-x);
  const density = Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  if (x < -3) { // a continued fraction keeps the tail's digits
    let fraction = -x;
    for (let n = 60; n > 0; n -= 1) fraction = -x + n / fraction;
    return density / fraction;
  }
  let [term, sum] = [x, x];
  for (let n = 3; Math.abs(term) > 1e-17; n += 2) {
    term *= x * x / n;
    sum += term;
  }
  return 0.5 + density * sum;
}

function geluByTanh(x) {
  const near = Math.min(50, Math.max(-50, x));
  const inner = Math.sqrt(2 / Math.PI) * (near + 0.044715 * near ** 3);
  return Math.max(x, -50) * 0.5 * (1 + Math.tanh(inner));
}

function sigmoidOf(x) {
  const tail = Math.exp(-Math.abs(x));
  return (x < 0 ? tail : 1) / (1 + tail);
}

/** A step's function of one value; Python writes ACTIVATIONS. */
const functionOf = (step) => ACTIVATIONS[step.function](step.arguments);

/* Channels and vectors. */

const isWhole = (map) => /int/.test(map.dtype);

/** The grey value of a colour; of integers, rounded as Pillow does. */
function grayValue(red, green, blue, whole) {
  if (!whole) return 0.299 * red + 0.587 * green + 0.114 * blue;
  return Math.floor((19595 * red + 38470 * green + 7471 * blue + 32768) / 65536);
}

function grayOf(input) {
  const values = new Float64Array(input.height * input.width);
  const [colours, whole] = [input.channels > 2, isWhole(input)];
  for (let n = 0, at = 0; n < values.length; n += 1, at += input.channels) {
    const [red, green, blue] = [0, 1, 2].map((channel) => input.values[at + channel]);
    values[n] = colours ? grayValue(red, green, blue, whole) : red;
  }
  return { ...input, values, channels: 1, names: ["gray"], colour: false };
}

function regrouped(step, input, output) {
  const values = new Float64Array(output.values.length);
  for (let n = 0; n < values.length; n += 1) {
    const pixel = Math.floor(n / output.channels);
    values[n] = input.values[pixel * input.channels + step.sources[n % output.channels]];
  }
  return values;
}

function flattened(step, input) {
  return Float64Array.from(input.values, (_, n) => {
    if (input.vector) return input.values[n];
    const { row, column, channel } = unflattened(step.order, input, n);
    return valueAt(input, row, column, channel);
  });
}

function densely(step, input) {
  const [inputs, outputs] = step.weights.shape;
  const values = Float64Array.from(step.bias || new Float64Array(outputs));
  for (let n = 0; n < inputs * outputs; n += 1) {
    values[n % outputs] += input.values[Math.floor(n / outputs)] * step.weights.values[n];
  }
  return values;
}

function softmaxOf(scores) {
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = scores.map((score) => Math.exp(score - most));
  const total = sumOf(powers);
  return powers.map((power) => power / total);
}

function softmaxed(input) {
  const values = Float64Array.from(input.values);
  const each = input.vector ? input.width : input.channels;
  for (let at = 0; at < values.length; at += each) {
    values.set(softmaxOf(values.subarray(at, at + each)), at);
  }
  return values;
}

function affine(step, x, channel) {
  const [center, factor, offset] = [step.center, step.factor, step.offset]
    .map((numbers) => ofChannel(numbers, channel));
  return (x - center) * factor + offset;
}

/** A scale's bounds: Python's, or those of values that the page computed. */
function reachOf(step, input) {
  if (input.python) return { low: step.low, reach: step.reach };
  if (!step.stretches) return { low: 0, reach: 1 };
  const low = input.values.reduce((a, b) => Math.min(a, b));
  return { low, reach: input.values.reduce((a, b) => Math.max(a, b)) - low || 1 };
}

function scaled(step, input) {
  const { low, reach } = reachOf(step, input);
  return mapped(input, (x, channel) => (x - low) / reach + ofChannel(step.offset, channel));
}

/** The arithmetic of each kind of step. */
const COMPUTED = {
  convolve: convolved,
  pool: pooled,
  affine: (step, input) => mapped(input, (x, channel) => affine(step, x, channel)),
  scale: scaled,
  prelu: (step, input) => mapped(
    input, (x, channel) => (x < 0 ? x * ofChannel(step.slope, channel) : x)),
  pointwise: (step, input) => mapped(input, functionOf(step)),
  gray: (step, input) => grayOf(input).values,
  channels: regrouped,
  same: (step, input) => Float64Array.from(input.values),
  flatten: flattened,
  dense: densely,
  softmax: (step, input) => softmaxed(input),
};

/** Whether the page has a step's arithmetic, and can follow an edit before it. */
function isKnown(step) {
  if (step.follows === false || (step.kind === "scale" && step.low === undefined)) return false;
  return step.kind in COMPUTED;
}

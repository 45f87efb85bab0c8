/* Geometry: the pixels under a window, and a value's receptive field. */

const range = (count, first = 0) => Array.from({ length: count }, (_, n) => first + n);
const modulo = (n, period) => ((n % period) + period) % period;
const sorted = (numbers) => [...new Set(numbers)].sort((a, b) => a - b);

/** The places of a window's taps, counted from the first pixel. */
function placesOf(axis, window) {
  const first = window * axis.stride - axis.before;
  return range(axis.size).map((tap) => first + tap * axis.dilation);
}

/** The pixel at a place on or off an axis; -1 where padding repeats none. */
function pixelAt(place, length, border) {
  if (place >= 0 && place < length) return place;
  switch (border) {
    case "edge":
      return place < 0 ? 0 : length - 1;
    case "wrap":
      return modulo(place, length);
    case "symmetric": {
      const turn = modulo(place, 2 * length);
      return turn < length ? turn : 2 * length - 1 - turn;
    }
    case "reflect": {
      const turn = modulo(place, Math.max(1, 2 * (length - 1)));
      return turn < length ? turn : 2 * (length - 1) - turn;
    }
    default:
      return -1;
  }
}

/** The pixels under each window's taps: windows in order, then taps. */
function tapsOf(axis, border) {
  return range(axis.count).map((window) =>
    placesOf(axis, window).map((place) => pixelAt(place, axis.length, border)));
}

/** The pairs of axes, vertical and horizontal, of a step's windows; none if it has none. */
function windowsOf(step) {
  if (step.kind === "convolve") return step.kernels.map((kernel) => kernel.axes);
  return step.kind === "pool" ? [step.axes] : [];
}

/** The window that reaches furthest. */
function widestWindow(step) {
  const extent = ([down]) => down.dilation * (down.size - 1);
  return windowsOf(step).reduce((a, b) => (extent(b) > extent(a) ? b : a), windowsOf(step)[0]);
}

/** The pixels under windows along an axis. */
function seenAlong(axes, border, windows) {
  const seen = axes.flatMap((axis) =>
    windows.flatMap((window) =>
      placesOf(axis, window).map((place) => pixelAt(place, axis.length, border))));
  return sorted(seen.filter((pixel) => pixel >= 0));
}

/** The pixels that some of a resized axis are weighted means of; none of padding. */
function sourcesAlong(axis, filterReach, pixels) {
  const ratio = (axis.end - axis.start) / axis.inner;
  const reach = filterReach * Math.max(1, ratio);
  return sorted(pixels.flatMap((pixel) => {
    const inside = pixel - axis.before;
    if (inside < 0 || inside >= axis.inner) return [];
    const center = (inside + 0.5) * ratio + axis.start;
    const first = reach ? Math.trunc(Math.max(0, center - reach + 0.5)) : Math.floor(center);
    const end = reach ? Math.trunc(Math.min(axis.length, center + reach + 0.5)) : first + 1;
    return range(end - first, first);
  }));
}

/** The place of feature number `index` on the map that was flattened. */
function unflattened(order, map, index) {
  const plane = map.height * map.width;
  const [channel, pixel] = order === "chw"
    ? [Math.floor(index / plane), index % plane]
    : [index % map.channels, Math.floor(index / map.channels)];
  return { row: Math.floor(pixel / map.width), column: pixel % map.width, channel };
}

const everywhere = (map) => ({ rows: range(map.height), columns: range(map.width) });

/** The rows and columns of a step's input that a field of its result depends on. */
function seenThrough(step, field, input) {
  const pairs = windowsOf(step);
  if (pairs.length) {
    const border = step.border || "zero";
    return {
      rows: seenAlong(pairs.map((pair) => pair[0]), border, field.rows),
      columns: seenAlong(pairs.map((pair) => pair[1]), border, field.columns),
    };
  }
  if (step.kind === "dense" || (step.kind === "softmax" && input.vector)) return everywhere(input);
  if (step.kind === "flatten" && !input.vector) {
    if (field.columns.length >= input.height * input.width * input.channels) {
      return everywhere(input);
    }
    const places = field.columns.map((index) => unflattened(step.order, input, index));
    return {
      rows: sorted(places.map((place) => place.row)),
      columns: sorted(places.map((place) => place.column)),
    };
  }
  if (step.kind === "resize") {
    return {
      rows: sourcesAlong(step.axes[0], step.reach, field.rows),
      columns: sourcesAlong(step.axes[1], step.reach, field.columns),
    };
  }
  return field;
}

/** A value's receptive field in every map before it; the last field is its own place. */
function fieldsOf(steps, maps, number, place) {
  const fields = [{ rows: [place.row], columns: [place.column] }];
  for (let n = number; n >= 0; n -= 1) {
    fields.unshift(seenThrough(steps[n], fields[0], maps[n]));
  }
  return fields;
}

/** Numbers as runs of neighbours: [first, last]. */
function runsOf(numbers) {
  const runs = [];
  for (const n of numbers) {
    const last = runs[runs.length - 1];
    if (last && n === last[1] + 1) last[1] = n;
    else runs.push([n, n]);
  }
  return runs;
}

/** The corners of the rectangles that rows and columns make; of many, those of their hull. */
function rectanglesOf(rows, columns, most = 64) {
  const [down, across] = [runsOf(rows), runsOf(columns)];
  if (!down.length || !across.length) return [];
  if (down.length * across.length > most) {
    return [[rows[0], columns[0], rows[rows.length - 1], columns[columns.length - 1]]];
  }
  return down.flatMap(([top, bottom]) =>
    across.map(([left, right]) => [top, left, bottom, right]));
}

/** The grid that a map is shown in: vectors are wrapped. */
function gridOf(map) {
  if (!map.vector) return { rows: map.height, columns: map.width };
  const columns = map.width <= 16 ? map.width : 32;
  return { rows: Math.ceil(map.width / columns), columns };
}

/** A field's rectangles on that grid. */
function rectanglesOn(map, field, most) {
  if (!map.vector) return rectanglesOf(field.rows, field.columns, most);
  const { rows, columns } = gridOf(map);
  if (field.columns.length === map.width) return [[0, 0, rows - 1, columns - 1]];
  return field.columns.map((index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    return [row, column, row, column];
  });
}

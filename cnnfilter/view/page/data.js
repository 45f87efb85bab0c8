/* Data: Python's results, and the edits. */

const ARRAYS = {
  uint8: Uint8Array, uint16: Uint16Array, int32: Int32Array, float32: Float32Array,
  float64: Float64Array,
};
/** Steps of more products are not recomputed: the page would not keep up. */
const MOST_PRODUCTS = 5e7;
const LISTED = 10;

const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);

function decoded({ type, shape, data: text }) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return { shape, values: new ARRAYS[type](bytes.buffer) };
}

function mapFrom({ values: array, ...rest }) {
  const { shape, values } = decoded(array);
  const vector = shape.length === 1;
  const [height, width, channels = 1] = vector ? [1, shape[0]] : shape;
  return { ...rest, values, vector, height, width, channels, shape, python: true };
}

function prepareStep(step) {
  for (const kernel of step.kernels || []) {
    kernel.weights = decoded(kernel.weights);
    kernel.python = Float64Array.from(kernel.weights.values);
    kernel.weights.values = Float64Array.from(kernel.python);
  }
  if (step.kind === "dense") step.weights = decoded(step.weights);
  return step;
}

const steps = data.steps.map(prepareStep);
const maps = data.maps.map(mapFrom); // as Python computed them, whatever is edited
const given = data.picture ? mapFrom(data.picture) : null;
let current = maps;

const isComputed = (number) => current[number + 1] !== maps[number + 1];
/** The input of the result that is shown for a step. */
const inputOf = (number) => (isComputed(number) && !data.network ? current : maps)[number];
const outputOf = (number) => current[number + 1];

/** The filters of a step that were edited, as "kernel,map"; 2-D kernels have map 0. */
function editedFilters(step) {
  const filters = step.kind === "convolve" && step.bank ? filtersOf(step) : 1;
  const edited = new Set();
  (step.kernels || []).forEach(({ weights, python }, kernel) => {
    weights.values.forEach((x, n) => {
      if (x !== python[n]) edited.add(`${kernel},${n % filters}`);
    });
  });
  return edited;
}

const isEdited = (step) => editedFilters(step).size > 0;

/** Compute a step; of a convolution of Python's input, only the maps that were edited. */
function computedBy(step, input, output) {
  if (step.kind !== "convolve" || !input.python) return COMPUTED[step.kind](step, input, output);
  const edited = editedFilters(step);
  const changed = range(output.channels).filter((channel) =>
    componentsOf(step, filteredImage(step, input), channel)
      .some(({ kernel, map }) => edited.has(`${kernel},${step.bank ? map : 0}`)));
  return convolved(step, input, output, changed, output.values);
}

/** Recompute the steps after an edit; in a network, only the edited ones. */
function recompute() {
  const results = [maps[0]];
  let live = false;
  steps.forEach((step, n) => {
    const output = maps[n + 1];
    if (live && (!isKnown(step) || productsOf(step, output) > MOST_PRODUCTS)) live = false;
    if (live || isEdited(step)) {
      const values = computedBy(step, live ? results[n] : maps[n], output);
      results.push({ ...output, values, dtype: "float64", python: false });
      live = !data.network;
    } else {
      results.push(output);
    }
  });
  current = results;
  scales.clear();
}

/** The first step after an edited one that is not recomputed; -1 if there is none. */
function firstLeft() {
  return steps.findIndex((_, n) => n > 0 && isComputed(n - 1) && !isComputed(n));
}

const scales = new Map();

function scaleFor(map) {
  if (!scales.has(map)) scales.set(map, scaleOf(map));
  return scales.get(map);
}

/* The choice: a step, a place and channel of its result, and the kernel that is shown. */

const choice = {
  step: data.chosen.step, row: data.chosen.row || 0, column: data.chosen.column,
  channel: data.chosen.channel || 0, component: 0, term: 0, free: 0, colour: true, held: false,
};

const within = (n, length) => Math.min(length - 1, Math.max(0, n));

const chosenStep = () => steps[choice.step];
const chosenInput = () => filteredImage(chosenStep(), inputOf(choice.step));

function chosenComponent() {
  const components = componentsOf(chosenStep(), chosenInput(), choice.channel);
  choice.component = within(choice.component, components.length);
  return components[choice.component];
}

function chosenTerms() {
  const terms = termsOf(chosenStep(), chosenInput(), chosenComponent());
  choice.term = within(choice.term, terms.length);
  return terms;
}

/** The input channel that is shown. */
function inputChannel() {
  const [step, input, output] = [chosenStep(), chosenInput(), outputOf(choice.step)];
  if (step.kind === "convolve") return chosenTerms()[choice.term];
  if (step.kind === "channels") return step.sources[choice.channel];
  if (input.channels === output.channels) return choice.channel;
  choice.free = within(choice.free, input.channels);
  return choice.free;
}

function chooseInput(channel) {
  const [step, input] = [chosenStep(), chosenInput()];
  choice.free = channel;
  if (step.kind === "convolve") {
    const term = chosenTerms().indexOf(channel);
    if (term >= 0) choice.term = term;
    else choice.channel = chosenComponent().kernel * mapsOfEach(step, input) + channel;
  } else if (step.kind === "channels") {
    choice.channel = Math.max(0, step.sources.indexOf(channel));
  } else if (input.channels === outputOf(choice.step).channels) {
    choice.channel = channel;
  }
}

const canColour = (map) => map.colour && !scaleFor(map).signed;

/** Choose a value of the step's result. */
function choose(place) {
  const output = outputOf(choice.step);
  choice.row = within(place.row ?? choice.row, output.height);
  choice.column = within(place.column ?? choice.column, output.width);
  choice.channel = within(place.channel ?? choice.channel, output.channels);
  update();
}

/** Choose a step, and there the value at the same part of its map. */
function chooseStep(number, channel = choice.channel) {
  const [before, after] = [outputOf(choice.step), outputOf(number)];
  const along = (n, from, to) => Math.floor(((n + 0.5) * to) / from);
  if (before.vector !== after.vector) {
    choice.row = Math.floor(after.height / 2);
    choice.column = after.vector ? likeliest(after) : Math.floor(after.width / 2);
  } else {
    choice.row = along(choice.row, before.height, after.height);
    choice.column = along(choice.column, before.width, after.width);
  }
  Object.assign(choice, { step: number, component: 0, term: 0, held: false });
  choice.channel = within(channel, after.channels);
  render();
}

const likeliest = (vector) =>
  vector.values.reduce((best, x, n) => (x > vector.values[best] ? n : best), 0);

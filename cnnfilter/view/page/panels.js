/* Panels: drawn when the step or its result changes. */

let [inputView, outputView] = [null, null];

/** Whether a view is of another map, or of another width than there is now. */
const isOutdated = (old, map, channel) =>
  !old || old.map !== map || old.channel !== channel || old.step !== choice.step
  || old.room !== old.canvas.parentElement.clientWidth;

function chooser(label, options, chosen, choosing) {
  const select = element("select", {}, ...options.map(([value, text]) =>
    element("option", { value: String(value), selected: String(value) === String(chosen) }, text)));
  select.addEventListener("change", () => choosing(select.value));
  return element("label", {}, label, select);
}

/** Put choosers in their place; the one in use keeps the focus. */
function replaceChoosers(id, choosers) {
  const place = byId(id);
  const [labels, focused] = [[...place.children], document.activeElement];
  const held = labels.findIndex((label) => label.contains(focused));
  place.replaceChildren(...choosers);
  if (held >= 0 && choosers[held]) choosers[held].querySelector("select").focus();
}

function inputOptions(step, input) {
  const channels = step.kind === "convolve" && chosenTerms().length > 1
    ? chosenTerms() : range(input.channels);
  const options = channels.map((channel) => [channel, input.names[channel]]);
  return canColour(input) ? [["colour", "in colour"], ...options] : options;
}

function showInput() {
  const [step, input] = [chosenStep(), chosenInput()];
  const channel = choice.colour && canColour(input) ? "colour" : inputChannel();
  const options = inputOptions(step, input);
  replaceChoosers("input-choosers", options.length < 2 ? [] : [
    chooser("Channel", options, channel, (value) => {
      choice.colour = value === "colour";
      if (!choice.colour) chooseInput(Number(value));
      update();
    })]);
  if (isOutdated(inputView, input, channel)) {
    inputView = view(byId("input"), input, channel, scaleFor(input), marginOf(step));
    inputView.step = choice.step;
  }
  const padding = windowsOf(step).some((pair) => pair.some((axis) => axis.before || axis.after));
  byId("input").setAttribute("aria-label",
    `Input of ${step.title}, ${shapeText(inputOf(choice.step))}, with the window outlined`);
  byId("input-caption").textContent = [
    step.kind === "convolve" && step.channels === "gray" ? "The grey image of the input." : "",
    channel === "colour" ? "Its first three channels as red, green and blue."
      : scaleText(scaleFor(input)),
    padding ? `Paler or hatched: padding${step.border ? `, border ${step.border}` : ""}.` : "",
  ].filter(Boolean).join(" ");
}

function showOutput() {
  const output = outputOf(choice.step);
  replaceChoosers("output-choosers", output.channels < 2 ? [] : [
    chooser("Map", output.names.map((name, n) => [n, name]), choice.channel,
      (value) => choose({ channel: Number(value) }))]);
  if (isOutdated(outputView, output, choice.channel)) {
    outputView = view(byId("output"), output, choice.channel, scaleFor(output));
    outputView.step = choice.step;
  }
  byId("output").setAttribute("aria-label",
    `Result of ${chosenStep().title}, ${shapeText(output)}. The arrow keys choose a value.`);
  const shared = output.channels > 1 ? " All maps of this step share them." : "";
  byId("output-caption").textContent = scaleText(scaleFor(output)) + shared;
  byId("edited").hidden = !isComputed(choice.step);
}

/** The filter or kernel that is shown. */
function filterChooser(step) {
  const component = chosenComponent();
  const names = step.bank ? range(filtersOf(step)).map((n) => String(n + 1))
    : step.kernels.map((kernel) => kernel.name);
  const own = step.bank ? component.map : component.kernel;
  return names.length < 2 ? [] : [
    chooser(step.bank ? "Filter" : "Kernel", names.map((name, n) => [n, name]), own, (value) => {
      const each = step.bank ? 1 : mapsOfEach(step, chosenInput());
      if (step.combine) choice.component = Number(value);
      else choice.channel = Number(value) * each + (step.bank ? 0 : component.map);
      update();
    })];
}

function termChooser(step) {
  const terms = step.bank ? chosenTerms() : [];
  return terms.length < 2 ? [] : [
    chooser("Input channel", terms.map((channel, n) => [n, chosenInput().names[channel]]),
      choice.term, (value) => {
        choice.term = Number(value);
        choice.colour = false;
        update();
      })];
}

/** The part of the kernels that the table shows; a change rebuilds it. */
const kernelKey = () => {
  const { kernel, map } = chosenComponent();
  return [choice.step, kernel, chosenStep().bank ? map : 0, choice.term].join();
};
let shownKernel = "";

function showKernel() {
  const step = chosenStep();
  const hasKernel = step.kind === "convolve";
  byId("kernel-panel").hidden = !hasKernel;
  byId("bench").classList.toggle("plain", !hasKernel);
  shownKernel = hasKernel ? kernelKey() : "";
  if (!hasKernel) return;
  replaceChoosers("kernel-choosers", [...filterChooser(step), ...termChooser(step)]);
  const component = chosenComponent();
  const { weights, python, axes } = step.kernels[component.kernel];
  const { first, apart } = weightsAt(step, component, choice.term);
  const table = element("table", {}, ...range(axes[0].size).map((row) =>
    element("tr", {}, ...range(axes[1].size).map((column) => {
      const at = first + (row * axes[1].size + column) * apart;
      return element("td", {}, weightInput(weights.values, python, at, row, column));
    }))));
  table.setAttribute("aria-label", "Weights of the kernel");
  byId("kernel").replaceChildren(table);
  showKernelCaption();
}

function weightInput(values, python, at, row, column) {
  const input = element("input", {
    type: "number", step: "any", autocomplete: "off", value: word(values[at]),
    title: String(values[at]), "aria-label": `Weight in row ${row}, column ${column}`,
  });
  input.classList.toggle("edited", values[at] !== python[at]);
  input.addEventListener("input", () => {
    const x = input.valueAsNumber;
    const valid = Number.isFinite(x);
    input.setAttribute("aria-invalid", String(!valid));
    if (!valid) return;
    values[at] = input.value === word(python[at]) ? python[at] : x;
    input.title = String(values[at]);
    input.classList.toggle("edited", values[at] !== python[at]);
    showEdited();
  });
  return input;
}

function showKernelCaption() {
  const [step, component] = [chosenStep(), chosenComponent()];
  const { name, axes, weights } = step.kernels[component.kernel];
  const { first, apart } = weightsAt(step, component, choice.term);
  const size = axes[0].size * axes[1].size;
  const sum = sumOf(range(size).map((tap) => weights.values[first + tap * apart]));
  const [down, across] = axes;
  const pair = (a, b) => (a === b ? `${a}` : `${a}×${b}`);
  byId("kernel-caption").textContent = [
    step.bank ? "" : name, `${down.size}×${across.size}`,
    `stride ${pair(down.stride, across.stride)}`,
    down.dilation * across.dilation > 1 ? `dilation ${pair(down.dilation, across.dilation)}` : "",
    `sum ${word(sum)}`,
  ].filter(Boolean).join(", ");
  byId("reset").disabled = !isEdited(step);
}

function resetKernels() {
  for (const kernel of chosenStep().kernels) kernel.weights.values.set(kernel.python);
  showKernel();
  showEdited();
}

/** Compute and show the changes of an edit. */
function showEdited() {
  recompute();
  showKernelCaption();
  showLater();
  showClasses();
  redrawLayers();
  update();
}

function showLater() {
  const left = firstLeft();
  byId("later").hidden = left < 0;
  if (left < 0) return;
  byId("later").textContent = data.network
    ? "In a network only the edited step is recomputed; the layers after it remain as Python "
      + "computed them."
    : `From step ${left + 1}, ${steps[left].title}, on, the maps remain as Python computed them.`;
}

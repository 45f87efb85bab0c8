/* Header, steps and the selected value. */

function showHeader() {
  byId("title").textContent = data.title;
  byId("description").hidden = !data.description;
  byId("description").textContent = data.description;
  byId("notes").hidden = !data.notes.length;
  byId("notes").replaceChildren(...data.notes.map((note) => element("li", {}, note)));
}

function showSteps() {
  byId("steps").replaceChildren(...steps.map((step, n) => {
    const button = element("button", { type: "button", title: step.text },
      element("span", { className: "name" }, `${n + 1}  ${step.title}`),
      element("small", { className: "text" }, step.text),
      element("small", {}, `result ${shapeText(maps[n + 1])}`));
    button.addEventListener("click", () => chooseStep(n));
    return element("li", {}, button);
  }));
}

/** Show the chosen step. */
function render() {
  const step = chosenStep();
  [...byId("steps").children].forEach((item, n) => {
    if (n === choice.step) item.firstChild.setAttribute("aria-current", "step");
    else item.firstChild.removeAttribute("aria-current");
  });
  byId("step-title").textContent = steps.length > 1
    ? `Step ${choice.step + 1} of ${steps.length}: ${step.title}` : step.title;
  const learned = step.parameters ? ` ${step.parameters} parameters.` : "";
  byId("step-what").replaceChildren(
    `${step.what} `, element("code", {}, step.text), `: ${shapeText(inputOf(choice.step))} → `
    + `${shapeText(outputOf(choice.step))}.${learned}`);
  showKernel();
  showLater();
  update();
}

/** Show the selected value and its explanation. */
function update() {
  const [step, output] = [chosenStep(), outputOf(choice.step)];
  if (step.kind === "convolve" && kernelKey() !== shownKernel) showKernel();
  showInput();
  showOutput();
  const fields = chosenFields();
  markChoice(step, fields.fields);
  showFields(fields);
  const words = `${placeText(choice, output)}: ${word(chosenValue())}`;
  byId("made-title").textContent = words;
  byId("seen").textContent = seenText(fields);
  byId("made").replaceChildren(...(EXPLAINED[step.kind] || explainOther)(step));
  byId("held").textContent = choice.held
    ? "Held: select it again, or press Escape, to release it." : "A click holds the value.";
  say(words);
}

function seenText({ fields, ofPicture }) {
  const input = inputOf(choice.step);
  const direct = `It takes ${fieldText(fields[choice.step], input)} of the step's input`;
  const first = maps[0];
  const whole = given && fieldText(ofPicture, given);
  const traced = given
    ? `, and sees ${fieldText(fields[0], first)} of the prepared input, ${whole} of the picture`
    : `, and sees ${fieldText(fields[0], first)} of the picture`;
  return `${direct}${choice.step > 0 || given ? traced : ", the picture"}.`;
}

/** Highlight the window in the input, and outline the value in the result. */
function markChoice(step, fields) {
  const [pair, input] = [widestWindow(step), inputView.map];
  if (pair) {
    const [rows, columns] = [placesOf(pair[0], choice.row), placesOf(pair[1], choice.column)];
    const whole = [rows[0], columns[0], rows[rows.length - 1], columns[columns.length - 1]];
    mark(inputView, rectanglesOf(rows, columns, 2500), [whole]);
  } else {
    const boxes = rectanglesOn(input, fields[choice.step], 64);
    mark(inputView, boxes, boxes);
  }
  mark(outputView, [], rectanglesOn(outputView.map, { rows: [choice.row], columns: [choice.column] }));
}

let saying = 0;

/** Announce words to screen readers, once the selection rests. */
function say(words) {
  clearTimeout(saying);
  saying = setTimeout(() => { byId("said").textContent = words; }, 150);
}

/* Interaction. */

/** The value at a place of the result's grid. */
function placeOnGrid({ row, column }, { map, columns }) {
  return map.vector ? { row: 0, column: row * columns + column } : { row, column };
}

/** The value whose window covers a place of the input's grid. */
function placeOver(place) {
  const pair = widestWindow(chosenStep());
  const own = placeOnGrid(place, inputView);
  if (!pair) return inputView.map.vector === outputView.map.vector ? own : {};
  const [row, column] = pair.map((axis, direction) => {
    const reach = (axis.dilation * (axis.size - 1)) / 2;
    const at = direction ? own.column : own.row;
    return Math.floor((at + axis.before - reach) / axis.stride + 0.5);
  });
  return { row, column };
}

/** Select by pointer: mice hover, until a click holds; fingers and pens touch. */
function listenToPointer(canvas, placeAt) {
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerType === "mouse" ? !choice.held : event.buttons) choose(placeAt(event));
  });
  canvas.addEventListener("pointerdown", (event) => {
    const [row, column] = [choice.row, choice.column];
    const wasHeld = choice.held;
    choose(placeAt(event));
    if (event.pointerType !== "mouse") return;
    choice.held = !(wasHeld && row === choice.row && column === choice.column);
    update();
  });
}

/** The place that a key moves the selection to; null for other keys. */
function placeByKey(key, { map, rows, columns }) {
  const last = map.vector ? map.width - 1 : columns - 1;
  const moves = {
    ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0],
    PageUp: [-Math.max(1, rows >> 2), 0], PageDown: [Math.max(1, rows >> 2), 0],
  };
  if (key === "Home") return { column: 0 };
  if (key === "End") return { column: last };
  if (!(key in moves)) return null;
  const [down, across] = moves[key];
  if (!map.vector) return { row: choice.row + down, column: choice.column + across };
  const column = choice.column + down * columns + across;
  return column < 0 || column > last ? {} : { column };
}

function listen() {
  listenToPointer(byId("output"), (event) => placeOnGrid(placeUnder(outputView, event), outputView));
  listenToPointer(byId("input"), (event) => placeOver(placeUnder(inputView, event)));
  byId("output").addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const place = placeByKey(event.key, outputView);
    if (!place) return;
    event.preventDefault();
    choose(place);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !choice.held) return;
    choice.held = false;
    update();
  });
  byId("reset").addEventListener("click", resetKernels);
  byId("more-classes").addEventListener("click", () => {
    classesShown *= 4;
    showClasses();
  });
  window.addEventListener("resize", update);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    [inputView, outputView] = [null, null];
    redrawLayers(true);
    update();
  });
}

/** For the browser's console. */
window.cnnfilter = {
  result: (step) => ({ shape: outputOf(step).shape, values: Array.from(outputOf(step).values) }),
  choice: () => ({ ...choice, value: chosenValue() }),
  fields: () => chosenFields().fields,
  choose,
  chooseStep,
};

showHeader();
showSteps();
makeLayers();
showClasses();
render();
listen();

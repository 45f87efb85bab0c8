/* Words. */

const mapName = (map, channel) => (map.channels > 1 ? map.names[channel] : "");
const shapeText = (map) => map.shape.join("×");
const runsText = (runs) => {
  const texts = runs.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  return texts.length > 4 ? `${runs[0][0]}–${runs[runs.length - 1][1]}` : texts.join(", ");
};

function spanText(name, numbers, skipped = "") {
  const runs = runsOf(numbers);
  const several = numbers.length > 1 ? "s" : "";
  return `${name}${several} ${runsText(runs)}${runs.length > 4 ? skipped : ""}`;
}

function fieldText(field, map) {
  if (!field.rows.length || !field.columns.length) return "only padding";
  if (map.vector) return spanText("feature", field.columns);
  return `${spanText("row", field.rows, " (with gaps)")}, `
    + spanText("column", field.columns, " (with gaps)");
}

function placeText({ row, column, channel }, map) {
  if (map.vector) {
    const last = outputOf(steps.length - 1);
    const label = map.width === last.width && data.labels[column];
    return `Feature ${column}${label ? ` (${label})` : ""}`;
  }
  const name = mapName(map, channel);
  return `Row ${row}, column ${column}${name ? `, ${name}` : ""}`;
}

const chosenValue = () =>
  valueAt(outputOf(choice.step), choice.row, choice.column, choice.channel);

/** The chosen value's receptive field in all maps before it, and in the picture. */
function chosenFields() {
  const fields = fieldsOf(steps, maps, choice.step, choice);
  const ofPicture = data.preparation.reduceRight(
    (field, step) => seenThrough(step, field, {}), fields[0]);
  return { fields, ofPicture };
}

/* Explanations of the chosen value, for each kind of step: nodes to show. */

const paragraph = (...children) => element("p", { className: "sum" }, ...children);
const strong = (x) => element("strong", { title: String(x) }, word(x));
const signed = (x) => (x < 0 ? ` − ${word(-x)}` : ` + ${word(x)}`);
const inBrackets = (x) => (x < 0 ? `(${word(x)})` : word(x));

/** Named numbers, the largest first; those that are left out are added up. */
function largestFirst(headings, rows) {
  const order = [...rows].sort((a, b) => Math.abs(b[b.length - 1]) - Math.abs(a[a.length - 1]));
  const rest = order.slice(LISTED);
  const nodes = [listTable(headings, order.slice(0, LISTED))];
  if (rest.length) {
    const others = sumOf(rest.map((row) => row[row.length - 1]));
    nodes.push(element("p", { className: "caption" },
      `and ${rest.length} more, together ${word(others)}`));
  }
  return nodes;
}

/** Sums of a component's terms, its bias and total. */
function componentAt(step, image, component) {
  const sums = termsOf(step, image, component).map((_, term) =>
    productsAt(step, image, component, term, choice).sum);
  const bias = biasOf(step, component);
  return { sums, bias, total: sumOf(sums) + bias };
}

const componentName = (step, { kernel, map }) =>
  (step.bank ? `filter ${map + 1}` : step.kernels[kernel].name);

function explainConvolution(step) {
  const [image, component] = [chosenInput(), chosenComponent()];
  const [terms, value] = [chosenTerms(), chosenValue()];
  const { patch, kernel, products, sum } = productsAt(step, image, component, choice.term, choice);
  const { sums, bias, total } = componentAt(step, image, component);
  const several = terms.length > 1;
  const sign = (text) => element("div", { className: "sign", "aria-hidden": "true" }, text);
  const nodes = kernel.length * kernel[0].length > TABLED
    ? [paragraph(`The window of ${kernel.length}×${kernel[0].length} is too large for tables.`)]
    : [element("div", { className: "sides" },
      numbersTable(several ? `Input, ${image.names[terms[choice.term]]}` : "Input", patch),
      sign("×"), numbersTable("Kernel", kernel), sign("="), numbersTable("Products", products))];
  if (several) {
    nodes.push(
      paragraph(`Sum of the products of ${image.names[terms[choice.term]]}: `, word(sum)),
      element("h3", {}, "Sums over the input channels, the largest first"),
      ...largestFirst(["Channel", "Sum"], sums.map((x, n) => [image.names[terms[n]], x])));
  }
  const last = step.combine || step.limits ? strong(total) : strong(value);
  const name = step.combine ? `${componentName(step, component)}: ` : "";
  nodes.push(step.bias
    ? paragraph(`${name}${word(sumOf(sums))}${signed(bias)} (bias) = `, last)
    : paragraph(`${name}sum of the products = `, last));
  if (step.combine) nodes.push(...explainCombination(step, image, value));
  if (step.limits) {
    nodes.push(paragraph(
      `rounded, at least ${step.limits[0]} and at most ${step.limits[1]}: `, strong(value)));
  }
  return nodes;
}

function explainCombination(step, image, value) {
  const components = componentsOf(step, image, choice.channel);
  const totals = components.map((each) => componentAt(step, image, each).total);
  return [
    element("h3", {}, step.bank ? "Each filter's sum" : "Each kernel's sum"),
    ...largestFirst(
      [step.bank ? "Filter" : "Kernel", "Sum"],
      components.map((each, n) => [componentName(step, each), totals[n]])),
    paragraph(`Combined, ${step.formula}: `, step.limits ? word(value) : strong(value)),
  ];
}

function explainPooling(step) {
  const [input, value] = [chosenInput(), chosenValue()];
  const patch = patchOf(step.axes, "zero", input, choice, inputChannel());
  const picks = step.mode === "max" || step.mode === "min";
  const pixels = patch.flat().filter((cell) => cell.value !== null);
  const best = picks && pixels.find((cell) => cell.value === value);
  const shown = patch.map((row) => row.map((cell) => ({ ...cell, won: cell === best })));
  const nodes = patch.length * patch[0].length > TABLED ? [] : [numbersTable("Window", shown)];
  return [...nodes, ...explainPooled(step, pixels.map((cell) => cell.value), best, value)];
}

function explainPooled(step, pixels, best, value) {
  const result = strong(value);
  if (step.mode === "average") {
    return [paragraph(
      `${word(sumOf(pixels))} ÷ ${countedOf(step, choice)} values = `, result)];
  }
  const place = best ? `, at row ${best.row}, column ${best.column}` : "";
  return [paragraph(`${step.formula}${place}: `, result)];
}

/** The input's value at the chosen place. */
const ownInput = () => valueAt(chosenInput(), choice.row, choice.column, inputChannel());

function explainFunction(x, formula) {
  return [paragraph(`x = ${word(x)}: ${formula} = `, strong(chosenValue()))];
}

function explainAffine(step) {
  const channel = chosenInput().vector ? choice.column : choice.channel;
  const [center, factor, offset] = [step.center, step.factor, step.offset]
    .map((numbers) => ofChannel(numbers, channel));
  const x = ownInput();
  const moved = center ? `(${word(x)} − ${inBrackets(center)})` : inBrackets(x);
  return [
    paragraph(`${moved} × ${inBrackets(factor)}${offset ? signed(offset) : ""} = `,
      strong(chosenValue())),
    element("p", { className: "caption" }, step.formula),
  ];
}

function explainScale(step) {
  const input = chosenInput();
  const { low, reach } = reachOf(step, input);
  const offset = ofChannel(step.offset, input.vector ? choice.column : choice.channel);
  const above = low ? `(${word(ownInput())} − ${inBrackets(low)})` : word(ownInput());
  return [paragraph(
    `${above} ÷ ${word(reach)}${offset ? signed(offset) : ""} = `, strong(chosenValue()))];
}

function explainGray() {
  const input = chosenInput();
  const colours = [0, 1, 2].map((n) => valueAt(input, choice.row, choice.column, n));
  const [red, green, blue] = colours.map(inBrackets);
  return [paragraph(
    `0.299 × ${red} + 0.587 × ${green} + 0.114 × ${blue} = `, strong(chosenValue()))];
}

function explainDense(step) {
  const [input, outputs] = [chosenInput(), step.weights.shape[1]];
  const rows = Array.from(input.values, (x, n) => {
    const weight = step.weights.values[n * outputs + choice.column];
    return [`feature ${n}`, x, weight, x * weight];
  });
  const sum = sumOf(rows.map((row) => row[3]));
  const bias = step.bias ? `${signed(step.bias[choice.column])} (bias)` : "";
  return [
    element("h3", {}, "Its products, the largest first"),
    ...largestFirst(["Input", "Value", "Weight", "Product"], rows),
    paragraph(`${word(sum)}${bias} = `, strong(chosenValue())),
  ];
}

function explainSoftmax() {
  const input = chosenInput();
  const pixel = choice.row * input.width + choice.column;
  const scores = input.vector
    ? Array.from(input.values)
    : Array.from(input.values.slice(pixel * input.channels, (pixel + 1) * input.channels));
  const most = Math.max(...scores);
  const own = scores[input.vector ? choice.column : choice.channel];
  const powers = scores.map((score) => Math.exp(score - most));
  return [
    ...largestFirst(
      ["Score of", "x", "exp(x − the largest)"],
      scores.map((x, n) => [input.vector ? `feature ${n}` : input.names[n], x, powers[n]])),
    paragraph(`${word(Math.exp(own - most))} ÷ ${word(sumOf(powers))} = `, strong(chosenValue())),
  ];
}

function explainFlatten(step) {
  const input = chosenInput();
  if (input.vector) return [paragraph("As it came: ", strong(chosenValue()))];
  const place = unflattened(step.order, input, choice.column);
  return [paragraph(`From ${placeText(place, input).toLowerCase()}: `, strong(chosenValue()))];
}

const EXPLAINED = {
  convolve: explainConvolution,
  pool: explainPooling,
  pointwise: (step) => explainFunction(ownInput(), step.formula),
  prelu: (step) => explainFunction(ownInput(), step.formula.replace(
    "slope", word(ofChannel(step.slope, chosenInput().vector ? choice.column : choice.channel)))),
  affine: explainAffine,
  scale: (step) => (step.low === undefined ? explainOther() : explainScale(step)),
  gray: explainGray,
  channels: () => [paragraph("As it came in that channel: ", strong(chosenValue()))],
  same: () => [paragraph("As it came: ", strong(chosenValue()))],
  resize: () => [paragraph("A weighted mean of the outlined pixels: ", strong(chosenValue()))],
  flatten: explainFlatten,
  dense: explainDense,
  softmax: explainSoftmax,
};

const explainOther = () => [paragraph("As Python computed it: ", strong(chosenValue()))];

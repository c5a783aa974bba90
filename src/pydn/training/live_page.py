"""The page that shows a training: HTML, style and script in one, which ask for nothing but its data."""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>pydn training</title>
<style>
:root { color-scheme: light dark; --back: #f5f6f8; --card: #fff; --ink: #1d2733; --faint: #6a7684; --line: #dfe3e8;
  --blue: #1565c0; --pale: #90b8e2; --red: #c62828; --green: #2e7d32 }
@media (prefers-color-scheme: dark) { :root { --back: #14181d; --card: #1d232b; --ink: #e6eaef; --faint: #93a0ae;
  --line: #333c47; --blue: #64b5f6; --pale: #35597e; --red: #ef7a76; --green: #81c784 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 20px; max-width: 1180px; background: var(--back); color: var(--ink);
  font: 15px/1.4 system-ui, sans-serif }
header { display: flex; align-items: baseline; gap: 14px; flex-wrap: wrap }
h1 { font-size: 22px; margin: 0 }
h2 { font-size: 15px; margin: 0 0 6px; font-weight: 600; display: flex; align-items: center; gap: 14px }
h2 button { margin-left: auto }
#state { color: var(--faint) }
#track { height: 10px; background: var(--line); border-radius: 5px; overflow: hidden; margin: 12px 0 }
#bar { height: 100%; width: 0; background: var(--blue) }
#facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(120px, 1fr)); gap: 10px; margin: 0 0 16px }
#facts div { background: var(--card); border-radius: 8px; padding: 8px 12px }
dt { color: var(--faint); font-size: 12px }
dd { margin: 0; font-size: 17px; font-variant-numeric: tabular-nums }
main { display: grid; grid-template-columns: 1fr 1fr; gap: 16px }
section { background: var(--card); border-radius: 8px; padding: 12px 14px; min-width: 0 }
section.wide { grid-column: 1 / -1 }
@media (max-width: 760px) { main { grid-template-columns: 1fr } }
svg { width: 100%; height: auto; display: block }
svg text { fill: var(--faint); font: 11px system-ui, sans-serif }
svg line { stroke: var(--line) }
polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round }
.loss { stroke: var(--pale); stroke-width: 1 } .average { stroke: var(--blue) } .rate { stroke: var(--green) }
.score { stroke: var(--red) } circle.score { fill: var(--red) }
.key { font-weight: 400; font-size: 13px } .key.loss { color: var(--pale) } .key.average { color: var(--blue) }
button { font: 12px system-ui, sans-serif; color: inherit; background: none; border: 1px solid var(--line);
  border-radius: 6px; padding: 2px 10px; cursor: pointer }
#samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(160px, 1fr)); gap: 12px }
figure { margin: 0 } figcaption { color: var(--faint); font-size: 12px; overflow-wrap: anywhere }
img { width: 100%; border-radius: 6px; display: block }
[hidden] { display: none !important }
</style>
</head>
<body>
<header><h1 id="name">Training</h1><span id="state">starting</span></header>
<div id="track"><div id="bar"></div></div>
<dl id="facts"></dl>
<main>
<section class="wide"><h2>Loss <span class="key loss">each iteration</span> <span class="key average">average</span>
<button id="scale" type="button">logarithmic</button></h2><svg id="losses" viewBox="0 0 1120 320"></svg></section>
<section><h2>Learning rate</h2><svg id="rates" viewBox="0 0 540 230"></svg></section>
<section id="measured" hidden><h2 id="measures"></h2><svg id="scores" viewBox="0 0 540 230"></svg></section>
<section class="wide" id="seen" hidden><h2>What it finds now</h2><div id="samples"></div></section>
</main>
<script>
"use strict";
const get = (id) => document.getElementById(id);
const LEFT = 58, RIGHT = 14, TOP = 8, BOTTOM = 24;
let logarithmic = false, newest = null, drawn = "";

function make(parent, tag, attributes, text) {
  const node = document.createElementNS(parent.namespaceURI, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

function short(value) {
  if (value === null || value === undefined) return "–";
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential(2);
  return String(Number(value.toPrecision(4)));
}

function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 2.5, 5, 10].find((factor) => factor * power >= value * 0.999);
}

// An axis of values: from and to, where its lines are, and how high a value stands, 0 to 1.
function linear(top) {
  const step = top > 0 ? roundUp(top / 5) : 0.2;
  return { marks: [0, 1, 2, 3, 4, 5].map((k) => k * step), share: (value) => value / (5 * step) };
}

function powers(values) {
  const known = values.filter((value) => value > 0);
  if (!known.length) known.push(1);
  const low = Math.floor(Math.log10(Math.min(...known))), high = Math.ceil(Math.log10(Math.max(...known)));
  const top = Math.max(high, low + 1), marks = [];
  for (let power = low; power <= top; power++) {
    const factors = top - low < 4 && power < top ? [1, 2, 5] : [1];
    marks.push(...factors.map((factor) => factor * 10 ** power));
  }
  return { marks, share: (value) => (Math.log10(Math.max(value, 1e-12)) - low) / (top - low) };
}

function draw(svg, last, axis, curves, unit = "") {
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const x = (iteration) => LEFT + (width - LEFT - RIGHT) * iteration / Math.max(1, last);
  const y = (value) => height - BOTTOM - (height - TOP - BOTTOM) * Math.min(1, Math.max(0, axis.share(value)));
  svg.replaceChildren();
  for (const value of axis.marks) {
    make(svg, "line", { x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) });
    make(svg, "text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value) + unit);
  }
  for (let k = 0; k <= 5; k++) {
    const at = Math.round(last * k / 5);
    make(svg, "text", { x: x(at), y: height - 6, "text-anchor": k === 5 ? "end" : "middle" }, String(at));
  }
  for (const curve of curves) {
    const points = curve.points.filter((point) => point[1] !== null).map(([at, value]) => [x(at), y(value)]);
    const path = points.map((point) => point.map((value) => value.toFixed(1)).join()).join(" ");
    make(svg, "polyline", { class: curve.kind, points: path });
    if (curve.dots) for (const [cx, cy] of points) make(svg, "circle", { class: curve.kind, cx, cy, r: 3 });
  }
}

function clock(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(seconds), two = (value) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60;
  return (hours ? hours + ":" + two(minutes) : minutes) + ":" + two(whole % 60);
}

function showFacts(data) {
  const curves = data.curves, rate = data.rate;
  const facts = {
    "iteration": data.end ? `${data.iteration} of ${data.end}` : data.iteration,
    "average loss": short(curves.average_loss.at(-1)),
    "learning rate": short(curves.learning_rate.at(-1)),
    "rate": rate ? (rate >= 1 ? `${rate.toFixed(1)} a second` : `${(1 / rate).toFixed(1)} s each`) : "–",
    "time left": clock(data.left),
    "epoch": data.epoch ? data.epoch.toFixed(1) : "–",
  };
  if (data.iou !== null && data.iou !== undefined) facts["mean IoU"] = data.iou.toFixed(2);
  get("facts").replaceChildren();
  for (const [name, value] of Object.entries(facts)) {
    const card = make(get("facts"), "div", {});
    make(card, "dt", {}, name);
    make(card, "dd", {}, value);
  }
}

function showLosses(data) {
  const { iteration, loss, average_loss } = data.curves;
  const averages = average_loss.filter((value) => value !== null).sort((a, b) => a - b);
  const top = averages.length ? Math.min(averages.at(-1), 4 * averages[averages.length >> 1]) : 1;
  const points = (values) => values.map((value, k) => [iteration[k], value]);
  draw(get("losses"), data.end || data.iteration, logarithmic ? powers(averages) : linear(top), [
    { kind: "loss", points: points(loss) }, { kind: "average", points: points(average_loss) }]);
}

function showRates(data) {
  const rates = data.curves.learning_rate;
  const points = rates.map((value, k) => [data.curves.iteration[k], value]);
  draw(get("rates"), data.end || data.iteration, linear(Math.max(0, ...rates)), [{ kind: "rate", points }]);
}

function showScores(data) {
  const names = Object.keys(data.scores);
  get("measured").hidden = !names.length;
  if (!names.length) return;
  get("measures").textContent = names.map((name) => {
    const values = data.scores[name].map((point) => point[1]);
    return `${name} ${(100 * values.at(-1)).toFixed(1)} %, best ${(100 * Math.max(...values)).toFixed(1)} %`;
  }).join("; ");
  const curves = names.map((name) => ({ kind: "score", dots: true,
    points: data.scores[name].map(([at, value]) => [at, value === null ? null : 100 * value]) }));
  draw(get("scores"), data.end || data.iteration, linear(100), curves, " %");
}

function showSamples(data) {
  const now = JSON.stringify(data.samples);
  get("seen").hidden = !data.samples.length;
  if (now === drawn) return;
  drawn = now;
  get("samples").replaceChildren();
  for (const [source, text] of data.samples) {
    const figure = make(get("samples"), "figure", {});
    make(figure, "img", { src: source, alt: text });
    make(figure, "figcaption", {}, text);
  }
}

function show(data) {
  newest = data;
  document.title = `${data.iteration}${data.end ? "/" + data.end : ""} ${data.name || ""}`;
  get("name").textContent = data.name || "Training";
  get("state").textContent = data.state;
  get("bar").style.width = data.end ? `${Math.min(100, 100 * data.iteration / data.end)}%` : "0";
  for (const part of [showFacts, showLosses, showRates, showScores, showSamples]) part(data);
}

async function watch() {
  let over = false;
  try {
    const data = await (await fetch("data.json")).json();
    show(data);
    over = !["starting", "running"].includes(data.state);
  } catch {
    get("state").textContent = "no answer: the training is over, or was ended";
  }
  if (!over) setTimeout(watch, 1000);
}

get("scale").addEventListener("click", () => {
  logarithmic = !logarithmic;
  get("scale").textContent = logarithmic ? "linear" : "logarithmic";
  if (newest) showLosses(newest);
});
watch();
</script>
</body>
</html>
"""

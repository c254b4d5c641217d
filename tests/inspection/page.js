// Opens a report in jsdom, uses its controls, and prints as JSON what the page showed.
"use strict";
const fs = require("fs");
const { JSDOM, VirtualConsole } = require("jsdom");

const errors = [];
const virtualConsole = new VirtualConsole();
for (const kind of ["jsdomError", "error", "warn"]) {
  virtualConsole.on(kind, (error) => errors.push(String(error)));
}
const { window } = new JSDOM(fs.readFileSync(process.argv[2], "utf8"), {
  runScripts: "dangerously",
  virtualConsole,
  beforeParse(window) {
    // jsdom draws nothing and knows no theme.
    const context = new Proxy({}, { get: (own, name) => (name in own ? own[name] : () => {}) });
    window.HTMLCanvasElement.prototype.getContext = () => context;
    window.matchMedia = () => ({ addEventListener() {} });
  },
});
const { document } = window;
const rows = () => [...document.querySelectorAll("#odd tbody tr")];
const shown = () => rows().filter((row) => !row.hidden).length;
const flagged = () => rows().filter((row) => row.querySelector(".flag").textContent).length;
const choose = (id, value) => {
  document.getElementById(id).value = value;
  document.getElementById(id).dispatchEvent(new window.Event("input"));
};

const found = { sorted: [], levels: [], columns: {}, errors };
const buttons = [...document.querySelectorAll("#odd thead button")];
for (const button of buttons.flatMap((button) => [button, button])) {
  const at = button.parentElement.cellIndex;
  button.click();
  const cells = rows().map((row) => row.cells[at]);
  found.sorted.push({
    name: button.textContent,
    order: button.parentElement.getAttribute("aria-sort"),
    values: cells.map((cell) => cell.dataset.value ?? cell.textContent.trim()),
  });
}
const { alarms, map } = JSON.parse(document.getElementById("data").textContent);
alarms.forEach((alarm, k) => {
  choose("level", k);
  document.getElementById("only").click();
  found.levels.push([flagged(), shown(), document.getElementById("level-text").textContent]);
  document.getElementById("only").click();
});
choose("search", process.argv[3]);
found.searched = shown();
choose("search", "");
for (const option of document.getElementById("column").options) {
  choose("column", option.value);
  found.columns[option.value] = shown();
}
found.texts = map.colors.map((color) => {
  choose("color", color.name);
  document.getElementById("points").dispatchEvent(
    new window.KeyboardEvent("keydown", { key: "ArrowRight" }),
  );
  return document.getElementById("point").textContent;
});
console.log(JSON.stringify(found));

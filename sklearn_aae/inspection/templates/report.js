"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = (id) => document.getElementById(id);
  const make = (tag, text) => {
    const element = document.createElement(tag);
    element.textContent = text;
    return element;
  };

  // ------------------------------------------------------------------ tables
  const valueOf = (cell, how) => {
    const text = cell.dataset.value !== undefined ? cell.dataset.value : cell.textContent.trim();
    if (how === "text" && cell.dataset.value === undefined) return text;
    const number = parseFloat(text.replace(/,/g, ""));
    return Number.isNaN(number) ? Infinity : number;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? (a === b ? 0 : a - b)
      : String(a).localeCompare(String(b), "en", { numeric: true });
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, j) => {
      if (!head.dataset.sort) return;
      const button = make("button", head.textContent);
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const keyed = [...body.rows].map((row) => [valueOf(row.cells[j], head.dataset.sort), row]);
        keyed.sort((a, b) => (up ? 1 : -1) * compare(a[0], b[0]));
        body.append(...keyed.map((pair) => pair[1]));
      });
    });
  }

  // ------------------------------------------------------ filters of odd rows
  const odd = at("odd");
  const rows = odd ? [...odd.tBodies[0].rows] : [];
  let level = data.alpha;
  const columnsOf = (row) => [...row.querySelectorAll(".cell b")].map((b) => b.textContent);
  const isFlagged = (p) => level !== null && p <= level + 1e-12;
  const filter = () => {
    if (!odd) return;
    const word = at("search").value.toLowerCase();
    const column = at("column").value;
    const only = at("only") !== null && at("only").checked;
    let shown = 0;
    for (const row of rows) {
      const there = row.textContent.toLowerCase().includes(word)
        && (column === "" || columnsOf(row).includes(column))
        && (!only || isFlagged(parseFloat(row.dataset.p)));
      row.hidden = !there;
      shown += there;
    }
    at("count").textContent = `${shown} of ${rows.length} rows shown`;
  };
  if (odd) {
    for (const name of [...new Set(rows.flatMap(columnsOf))].sort()) {
      const option = make("option", name);
      option.value = name;
      at("column").append(option);
    }
    for (const id of ["search", "column", "only"]) {
      if (at(id)) at(id).addEventListener("input", filter);
    }
    filter();
  }

  // ------------------------------------------------------------------- the map
  const map = data.map;
  const canvas = at("points");
  const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  // Viridis for numbers; the colours of Okabe and Ito for categories, each with a shape.
  const SCALE = [[68, 1, 84], [70, 50, 126], [54, 92, 141], [39, 127, 142], [31, 161, 135], [74, 193, 109], [160, 218, 57], [253, 231, 37]];
  const LEVELS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a900", "#888888"];
  const SIGNS = ["●", "■", "▲", "◆", "▼", "✚", "▬", "○"];
  const onScale = (share) => {
    const place = Math.min(share, 0.9999) * (SCALE.length - 1);
    const i = Math.floor(place);
    const mix = SCALE[i].map((c, k) => Math.round(c + (place - i) * (SCALE[i + 1][k] - c)));
    return `rgb(${mix.join(",")})`;
  };
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let current = -1;
  let placed = [];
  const draw = () => {
    if (!map) return;
    const context = canvas.getContext("2d");
    const ratio = window.devicePixelRatio || 1;
    const width = Math.max(280, Math.min(900, canvas.parentElement.clientWidth));
    const height = Math.round(0.66 * width);
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    context.scale(ratio, ratio);
    context.clearRect(0, 0, width, height);
    const color = map.colors[at("color").selectedIndex];
    const xs = map.places[at("across").selectedIndex];
    const up = at("up").selectedIndex;
    const ys = map.places.length > 1 ? map.places[up] : null;
    const edge = 34;
    // With one component, rows lie at heights that mean nothing.
    const heightOf = (i) => (ys ? ys[i] : (i * 2531) % 4096) / 4095;
    placed = xs.map((x, i) => [
      edge + (x / 4095) * (width - 2 * edge),
      height - edge - heightOf(i) * (height - 2 * edge),
    ]);
    const size = Math.max(2, Math.min(5, 90 / Math.sqrt(xs.length)));
    const shape = (k, x, y, r) => {
      context.beginPath();
      if (k === 1 || k === 6) context.rect(x - r, y - (k === 6 ? r / 2 : r), 2 * r, k === 6 ? r : 2 * r);
      else if (k === 2 || k === 4) {
        const s = k === 2 ? -1 : 1;
        context.moveTo(x - r, y - s * r); context.lineTo(x + r, y - s * r); context.lineTo(x, y + s * r);
      } else if (k === 3) {
        context.moveTo(x, y - 1.3 * r); context.lineTo(x + 1.3 * r, y); context.lineTo(x, y + 1.3 * r); context.lineTo(x - 1.3 * r, y);
      } else if (k === 5) {
        context.rect(x - r, y - r / 3, 2 * r, r / 1.5); context.rect(x - r / 3, y - r, r / 1.5, 2 * r);
      } else context.arc(x, y, r, 0, 7);
      context.fill();
      context.stroke();  // so that dark points are seen on a dark page, and light ones on a light one
    };
    const ink = style("--muted");
    placed.forEach(([x, y], i) => {
      const place = color ? LETTERS.indexOf(color.letters[i]) : 0;
      if (place < 0) {
        context.strokeStyle = ink;
        context.lineWidth = 1;
        context.strokeRect(x - size / 2, y - size / 2, size, size);
        return;
      }
      context.globalAlpha = 0.85;
      context.lineWidth = 0.5;
      context.strokeStyle = ink;
      context.fillStyle = color && color.ordered ? onScale(place / 63) : LEVELS[place];
      shape(color && !color.ordered ? place : 0, x, y, size);
      context.globalAlpha = 1;
    });
    context.lineWidth = 1.6;
    const ring = (i, r, name) => {
      context.strokeStyle = style(name);
      context.beginPath();
      context.arc(placed[i][0], placed[i][1], r, 0, 7);
      context.stroke();
    };
    if (map.p) map.p.forEach((p, i) => { if (isFlagged(p)) ring(i, size + 3, "--odd"); });
    if (current >= 0) { context.lineWidth = 3; ring(current, size + 7, "--ink"); }
    context.fillStyle = ink;
    context.font = "12px system-ui, sans-serif";
    const [a, b] = [at("across").selectedIndex, up];
    context.textAlign = "center";
    context.fillText(`component ${a}: ${map.low[a]} to ${map.high[a]}`, width / 2, height - 8);
    if (ys) {
      context.save();
      context.translate(14, height / 2);
      context.rotate(-Math.PI / 2);
      context.fillText(`component ${b}: ${map.low[b]} to ${map.high[b]}`, 0, 0);
      context.restore();
    }
    legend(color);
  };
  const legend = (color) => {
    const parts = [];
    const key = (sign, css, text) => {
      const span = make("span", "");
      const mark = make("b", sign);
      mark.style.color = css;
      span.append(mark, ` ${text}`);
      parts.push(span);
    };
    if (color && color.ordered) {
      const n = color.texts.length;
      for (const share of n ? [0, 0.25, 0.5, 0.75, 1] : []) {
        key("●", onScale(share), color.texts[Math.round(share * (n - 1))]);
      }
    } else if (color) color.texts.forEach((text, k) => key(SIGNS[k], LEVELS[k], text));
    if (color && color.letters.includes(".")) key("□", style("--muted"), "missing");
    at("legend").replaceChildren(...parts);
  };
  const tell = (i) => {
    current = i;
    if (i < 0) return;
    const color = map.colors[at("color").selectedIndex];
    const parts = [`row ${map.names[i]}`];
    if (map.scores) parts.push(`anomaly score ${map.scores[i]}`);
    if (map.p) parts.push(`p-value ${map.p[i]}${isFlagged(map.p[i]) ? ", flagged" : ""}`);
    if (color && color.name !== "anomaly score") {
      const place = LETTERS.indexOf(color.letters[i]);
      const about = color.ordered && place >= 0 ? "about " : "";
      parts.push(`${color.name}: ${about}${place < 0 ? "missing" : color.texts[place]}`);
    }
    at("point").textContent = parts.join(" · ");
    draw();
  };
  if (map) {
    map.colors.forEach((color) => at("color").append(make("option", color.name)));
    map.places.forEach((_, k) => {
      at("across").append(make("option", `component ${k}`));
      at("up").append(make("option", `component ${k}`));
    });
    at("up").selectedIndex = Math.min(1, map.places.length - 1);
    for (const id of ["color", "across", "up"]) at(id).addEventListener("input", draw);
    canvas.addEventListener("mousemove", (event) => {
      let [best, found] = [14 * 14, -1];
      placed.forEach(([x, y], i) => {
        const far = (x - event.offsetX) ** 2 + (y - event.offsetY) ** 2;
        if (far < best) [best, found] = [far, i];
      });
      if (found >= 0 && found !== current) tell(found);
    });
    const order = map.names.map((_, i) => i);
    if (map.scores) order.sort((i, j) => map.scores[j] - map.scores[i]);
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = current < 0 ? 0 : order.indexOf(current) + step;
      tell(order[(next + order.length) % order.length]);
    });
    window.addEventListener("resize", draw);
    window.addEventListener("beforeprint", draw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    draw();
  }

  // ------------------------------------------------------------------ the level
  const slider = at("level");
  const move = () => {
    const chosen = data.alarms[slider.valueAsNumber];
    level = chosen.level;
    const few = `${chosen.flagged} rows flagged at ${level}, about ${chosen.chance} by chance`;
    at("level-text").textContent = few;
    slider.setAttribute("aria-valuetext", few);
    document.querySelectorAll(".level").forEach((g) => {
      g.classList.toggle("now", Number(g.dataset.level) === slider.valueAsNumber);
    });
    for (const row of rows) {
      row.querySelector(".flag").textContent = isFlagged(parseFloat(row.dataset.p)) ? "⚑ flagged" : "";
    }
    filter();
    draw();
  };
  if (slider) {
    slider.addEventListener("input", move);
    move();
  }
}());

"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const NAMES = ["black", "blue", "red", "green", "yellow", "grey", "magenta", "orange", "light blue", "maroon"];
  const AT_FIRST = 24; // cards that a gallery shows before it is asked for more
  const MAX_SPOKEN = 60; // cells of a grid that is told cell by cell

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== false && value !== undefined) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  // Grids: "012/3{5}" is a row of three cells and one of five.
  const rowsOf = (text) => text.replace(/(.)\{(\d+)\}/g, (_, cell, count) => cell.repeat(+count)).split("/");
  const style = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  function spoken(label, rows) {
    const size = `${rows.length} by ${rows[0].length}`;
    if (rows.length * rows[0].length <= MAX_SPOKEN) return `${label}, ${size}: ${rows.map((row) => [...row].join(" ")).join("; ")}`;
    const colours = [...new Set(rows.join(""))].filter((cell) => cell >= "0" && cell <= "9").sort();
    return `${label}, ${size}, of ${colours.map((cell) => NAMES[cell]).join(", ") || "places"}`;
  }

  function draw(canvas) {
    const rows = rowsOf(canvas.dataset.g);
    const wanted = canvas.dataset.wanted ? rowsOf(canvas.dataset.wanted) : null;
    const height = rows.length, width = rows[0].length;
    const cell = Math.max(2, Math.min(+canvas.dataset.cell, Math.floor(+canvas.dataset.size / Math.max(height, width))));
    const scale = Math.max(1, window.devicePixelRatio || 1);
    canvas.width = Math.round((width * cell + 1) * scale);
    canvas.height = Math.round((height * cell + 1) * scale);
    canvas.style.width = `${width * cell + 1}px`;
    canvas.style.aspectRatio = `${width * cell + 1} / ${height * cell + 1}`;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const none = [style("--none"), style("--none-2")];
    const compared = wanted && wanted.length === height && wanted[0].length === width;
    rows.forEach((row, i) => [...row].forEach((each, j) => {
      const x = j * cell, y = i * cell;
      context.fillStyle = each === "." ? none[(i + j) % 2] : each === "x" ? style("--1") : data.colours[each];
      context.fillRect(x, y, cell + 1, cell + 1);
    }));
    if (cell > 3) {
      context.strokeStyle = style("--grid-line");
      context.lineWidth = cell > 8 ? 1 : 0.5;
      context.beginPath();
      for (let i = 0; i <= height; i++) { context.moveTo(0, i * cell + 0.5); context.lineTo(width * cell + 1, i * cell + 0.5); }
      for (let j = 0; j <= width; j++) { context.moveTo(j * cell + 0.5, 0); context.lineTo(j * cell + 0.5, height * cell + 1); }
      context.stroke();
    }
    rows.forEach((row, i) => [...row].forEach((each, j) => {
      const x = j * cell + cell / 2 + 0.5, y = i * cell + cell / 2 + 0.5;
      if (compared && wanted[i][j] !== each) cross(context, x, y, cell);
      else if (root.dataset.digits && cell >= 7 && each >= "0" && each <= "9") {
        context.fillStyle = "0169".includes(each) ? "#fff" : "#000";
        context.font = `${Math.round(cell * 0.66)}px ui-monospace, monospace`;
        context.textAlign = "center";
        context.textBaseline = "middle";
        context.fillText(each, x, y + 0.5);
      }
    }));
    canvas.dataset.drawn = "";
  }

  function cross(context, x, y, cell) {
    const arm = Math.max(1, cell * 0.26);
    for (const [colour, wide] of [["#000", Math.max(1.6, cell * 0.24)], ["#fff", Math.max(0.8, cell * 0.12)]]) {
      context.strokeStyle = colour;
      context.lineWidth = wide;
      context.lineCap = "round";
      context.beginPath();
      context.moveTo(x - arm, y - arm); context.lineTo(x + arm, y + arm);
      context.moveTo(x - arm, y + arm); context.lineTo(x + arm, y - arm);
      context.stroke();
    }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      seen.unobserve(target);
      target.matches("canvas") ? draw(target) : fillCard(target);
    }
  }, { rootMargin: "300px" });

  function grid(text, label, { size = 176, cell = 28, wanted = "" } = {}) {
    const canvas = element("canvas", { role: "img", "aria-label": spoken(label, rowsOf(text)), width: 1, height: 1 });
    Object.assign(canvas.dataset, { g: text, size, cell, wanted });
    seen.observe(canvas);
    return canvas;
  }

  function fillCard(place) {
    const card = data.cards[place.closest(".card").dataset.key];
    const { pair, place: number } = place.dataset;
    const [input, output] = data.tasks[card.task][pair][number];
    const run = card.run && card.run[pair][number];
    const options = { size: "wanted" in place.dataset ? 62 : 104, cell: 16 };
    const shown = [grid(input, "input", options)];
    if ("wanted" in place.dataset) {
      if (output) shown.push(grid(output, "wanted", options));
      if (run && run.out) shown.push(grid(run.out, "given", { ...options, wanted: output || "" }));
    } else {
      const given = card.attempts && card.attempts[number] && card.attempts[number][0];
      const last = given ? given.out : output || (run && run.out);
      if (last) shown.push(grid(last, given ? "answer" : "output", options));
    }
    const arrows = shown.flatMap((each, at) => at === 0 ? [each] : [element("span", { "aria-hidden": "true" }, at === 1 ? "→" : "≠"), each]);
    place.replaceChildren(...arrows);
  }
  document.querySelectorAll(".pictures").forEach((place) => seen.observe(place));

  function redraw() {
    document.querySelectorAll("canvas[data-drawn]").forEach(draw);
  }

  // Light and dark, digits.
  const THEMES = ["auto", "light", "dark"];
  function remembered(name, value) {
    try {
      if (value === undefined) return localStorage.getItem(name);
      localStorage.setItem(name, value);
    } catch { /* a file may have no storage */ }
    return null;
  }
  function setTheme(theme) {
    if (theme === "auto") delete root.dataset.theme; else root.dataset.theme = theme;
    byId("theme-name").textContent = theme;
    byId("theme").setAttribute("aria-label", `Colours: ${theme}`);
    redraw();
  }
  let theme = THEMES.includes(remembered("codeit-theme")) ? remembered("codeit-theme") : "auto";
  setTheme(theme);
  byId("theme").addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    remembered("codeit-theme", theme);
    setTheme(theme);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  byId("digits").addEventListener("click", () => {
    const on = !root.dataset.digits;
    if (on) root.dataset.digits = "on"; else delete root.dataset.digits;
    byId("digits").setAttribute("aria-pressed", String(on));
    redraw();
  });

  // Galleries: filter, order, and count.
  const ORDERS = {
    task: (a, b) => a.dataset.task.localeCompare(b.dataset.task),
    found: (a, b) => a.dataset.found - b.dataset.found,
    lines: (a, b) => a.dataset.lines - b.dataset.lines,
    order: (a, b) => a.dataset.order - b.dataset.order,
  };
  document.querySelectorAll(".gallery").forEach((gallery) => {
    const form = gallery.querySelector("form");
    if (!form) return;
    const list = gallery.querySelector(".cards"), more = gallery.querySelector(".more");
    let isLong = false;
    const cards = [...list.children];
    const texts = new Map(cards.map((card) => [card, card.textContent.toLowerCase()]));
    const field = (name) => (form.elements[name] ? form.elements[name].value : "");
    function apply() {
      const words = field("text").toLowerCase().split(/\s+/).filter(Boolean);
      let num = 0;
      for (const card of cards) {
        const fits = words.every((word) => texts.get(card).includes(word))
          && (!field("source") || card.dataset.sources.split("|").includes(field("source")))
          && (!field("run") || card.dataset.run === field("run"));
        num += fits;
        card.dataset.fits = fits ? "yes" : "";
        card.hidden = !fits || (num > AT_FIRST && !isLong);
      }
      form.querySelector("output").textContent = `${num} of ${cards.length}`;
      gallery.querySelector(".empty").hidden = num > 0;
      more.hidden = isLong || num <= AT_FIRST;
      more.textContent = `Show all ${num}`;
    }
    function order() {
      cards.sort((a, b) => ORDERS[field("order")](a, b) || a.dataset.order - b.dataset.order);
      list.append(...cards);
      apply();
    }
    more.addEventListener("click", () => {
      const next = cards.find((card) => card.hidden && card.dataset.fits);
      isLong = true;
      apply();
      next.querySelector("a").focus();
    });
    form.addEventListener("input", apply);
    form.elements.order.addEventListener("change", order);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply(); // a browser may have kept what was typed
    if (field("order") !== form.elements.order.options[0].value) order();
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const links = cards.filter((card) => !card.hidden).map((card) => card.querySelector("a"));
      const next = links[links.indexOf(document.activeElement) + step];
      if (next) { event.preventDefault(); next.focus(); }
    });
  });

  // The sheet of one task.
  const sheet = byId("sheet");
  let opener = null, tab = 0;
  const cardOf = (key) => document.querySelector(`.card[data-key="${CSS.escape(key)}"]`);
  const keyNow = () => decodeURIComponent(location.hash.slice(1));

  function neighbours(key) {
    const card = cardOf(key);
    const shown = [...card.parentElement.children].filter((each) => each.dataset.fits || each === card).map((each) => each.dataset.key);
    const at = shown.indexOf(key);
    return [shown[at - 1], shown[at + 1]];
  }

  function show(key) {
    const card = data.cards[key], node = cardOf(key);
    byId("sheet-title").textContent = node.dataset.task;
    byId("sheet-badge").textContent = node.querySelector(".badge").textContent;
    byId("sheet-facts").textContent = node.querySelector(".facts").textContent;
    const [previous, next] = neighbours(key);
    byId("sheet-previous").disabled = !previous;
    byId("sheet-next").disabled = !next;
    const task = data.tasks[card.task];
    const pairs = task ? [...task.train.map((_, at) => ["train", at]), ...task.test.map((_, at) => ["test", at])] : [];
    const first = node.querySelector(".pictures");
    tab = first ? Math.max(0, pairs.findIndex(([kind, at]) => kind === first.dataset.pair && at === +first.dataset.place)) : 0;
    byId("sheet-body").replaceChildren(...(pairs.length ? [tabs(card, task, pairs), element("div", { id: "panel", role: "tabpanel" })] : []), ...about(card, node));
    if (pairs.length) panel(card, task, pairs);
    if (!sheet.open) sheet.showModal();
    byId("sheet-title").focus();
    sheet.scrollTop = 0;
  }

  function tabs(card, task, pairs) {
    const list = element("div", { class: "tabs", role: "tablist", "aria-label": "Demonstrations and tests" });
    pairs.forEach(([kind, at], number) => {
      const run = card.run && card.run[kind][at];
      const mark = run && run.right !== null ? element("span", { class: run.right ? "right" : "wrong", "aria-label": run.right ? "right" : "wrong" }, run.right ? " ✓" : " ✗") : null;
      const button = element("button", { type: "button", role: "tab", "aria-controls": "panel" }, `${kind === "train" ? "demonstration" : "test"} ${at + 1}`, mark);
      button.addEventListener("click", () => { tab = number; panel(card, task, pairs); });
      list.append(button);
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      tab = (tab + step + pairs.length) % pairs.length;
      panel(card, task, pairs);
      list.children[tab].focus();
    });
    return list;
  }

  const shown = (label, ...children) => element("figure", {}, element("figcaption", {}, label), ...children);

  function panel(card, task, pairs) {
    const list = document.querySelector(".tabs");
    [...list.children].forEach((button, number) => {
      button.setAttribute("aria-selected", String(number === tab));
      button.tabIndex = number === tab ? 0 : -1;
    });
    const [kind, at] = pairs[tab];
    const [input, output] = task[kind][at];
    const run = card.run && card.run[kind][at];
    const size = { size: 230, cell: 26 };
    const row = element("div", { class: "row" }, shown("input", grid(input, "input", size)));
    if (output) row.append(shown("wanted", grid(output, "wanted", size)));
    if (card.attempts && kind === "test") {
      (card.attempts[at] || []).forEach((attempt, number) => row.append(shown(
        `attempt ${number + 1}${attempt.program ? `, ${attempt.agree} agree` : ", a likely size"}`,
        grid(attempt.out, `attempt ${number + 1}`, { ...size, wanted: output || "" }))));
    }
    if (run && run.out && run.out !== output) row.append(shown(output ? "given, wrong cells crossed" : "given", grid(run.out, "given", { ...size, wanted: output || "" })));
    else if (run && run.out && output) row.append(shown("given", element("span", { class: "right" }, "✓ the same")));
    else if (run && run.error) row.append(shown("given", element("span", { class: "wrong" }, `nothing: ${run.error}`)));
    const parts = [row];
    if (run) parts.push(element("h3", {}, "Step by step"), steps(card.run.lines, run));
    byId("panel").replaceChildren(...parts);
  }

  function steps(lines, run) {
    const list = element("ol", { class: "steps" });
    lines.forEach((line, number) => {
      const [, name, call, rest] = line.match(/^(\w+ = )(\w+)(.*)$/) || [null, "", line, ""];
      const code = element("code", {}, element("span", { class: "name" }, name), element("span", { class: "call" }, call), rest);
      const value = run.steps[number];
      const place = element("div", { class: "value" });
      if (!value) place.append(element("span", { class: "said wrong" }, number === run.steps.length ? run.error || "fails" : "not reached"));
      else {
        for (const text of value.gs || (value.g ? [value.g] : [])) place.append(grid(text, `value of ${name.replace(" = ", "")}`, { size: 132, cell: 14 }));
        place.append(element("span", { class: value.g || value.gs ? "said" : "said plain" }, value.t));
      }
      list.append(element("li", {}, code, place));
    });
    return list;
  }

  function about(card, node) {
    const parts = [];
    const text = node.querySelector(".program").textContent;
    const copy = element("button", { type: "button" }, "copy");
    copy.addEventListener("click", () => {
      const done = () => { copy.textContent = "copied"; };
      if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => select(program));
      else select(program);
    });
    const program = element("pre", { tabindex: "0" }, text);
    parts.push(element("h3", {}, "Program", copy), program);
    for (const [at, attempts] of (card.attempts || []).entries()) {
      attempts.forEach((attempt, number) => {
        if (attempt.program && attempt.program !== text) parts.push(element("p", { class: "facts" }, `test ${at + 1}, attempt ${number + 1}`), element("pre", { tabindex: "0" }, attempt.program));
      });
    }
    if (card.history && card.history.length > 1) {
      const list = element("ol", { class: "timeline" });
      card.history.forEach((each) => {
        const lines = each.program.split("\n").length;
        const when = each.when ? `meta-iteration ${each.when}` : "before the first meta-iteration";
        list.append(element("li", {}, `${when}: ${lines} line${lines === 1 ? "" : "s"}${each.by ? `, by ${each.by}` : ""}`,
          each.program === text ? element("span", { class: "facts" }, " (the program above)") : element("details", {}, element("summary", {}, "program"), element("pre", {}, each.program))));
      });
      parts.push(element("h3", {}, "How it got shorter"), list);
    }
    if (card.written && card.written.length) {
      const on = new Set(card.written);
      const strip = element("div", { class: "strip", role: "img", "aria-label": `The policy wrote a solution in meta-iterations ${card.written.join(", ")}` });
      card.iterations.forEach((each) => strip.append(element("span", { class: on.has(each) ? "on" : "", title: `meta-iteration ${each}` })));
      parts.push(element("h3", {}, "When the policy wrote a solution"), element("p", { class: "facts" }, `first in meta-iteration ${card.written[0]}; in ${card.written.length} of ${card.iterations.length}`), strip);
    }
    return parts;
  }

  function select(node) {
    getSelection().selectAllChildren(node);
  }

  function follow() {
    const key = keyNow();
    if (data.cards[key]) show(key);
    else if (sheet.open) sheet.close();
  }
  function go(key) {
    if (key) { history.replaceState(null, "", `#${encodeURIComponent(key)}`); follow(); }
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".card a");
    if (link) opener = link;
  });
  addEventListener("hashchange", follow);
  sheet.addEventListener("close", () => {
    const key = keyNow();
    if (data.cards[key]) {
      history.replaceState(null, "", location.pathname + location.search);
      const card = cardOf(key);
      (card.hidden ? opener : card.querySelector("a"))?.focus();
    }
  });
  sheet.addEventListener("click", (event) => { if (event.target === sheet) sheet.close(); });
  byId("sheet-close").addEventListener("click", () => sheet.close());
  byId("sheet-previous").addEventListener("click", () => go(neighbours(keyNow())[0]));
  byId("sheet-next").addEventListener("click", () => go(neighbours(keyNow())[1]));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select")) return;
    if (sheet.open) {
      const step = { ArrowLeft: 0, ArrowRight: 1 }[event.key];
      if (step !== undefined) { event.preventDefault(); go(neighbours(keyNow())[step]); }
      const button = /^[1-9]$/.test(event.key) && document.querySelectorAll(".tabs button")[event.key - 1];
      if (button) button.click();
    } else if (event.key === "/") {
      const field = document.querySelector(".filters input");
      if (field) { event.preventDefault(); field.focus(); field.scrollIntoView({ block: "center" }); }
    }
  });

  // Charts: what the series have where the pointer, or the arrow keys, are.
  const tip = byId("tip");
  document.querySelectorAll("figure.chart").forEach((figure) => {
    const svg = figure.querySelector("svg"), crossing = svg.querySelector(".cross");
    const rows = [...figure.querySelectorAll("tbody tr")], names = [...figure.querySelectorAll(".legend li")];
    if (!rows.length) return;
    const places = rows.map((row) => +row.dataset.x);
    const titles = [...figure.querySelectorAll("thead th")].map((title) => title.textContent);
    let at = -1;
    function point(number) {
      at = Math.max(0, Math.min(rows.length - 1, number));
      const [x, ...values] = [...rows[at].children].map((cell) => cell.textContent);
      const lines = values.map((value, series) => value && element("div", {}, element("span", {}, element("span", { class: names[series].firstElementChild.className }), titles[series + 1]), element("b", {}, value)));
      tip.replaceChildren(element("div", {}, element("span", {}, `${titles[0]} ${x}`)), ...lines.filter(Boolean));
      tip.hidden = false;
      crossing.setAttribute("transform", `translate(${places[at]} 0)`);
      crossing.removeAttribute("hidden");
      const box = svg.getBoundingClientRect();
      const left = box.left + places[at] / svg.viewBox.baseVal.width * box.width;
      const beside = left + 14 + tip.offsetWidth > innerWidth - 8 ? left - 14 - tip.offsetWidth : left + 14;
      tip.style.left = `${Math.max(8, beside)}px`;
      tip.style.top = `${Math.max(8, box.top + 16)}px`;
    }
    function leave() { tip.hidden = true; crossing.setAttribute("hidden", ""); at = -1; }
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
      point(places.reduce((best, place, number) => Math.abs(place - x) < Math.abs(places[best] - x) ? number : best, 0));
    });
    svg.addEventListener("pointerleave", leave);
    svg.addEventListener("blur", leave);
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) { event.preventDefault(); point(at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step); }
      if (event.key === "Escape") leave();
    });
  });

  // Which section one is at.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const at = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) links.get(target.id)?.classList.toggle("here", isIntersecting);
  }, { rootMargin: "-20% 0px -80% 0px" });
  document.querySelectorAll("main > section").forEach((section) => at.observe(section));
  follow();
  root.dataset.ready = "";
})();

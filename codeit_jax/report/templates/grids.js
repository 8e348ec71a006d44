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

  function drawNow(places) {
    for (const place of places) {
      seen.unobserve(place);
      if (!place.childElementCount) fillCard(place);
      for (const canvas of place.querySelectorAll("canvas:not([data-drawn])")) { seen.unobserve(canvas); draw(canvas); }
    }
  }

  // Pictures of the whole page are taken without scrolling: the cards that are shown are drawn when there is time.
  const whenIdle = window.requestIdleCallback || ((call) => setTimeout(() => call({ timeRemaining: () => 0 }), 50));
  let isWaiting = false;
  function drawLater() {
    if (isWaiting) return;
    isWaiting = true;
    whenIdle((deadline) => {
      isWaiting = false;
      const places = [...document.querySelectorAll(".card:not([hidden]) .pictures")].filter((place) => !place.querySelector("canvas[data-drawn]"));
      do drawNow(places.splice(0, 1)); while (places.length && deadline.timeRemaining() > 2);
      if (places.length) drawLater();
    });
  }

  // So are prints, which have all cards that fit, and an open task with them.
  function drawForPrint() {
    drawNow(document.querySelectorAll('.card[data-fits="yes"] .pictures'));
    document.querySelectorAll("#sheet canvas:not([data-drawn])").forEach(draw);
  }
  addEventListener("beforeprint", drawForPrint);
  matchMedia("print").addEventListener("change", (event) => { if (event.matches) drawForPrint(); });

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

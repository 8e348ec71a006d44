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
        const by = each.by ? `, by ${each.by}` : "";
        list.append(element("li", {}, `${each.when}: ${lines} line${lines === 1 ? "" : "s"}, ${each.program.length} characters${by}`,
          each.program === text ? element("span", { class: "facts" }, " (the program above)") : element("details", {}, element("summary", {}, "program"), element("pre", {}, each.program))));
      });
      const measure = "As candidates are ranked: by lines and, of as many lines, by characters.";
      parts.push(element("h3", {}, "How it got shorter"), element("p", { class: "facts" }, measure), list);
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
  follow();

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

  // Galleries: filter, order, and count.
  const firstSolved = (card) => ("first" in card.dataset ? +card.dataset.first : Infinity);
  const ORDERS = {
    task: (a, b) => a.dataset.task.localeCompare(b.dataset.task),
    first: (a, b) => firstSolved(a) - firstSolved(b) || 0, // of two that are not known, too
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
      drawLater();
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
    order(); // a browser may have kept what was chosen and typed
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const links = cards.filter((card) => !card.hidden).map((card) => card.querySelector("a"));
      const next = links[links.indexOf(document.activeElement) + step];
      if (next) { event.preventDefault(); next.focus(); }
    });
  });

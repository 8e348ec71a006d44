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

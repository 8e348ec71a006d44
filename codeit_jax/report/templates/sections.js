  // Which section one is at: the last that begins above a line just below the bar. At the end of the page those
  // that are short never get there, and it is the one that was asked for, or the last.
  const nav = document.querySelector("nav");
  const links = new Map([...nav.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
  const sections = [...document.querySelectorAll("main > section")];
  let isMarking = false;
  function mark() {
    isMarking = false;
    const line = parseFloat(getComputedStyle(root).scrollPaddingTop) + 40;
    const top = (section) => section.getBoundingClientRect().top;
    let here = sections.findLast((section) => top(section) <= line) || sections[0];
    if (scrollY > 0 && scrollY + innerHeight >= root.scrollHeight - 2) {
      const asked = sections.find((section) => section.id === keyNow());
      here = asked && top(asked) > 0 ? asked : sections[sections.length - 1];
    }
    const link = links.get(here.id);
    if (link.hasAttribute("aria-current")) return;
    links.forEach((each) => each.removeAttribute("aria-current"));
    link.setAttribute("aria-current", "location");
    const box = link.getBoundingClientRect(), room = nav.getBoundingClientRect();
    nav.scrollLeft += box.left + box.width / 2 - room.left - room.width / 2;
  }
  function markSoon() {
    if (isMarking) return;
    isMarking = true;
    requestAnimationFrame(mark);
  }
  addEventListener("scroll", markSoon, { passive: true });
  addEventListener("resize", markSoon);
  mark();

// Show the values of a mark on hover, on touch and by keyboard: a chart is one stop of the Tab key, the arrow
// keys move among its marks, and Escape closes. A tooltip is text: it is never read as markup. `root` is a
// document or a part of one; `name` is called for figures that come later, and `stop` ends all of it.
function showTips(root) {
  const page = root.ownerDocument || root;
  const box = page.createElement("div");
  box.className = "tip";
  box.setAttribute("role", "status");
  (root.body || root).append(box);
  const ended = new AbortController();
  const options = { signal: ended.signal };
  let shown = null;

  function hide() {
    if (shown) shown.classList.remove("on");
    shown = null;
    box.classList.remove("open");
    box.replaceChildren();
  }

  function write(text) {
    const lines = text.split("\ue000").filter((line) => !line.endsWith("\ue001"));
    return lines.map((line) => {
      const [name, ...value] = line.split("\ue001");
      const row = page.createElement("p");
      if (value.length) {
        const head = page.createElement("b");
        head.textContent = name + ": ";
        row.append(head);
      }
      row.append(value.length ? value.join("") : name);
      return row;
    });
  }

  function show(mark, at) {
    if (mark !== shown) {
      hide();
      shown = mark;
      mark.classList.add("on");
      box.replaceChildren(...write(mark.dataset.tip));
      box.classList.add("open");
    }
    const place = mark.getBoundingClientRect();
    const x = at ? at.clientX + 14 : Math.min(place.left + 24, place.left + place.width / 2);
    const below = (at ? at.clientY + 14 : place.bottom + 6);
    const above = (at ? at.clientY - 14 : place.top - 6) - box.offsetHeight;
    box.style.left = Math.max(4, Math.min(x, page.documentElement.clientWidth - box.offsetWidth - 4)) + "px";
    box.style.top = Math.max(4, below + box.offsetHeight <= innerHeight || above < 0 ? below : above) + "px";
  }

  const markAt = (event) => event.target instanceof Element && event.target.closest("figure.chart [data-tip]");
  const marksOf = (figure) => [...figure.querySelectorAll("[data-tip]")].filter((m) => m.getClientRects().length);

  for (const type of ["pointermove", "pointerdown"]) {
    root.addEventListener(type, (event) => {
      const mark = markAt(event);
      if (mark) show(mark, event);
      else if (shown && (type === "pointerdown" || !shown.closest("figure").matches(":focus"))) hide();
    }, options);
  }
  if (root !== page) root.addEventListener("pointerleave", hide, options);
  page.addEventListener("scroll", () => shown && show(shown), { passive: true, ...options });
  root.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return hide();
    const figure = event.target instanceof Element && event.target.closest("figure.chart");
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity };
    if (!figure || !(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    const marks = marksOf(figure);
    if (!marks.length) return;
    event.preventDefault();
    const now = marks.indexOf(shown);
    const next = now < 0 && steps[event.key] > 0 && event.key !== "End" ? 0 : now + steps[event.key];
    const mark = marks[Math.max(0, Math.min(next, marks.length - 1))];
    mark.scrollIntoView({ block: "nearest" });
    show(mark);
  }, options);
  root.addEventListener("focusout", hide, options);

  function name() {
    for (const figure of root.querySelectorAll("figure.chart")) {
      const values = marksOf(figure).length;
      if (!values) continue;
      figure.tabIndex = 0;
      figure.setAttribute("aria-label", `Figure with ${values} values. The arrow keys read them one by one.`);
    }
  }
  name();
  return { name, stop: () => ended.abort() };
}

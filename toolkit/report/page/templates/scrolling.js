// Show the tooltips of the page, and let what is wider than the page be scrolled by keyboard too.
(() => {
  showTips(document);
  function reach() {
    for (const part of document.querySelectorAll(".output, .passage")) {
      const wide = part.scrollWidth > part.clientWidth;
      if (wide) part.tabIndex = 0;
      else part.removeAttribute("tabindex");
    }
  }
  reach();
  addEventListener("resize", reach);
})();

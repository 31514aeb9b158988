// Draw each chart over its still picture; the picture stays wherever a chart cannot be drawn.
for (const figure of document.querySelectorAll("figure.chart")) {
  const spec = JSON.parse(figure.querySelector("script.spec").textContent);
  const options = { actions: false, renderer: "svg", ast: true };
  window.drawChart(figure.querySelector(".live"), spec, options).then(
    () => figure.classList.add("drawn"),
    (error) => console.error(figure.id, error),
  );
}

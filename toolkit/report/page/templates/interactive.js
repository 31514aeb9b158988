// Draw each chart over its picture, in the form that fits; the picture stays wherever none can be drawn.
const phone = window.matchMedia("(max-width: 44rem)");
function draw() {
  for (const figure of document.querySelectorAll("figure.chart")) {
    const narrow = phone.matches && figure.querySelector("script.narrow");
    const spec = JSON.parse((narrow || figure.querySelector("script.wide")).textContent);
    const options = { actions: false, renderer: "svg", ast: true };
    window.drawChart(figure.querySelector(".live"), spec, options).then(
      () => figure.classList.add("drawn"),
      (error) => console.error(figure.id, error),
    );
  }
}
draw();
phone.addEventListener("change", draw);

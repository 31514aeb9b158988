(function () {
  var box = document.getElementById("find"), found = document.getElementById("found");
  var entries = Array.prototype.slice.call(document.querySelectorAll("article"));
  var sections = Array.prototype.slice.call(document.querySelectorAll("section.theme"));
  var texts = entries.map(function (entry) { return entry.textContent.toLowerCase(); });
  box.addEventListener("input", function () {
    var words = box.value.toLowerCase().split(/\s+/).filter(Boolean), shown = 0;
    entries.forEach(function (entry, i) {
      var hit = words.every(function (word) { return texts[i].indexOf(word) >= 0; });
      entry.hidden = !hit; if (hit) { shown += 1; }
    });
    sections.forEach(function (section) {
      section.hidden = words.length > 0 && !section.querySelector("article:not([hidden])");
    });
    found.textContent = words.length ? shown + (shown === 1 ? " variable" : " variables") : "";
  });
}());

// The explorer in the browser: menus, tabs, and the code of what is shown. It asks the kernel by setting `choice`,
// and draws each `view` that answers. Texts are texts: only the chart, which the kernel drew, is markup.
const SUMMARY = "Values as a table";
const PATIENCE = 20_000; // milliseconds without an answer, until the kernel is said to be silent

function h(tag, properties, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// A name as menus show it: a spline has the label of its variable.
function labelOf(variables, name) {
  const spline = /^rcs\(\s*`?([^`,()]+?)`?\s*,/.exec(name);
  const own = variables[spline ? spline[1] : name];
  return own ? own.label + (spline ? " (spline)" : "") : name;
}

// An editable combobox with a list (ARIA 1.2): typing searches names, labels and questions.
function createCombobox({ id, label, hint, none, sections, variables, several, choose }) {
  const list = h("div", { id: `${id}-list`, role: "listbox", class: "list", "aria-label": label, tabindex: "-1", hidden: "" });
  if (several) list.setAttribute("aria-multiselectable", "true");
  const chips = h("span", { class: "chips" });
  const count = h("p", { class: "unseen", role: "status" });
  const input = h("input", {
    id, type: "text", role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id,
    "aria-describedby": `${id}-error`, autocomplete: "off", autocapitalize: "off", spellcheck: "false", placeholder: hint,
  });
  const error = h("p", { id: `${id}-error`, class: "error", hidden: "" });
  const box = h("div", { class: "box" }, chips, input, h("span", { class: "arrow", "aria-hidden": "true" }));
  const root = h("div", { class: "field" }, h("label", { for: id }, label), h("div", { class: "combo" }, box, list), error, count);
  let chosen = [];
  let options = [];
  let active = -1;

  const isOpen = () => !list.hidden;
  const shown = () => (several || !chosen.length ? "" : labelOf(variables, chosen[0]));

  function matches(query) {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text) => words.every((word) => text.toLowerCase().includes(word));
    const named = sections.map(([head, names]) => [head, names.filter((name) => has(`${name} ${variables[name].label}`))]);
    if (!words.length) return named;
    const found = new Set(named.flatMap(([, names]) => names));
    const asked = [...new Set(sections.flatMap(([, names]) => names))].filter(
      (name) => !found.has(name) && has(`${name} ${variables[name].label} ${variables[name].question}`),
    );
    return [...named, ["Found in the question", asked]].filter(([, names]) => names.length);
  }

  function createOption(name, at) {
    const own = variables[name];
    const picked = chosen.includes(name);
    const lines = name
      ? [h("span", { class: "label" }, own.label), h("span", { class: "name" }, name), h("span", { class: "kind" }, own.kind)]
      : [h("span", { class: "label none" }, none)];
    if (name && own.question) lines.push(h("span", { class: "question" }, own.question));
    return h("div", {
      id: `${id}-${at}`, role: "option", class: "option", "aria-selected": String(picked || (!name && !chosen.length)),
      onpointerdown: (event) => event.preventDefault(), onclick: () => pick(name),
    }, ...lines);
  }

  function fill(query) {
    options = [];
    const parts = [];
    const add = (name) => {
      const made = createOption(name, options.length);
      options.push({ name, made });
      return made;
    };
    if (none && !query && !several) parts.push(add(""));
    matches(query).forEach(([head, names], at) => {
      if (!head) return parts.push(...names.map(add));
      const title = h("div", { id: `${id}-head-${at}`, class: "head", role: "presentation" }, head);
      parts.push(h("div", { role: "group", "aria-labelledby": title.id }, title, ...names.map(add)));
    });
    if (!options.length) parts.push(h("div", { class: "empty", role: "option", "aria-disabled": "true", "aria-selected": "false" }, "No variable has these words."));
    list.replaceChildren(...parts);
    count.textContent = query ? `${options.length} found` : "";
  }

  function activate(at) {
    options[active]?.made.classList.remove("active");
    active = options.length ? Math.max(0, Math.min(at, options.length - 1)) : -1;
    const own = options[active]?.made;
    if (!own) return input.removeAttribute("aria-activedescendant");
    own.classList.add("active");
    input.setAttribute("aria-activedescendant", own.id);
    own.scrollIntoView({ block: "nearest" });
  }

  function open(query = "") {
    fill(query);
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    list.scrollTop = 0;
    active = -1;
    input.removeAttribute("aria-activedescendant");
    if (query) activate(best(query));
  }

  // The option that a searcher most likely means: one that begins with what was typed.
  function best(query) {
    const typed = query.toLowerCase();
    const begins = ({ name }) => name.startsWith(typed) || labelOf(variables, name).toLowerCase().startsWith(typed);
    return Math.max(0, options.findIndex(begins));
  }

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    input.value = shown();
    count.textContent = "";
  }

  function pick(name) {
    if (several) chosen = chosen.includes(name) ? chosen.filter((own) => own !== name) : [...chosen, name];
    else chosen = name ? [name] : [];
    close();
    drawChips();
    choose(several ? chosen : chosen[0] || "");
  }

  function drawChips() {
    if (!several) return;
    chips.replaceChildren(...chosen.map((name) => h("button", {
      type: "button", class: "chip", "aria-label": `Remove ${labelOf(variables, name)}`, onclick: () => {
        pick(name);
        input.focus();
      },
    }, labelOf(variables, name), h("span", { "aria-hidden": "true" }, " ×"))));
    input.placeholder = chosen.length ? "" : hint || "";
  }

  input.addEventListener("focus", () => {
    input.select();
    input.scrollLeft = 0;
  });
  box.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".chip")) return;
    if (event.target !== input) event.preventDefault();
    input.focus();
    if (isOpen()) close();
    else open();
  });
  input.addEventListener("input", () => open(input.value.trim()));
  input.addEventListener("blur", () => close());
  input.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
    if (event.key === "Enter") {
      if (isOpen() && active >= 0) pick(options[active].name);
      else if (!isOpen()) open();
    } else if (event.key === "Escape") {
      if (!isOpen()) return;
      close();
      input.select();
    } else if (event.key === "Backspace" && several && !input.value && chosen.length) {
      pick(chosen[chosen.length - 1]);
    } else if (event.altKey && event.key === "ArrowUp") {
      close();
    } else if (event.key in moves && (isOpen() || event.key.startsWith("Arrow"))) {
      const opened = isOpen();
      if (!opened) open();
      const now = opened ? active : options.findIndex(({ name }) => chosen.includes(name) && !several);
      if (!opened && now >= 0) activate(now);
      else activate(now < 0 && moves[event.key] < 0 && event.key === "ArrowUp" ? options.length - 1 : now + moves[event.key]);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return {
    root,
    set: (names) => {
      chosen = names;
      drawChips();
      if (!isOpen()) input.value = shown();
      input.title = shown();
    },
    fail: (text) => showError(input, error, text),
  };
}

function showError(input, error, text) {
  error.textContent = text;
  error.hidden = !text;
  if (text) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function createSelect({ id, label, options, choose }) {
  const select = h("select", { id, "aria-describedby": `${id}-error`, onchange: () => choose(select.value) },
    ...options.map(([value, text]) => h("option", { value }, text)));
  const error = h("p", { id: `${id}-error`, class: "error", hidden: "" });
  const box = h("div", { class: "select" }, select, h("span", { class: "arrow", "aria-hidden": "true" }));
  const root = h("div", { class: "field" }, h("label", { for: id }, label), box, error);
  return { root, set: (value) => { select.value = value; }, fail: (text) => showError(select, error, text) };
}

function createCondition({ id, label, hint, choose }) {
  let sent = "";
  const send = () => {
    if (input.value.trim() === sent) return;
    sent = input.value.trim();
    choose(sent);
  };
  const input = h("input", {
    id, type: "text", class: "condition", placeholder: hint, "aria-describedby": `${id}-error`, autocomplete: "off",
    autocapitalize: "off", spellcheck: "false", onchange: send, onkeydown: (event) => event.key === "Enter" && send(),
  });
  const error = h("p", { id: `${id}-error`, class: "error", hidden: "" });
  const root = h("div", { class: "field" }, h("label", { for: id }, label), input, error);
  return {
    root,
    set: (value) => {
      sent = value;
      if (document.activeElement !== input) input.value = value;
    },
    fail: (text) => showError(input, error, text),
  };
}

function createTabs(id, tabs, panel, choose) {
  const buttons = tabs.map(([name, label]) => h("button", {
    id: `${id}-tab-${name}`, type: "button", role: "tab", "aria-controls": panel.id, "aria-selected": "false", tabindex: "-1",
    onclick: () => choose(name),
  }, label));
  const move = (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = buttons.indexOf(document.activeElement);
    const next = Number.isFinite(steps[event.key])
      ? (now + steps[event.key] + buttons.length) % buttons.length
      : event.key === "Home" ? 0 : buttons.length - 1;
    event.preventDefault();
    buttons[next].focus();
    choose(tabs[next][0]);
  };
  const root = h("div", { role: "tablist", class: "tabs", "aria-label": "Results", onkeydown: move }, ...buttons);
  return {
    root,
    set: (name) => tabs.forEach(([own], at) => {
      buttons[at].setAttribute("aria-selected", String(own === name));
      buttons[at].tabIndex = own === name ? 0 : -1;
      if (own === name) panel.setAttribute("aria-labelledby", buttons[at].id);
    }),
  };
}

// The values of a chart as a table: what its tooltips say, a row each.
function createTable(figure) {
  const rows = [...figure.querySelectorAll("[data-tip]")].map((mark) =>
    mark.dataset.tip.split("\ue000").map((line) => line.split("\ue001")));
  if (!rows.length) return null;
  const heads = rows[0].map(([name]) => name).filter((name) => rows.some((row) => !["none", "not given", "–"].includes(cell(row, name))));
  const table = h("table", {},
    h("thead", {}, h("tr", {}, ...heads.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, ...rows.map((row) => h("tr", {}, ...heads.map((name, at) =>
      h(at ? "td" : "th", at ? {} : { scope: "row" }, cell(row, name)))))));
  return h("details", { class: "values" }, h("summary", {}, SUMMARY), h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": SUMMARY }, table));
}

function cell(row, name) {
  const found = row.find(([own]) => own === name);
  return found ? found.slice(1).join("") : "";
}

const PYTHON = /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(#.*$)|\b(import|as|from|print)\b/gm;

function highlight(code) {
  const parts = [];
  let end = 0;
  for (const found of code.matchAll(PYTHON)) {
    parts.push(code.slice(end, found.index));
    parts.push(h("span", { class: found[1] ? "string" : found[2] ? "comment" : "keyword" }, found[0]));
    end = found.index + found[0].length;
  }
  return [...parts, code.slice(end)];
}

async function copyText(text, root) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = h("textarea", { class: "unseen", "aria-hidden": "true" });
    area.value = text;
    root.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    return copied;
  }
}

// Insert a cell after the one that shows this widget, in JupyterLab and Jupyter Notebook, whose widget manager
// knows the notebook. Elsewhere there is no way in, and the caller copies the code.
async function insertCell(model, source) {
  const manager = model.widget_manager;
  const notebook = manager?.context?.model;
  if (!notebook?.sharedModel?.insertCell || !notebook.cells) return false;
  for (let at = 0; at < notebook.cells.length; at += 1) {
    const outputs = notebook.cells.get(at).outputs;
    for (let n = 0; outputs && n < outputs.length; n += 1) {
      const view = outputs.get(n).data["application/vnd.jupyter.widget-view+json"];
      const shown = view && (await manager.get_model(view.model_id).catch(() => null));
      if (shown && shown.get("menus") === model.get("menus")) {
        notebook.sharedModel.insertCell(at + 1, { cell_type: "code", source, metadata: { trusted: true } });
        return true;
      }
    }
  }
  return false;
}

// Follow the theme of the notebook, or of the page where the notebook has none.
function followTheme(root) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const update = () => {
    const { jpThemeLight } = document.body.dataset;
    const dark = jpThemeLight ? jpThemeLight === "false" : /vscode-(dark|high-contrast)/.test(document.body.className) || system.matches;
    root.dataset.theme = dark ? "dark" : "light";
  };
  const watcher = new MutationObserver(update);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  system.addEventListener("change", update);
  update();
  return () => {
    watcher.disconnect();
    system.removeEventListener("change", update);
  };
}

// JupyterLab's shortcuts of cells, such as A, B and the arrow keys, are not for what has the focus in here; those with
// Ctrl or Cmd are. JupyterLab reads the attribute on its way down to the element, so it is set before.
function keepKeys(root) {
  const mark = (event) => root.toggleAttribute("data-lm-suppress-shortcuts", !event.ctrlKey && !event.metaKey);
  window.addEventListener("keydown", mark, true);
  return () => window.removeEventListener("keydown", mark, true);
}

function createCodePanel(id, model, root) {
  const code = h("code", {});
  const said = h("p", { class: "said", role: "status" });
  const copy = async () => {
    const copied = await copyText(code.textContent, root);
    said.textContent = copied ? "Copied." : "The browser does not allow copying. Select the code and press Ctrl+C.";
    return copied;
  };
  const insert = async () => {
    if (await insertCell(model, code.textContent.trimEnd())) said.textContent = "Inserted as a new cell below this one.";
    else if (await copy()) said.textContent = "Copied. Press Esc, then B for a new cell, Enter, and paste it there.";
  };
  const panel = h("section", { class: "code", "aria-labelledby": `${id}-code` },
    h("div", { class: "bar" },
      h("p", { id: `${id}-code`, class: "title" }, "Code for this view"),
      h("button", { type: "button", onclick: copy }, "Copy"),
      h("button", { type: "button", onclick: insert }, "Insert as a cell")),
    h("pre", { tabindex: "0", "aria-label": "Python code" }, code), said);
  return {
    root: panel,
    set: (text) => {
      if (code.textContent !== text) said.textContent = "";
      code.replaceChildren(...highlight(text));
    },
  };
}

function render({ model, el }) {
  const menus = model.get("menus");
  const { variables } = menus;
  const id = `explorer-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`;
  const root = h("section", { class: "cramps-explorer", "aria-label": `Explorer of ${menus.study}` });
  const spoken = h("p", { class: "unseen spoken", role: "status" });
  const alert = h("p", { class: "alert", role: "alert" });
  const panel = h("div", { id: `${id}-panel`, class: "panel", role: "tabpanel", tabindex: "0" });
  let choice = { ...model.get("view").choice };
  let tab = model.get("view").tab;
  let width = model.get("view").width;
  let timers = [];

  function ask(changes = {}) {
    choice = { ...choice, ...changes };
    const request = (model.get("choice").request || 0) + 1;
    model.set("choice", { ...choice, tab, width, request });
    model.save_changes();
    timers.forEach(clearTimeout);
    timers = [
      setTimeout(() => panel.setAttribute("aria-busy", "true"), 250),
      setTimeout(() => { alert.textContent = "The kernel does not answer. It may be busy or stopped. Run the cell again."; }, PATIENCE),
    ];
  }

  const combobox = (field, label, options) => createCombobox({
    id: `${id}-${field}`, label, sections: menus[field], variables, choose: (value) => ask({ [field]: value }), ...options,
  });
  const fields = {
    outcome: combobox("outcome", "Outcome", {}),
    exposure: combobox("exposure", "Exposure", { none: "No exposure", hint: "None" }),
    estimand: createSelect({ id: `${id}-estimand`, label: "Measure", options: menus.estimand, choose: (estimand) => ask({ estimand }) }),
    adjust: createSelect({
      id: `${id}-adjust`, label: "Adjusted for", options: menus.adjust, choose: (adjust) => ask({ adjust, covariates: [] }),
    }),
    domain: createCondition({ id: `${id}-domain`, label: "Domain", hint: "All; or age >= 20", choose: (domain) => ask({ domain }) }),
    by: combobox("by", "In groups of", { several: true, hint: "None" }),
    covariates: combobox("covariates", "Covariates", { several: true, hint: "None" }),
  };
  const tabs = createTabs(id, menus.tabs, panel, (name) => {
    if (name === tab) return;
    tab = name;
    tabs.set(name);
    ask();
  });
  const code = createCodePanel(id, model, root);
  fields.covariates.root.classList.add("all");
  root.append(
    h("p", { class: "study" }, menus.study),
    h("div", { class: "fields", role: "group", "aria-label": "Analysis" }, ...Object.values(fields).map((field) => field.root)),
    alert,
    h("div", { class: "shown" }, h("div", { class: "results" }, tabs.root, panel), code.root),
    spoken,
  );
  el.append(root);
  const tips = showTips(root);

  function drawPanel(view) {
    const open = panel.querySelector("details.values")?.open;
    if (view.problem) return panel.replaceChildren(h("p", { class: "problem" }, view.problem));
    const figure = h("figure", { class: "chart" });
    figure.innerHTML = view.svg;
    const table = createTable(figure);
    if (table && open) table.open = true;
    const notes = h("dl", { class: "notes" }, ...view.notes.flatMap(([head, text]) => [h("dt", {}, head), h("dd", {}, text)]));
    panel.replaceChildren(...[h("p", { class: "finding" }, view.finding), figure, table, notes].filter(Boolean));
    return tips.name();
  }

  function draw() {
    const view = model.get("view");
    const { error } = view;
    if (view.request && view.request !== model.get("choice").request) return; // a later answer is on its way
    timers.forEach(clearTimeout);
    panel.removeAttribute("aria-busy");
    for (const [name, field] of Object.entries(fields)) field.fail(error.field === name ? error.text : "");
    alert.textContent = error.text ? (error.field ? "What is shown below is unchanged." : error.text) : "";
    tab = view.tab;
    tabs.set(tab);
    drawPanel(view);
    code.set(view.code);
    if (view.request) spoken.textContent = error.text || view.problem || view.finding;
    if (error.text) return; // the menus keep what was chosen, to be corrected
    choice = { ...view.choice };
    for (const name of ["estimand", "adjust", "domain"]) fields[name].set(choice[name]);
    for (const name of ["outcome", "exposure"]) fields[name].set(choice[name] ? [choice[name]] : []);
    for (const name of ["by", "covariates"]) fields[name].set(choice[name]);
    fields.covariates.root.hidden = choice.adjust !== "named";
  }

  let settled = 0;
  const resized = new ResizeObserver(() => {
    clearTimeout(settled);
    settled = setTimeout(() => {
      const room = Math.floor(panel.clientWidth);
      if (room < 200 || Math.abs(room - width) < 25 || (room > 1000 && width === 1000)) return;
      width = Math.min(room, 1000);
      ask();
    }, 120);
  });
  const ended = [followTheme(root), keepKeys(root)];
  model.on("change:view", draw);
  draw();
  resized.observe(panel);
  return () => {
    model.off("change:view", draw);
    resized.disconnect();
    timers.forEach(clearTimeout);
    tips.stop();
    ended.forEach((end) => end());
  };
}

export default { render };

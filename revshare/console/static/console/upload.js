// The upload page: drop a file, see its columns and first rows, say what foreign columns are called here, watch it go.
// Without this script the page is a plain form.
(() => {
  const form = document.querySelector("[data-upload]");
  if (!form) return;
  const known = JSON.parse(document.getElementById("known-columns").textContent);
  const [kind, file, zone] = ["kind", "file", "zone"].map((name) => form.querySelector(`[data-${name}]`));
  const [preview, hidden, name, mapping] = ["preview", "columns", "new-name", "mapping"].map((part) =>
    form.querySelector(`[data-${part}]`));
  const language = document.documentElement.lang;
  const HEAD = 64 * 1024;
  const SHOWN_ROWS = 5;

  // Words stand in the page's attributes, in its language; what is to be put in, in braces.
  const told = (words, given) => words.replace(/\{(\w+)\}/g, (_, name) => given[name]);

  function element(tag, text, attributes = {}) {
    const made = document.createElement(tag);
    if (text) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function records(text) {
    const rows = [];
    let row = [], value = "", quoted = false;
    for (let at = 0; at < text.length; at++) {
      const sign = text[at];
      if (quoted) {
        if (sign === '"' && text[at + 1] === '"') { value += '"'; at++; }
        else if (sign === '"') quoted = false;
        else value += sign;
      } else if (sign === '"') quoted = true;
      else if (sign === ",") { row.push(value); value = ""; }
      else if (sign === "\n") {
        row.push(value.replace(/\r$/, ""));
        rows.push(row);
        if (rows.length > SHOWN_ROWS) return rows;
        row = []; value = "";
      } else value += sign;
    }
    if (value || row.length) { row.push(value); rows.push(row); }
    return rows;
  }

  const plain = (text) => text.toLowerCase().replace(/[^a-z0-9]/g, "");

  function guess(theirs, columns) {
    return columns.find((ours) => ours === theirs) || columns.find((ours) => plain(ours) === plain(theirs)) || "";
  }

  function keep() {
    const chosen = {};
    for (const select of preview.querySelectorAll("select")) {
      if (select.value && select.value !== select.dataset.theirs) chosen[select.dataset.theirs] = select.value;
    }
    const any = Object.keys(chosen).length > 0;
    hidden.value = any && !mapping.value ? JSON.stringify(chosen) : "";
    name.closest(".rs-field").hidden = !hidden.value;
    name.required = Boolean(hidden.value);
    const taken = new Set([...preview.querySelectorAll("select")].map((select) => select.value));
    const lacking = known[kind.value].required.filter((column) => !taken.has(column));
    const status = preview.querySelector("[data-lacking]");
    if (status) {
      const { mapped, missing, taken: whole } = preview.dataset;
      status.textContent = mapping.value ? told(mapped, { name: mapping.value })
        : lacking.length ? told(missing, { columns: lacking.join(", ") }) : whole;
    }
  }

  async function show() {
    preview.replaceChildren();
    hidden.value = "";
    const chosen = file.files[0];
    if (!chosen) return;
    const status = zone.querySelector("[data-chosen]");
    status.textContent = told(status.dataset.size, { name: chosen.name, count: chosen.size.toLocaleString(language) });
    const text = (await chosen.slice(0, HEAD).text()).replace(/^\uFEFF/, "");
    if (/^(\u001f|PAR1|\s*\{)/.test(text) || text.includes("\u0000")) {
      preview.append(element("p", preview.dataset.later, { class: "rs-subtle" }));
      keep();
      return;
    }
    const [header = [], ...rows] = records(text);
    const { required, one_of: oneOf, optional } = known[kind.value];
    const columns = [...required, ...oneOf, ...optional];
    const table = element("table", "", { class: "rs-table" });
    table.append(element("caption", preview.dataset.caption, { class: "rs-caption" }));
    const head = table.createTHead().insertRow();
    const choices = table.createTBody();
    const first = choices.insertRow();
    header.forEach((theirs, place) => {
      head.append(element("th", theirs, { scope: "col" }));
      const called = told(preview.dataset.called, { column: theirs });
      const select = element("select", "", { class: "rs-input", "aria-label": called });
      select.dataset.theirs = theirs;
      select.append(element("option", preview.dataset.leftOut, { value: "" }));
      for (const ours of columns) select.append(element("option", ours, { value: ours }));
      select.value = guess(theirs, columns);
      first.insertCell().append(select);
      rows.forEach((row, number) => {
        const line = choices.rows[number + 1] || choices.insertRow();
        line.insertCell().textContent = row[place] ?? "";
      });
    });
    const scroll = element("div", "", { class: "rs-scroll", tabindex: "0", role: "region", "aria-label": preview.dataset.region });
    scroll.append(table);
    preview.append(scroll, element("p", "", { "data-lacking": "", role: "status", class: "rs-subtle" }));
    keep();
  }

  for (const type of ["dragover", "dragenter"]) {
    zone.addEventListener(type, (event) => { event.preventDefault(); zone.classList.add("rs-over"); });
  }
  for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => zone.classList.remove("rs-over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files.length) { file.files = event.dataTransfer.files; show(); }
  });
  file.addEventListener("change", show);
  kind.addEventListener("change", () => {
    for (const option of mapping.options) option.hidden = Boolean(option.dataset.kind) && option.dataset.kind !== kind.value;
    if (mapping.selectedOptions[0]?.hidden) mapping.value = "";
    show();
  });
  mapping.addEventListener("change", keep);
  preview.addEventListener("change", keep);

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const bar = form.querySelector("[data-progress]");
    const button = form.querySelector("button[type=submit]");
    const place = form.querySelector("[data-error]");
    const request = new XMLHttpRequest();
    bar.hidden = false;
    button.disabled = true;
    request.upload.addEventListener("progress", (now) => {
      if (now.lengthComputable) { bar.max = now.total; bar.value = now.loaded; }
    });
    request.addEventListener("load", () => {
      if (request.status < 300) { location.assign(request.responseURL); return; }
      const answer = new DOMParser().parseFromString(request.responseText, "text/html");
      const error = answer.querySelector(".rs-error, [role=alert]");
      button.disabled = false;
      bar.hidden = true;
      place.textContent = error ? error.textContent : told(place.dataset.answered, { status: request.status });
    });
    request.addEventListener("error", () => {
      button.disabled = false;
      bar.hidden = true;
      place.textContent = place.dataset.lost;
    });
    request.open("POST", form.action);
    request.send(new FormData(form));
  });
})();

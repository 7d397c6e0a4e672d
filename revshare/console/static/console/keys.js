// Keyboard shortcuts: letters alone, never while something is typed in, never with a modifier; they can be turned off
// (WCAG 2.1.4). `?` shows them all.
(() => {
  const dialog = document.getElementById("rs-keys");
  if (!dialog) return;
  const STORED = "revshare-keys";
  const off = dialog.querySelector("[data-keys-off]");
  const typing = (target) => target.closest("input, textarea, select, [contenteditable], [role=textbox]") !== null;
  let first = "";

  function isOff() {
    try { return localStorage.getItem(STORED) === "off"; } catch { return false; }
  }

  off.checked = isOff();
  off.addEventListener("change", () => {
    try { localStorage.setItem(STORED, off.checked ? "off" : "on"); } catch { /* only for this page then */ }
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
  for (const opener of document.querySelectorAll("[data-keys-open]")) {
    opener.addEventListener("click", () => dialog.showModal());
  }

  document.addEventListener("keydown", (event) => {
    if (isOff() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (typing(event.target) || dialog.open) return;
    const pressed = first + event.key;
    first = "";
    if (event.key === "?") { event.preventDefault(); dialog.showModal(); return; }
    if (event.key === "/") {
      // The lists of records have a field of their own, which takes this key.
      const field = document.getElementById("searchbar") ? null : document.getElementById("rs-search");
      if (field) { event.preventDefault(); field.focus(); }
      return;
    }
    const link = dialog.querySelector(`[data-key="${CSS.escape(pressed)}"]`);
    if (link) { event.preventDefault(); location.assign(link.href); return; }
    if (event.key === "g") {
      first = "g ";
      setTimeout(() => { first = ""; }, 1500);
    }
  });
})();

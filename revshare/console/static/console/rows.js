// One box ticks all rows of the page.
(() => {
  const all = document.querySelector("[data-rows] [data-all]");
  if (!all) return;
  const boxes = [...document.querySelectorAll('[data-rows] input[name="row"]')];
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
})();

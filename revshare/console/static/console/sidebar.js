// The sidebar is longer than most windows: it opens where the current page stands in it.
(() => {
  const nav = document.querySelector(".rs-nav");
  const here = nav?.querySelector("[aria-current]");
  if (!here) return;
  const below = here.getBoundingClientRect().bottom - nav.getBoundingClientRect().bottom;
  if (below > 0) nav.scrollTop += below + nav.clientHeight / 2;
})();

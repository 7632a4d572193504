"use strict";
// The page without its figures: theme, filter, order, links to rows, copying of commands.
(() => {
  const root = document.documentElement;
  const KEY = "restart-report-theme";

  // A page from file:// may be denied storage; it then follows the system each time.
  const stored = (value) => {
    try {
      if (value === undefined) return localStorage.getItem(KEY);
      localStorage.setItem(KEY, value);
    } catch { /* nothing to remember with */ }
    return null;
  };

  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = (theme) => {
    root.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("themechange"));
  };
  const preferred = () => stored() ?? (system.matches ? "dark" : "light");
  apply(preferred());
  system.addEventListener("change", () => apply(preferred()));
  document.getElementById("theme").addEventListener("click", () => {
    const next = root.dataset.theme === "dark" ? "light" : "dark";
    stored(next);
    apply(next);
  });

  const body = document.querySelector(".verdicts tbody");
  const rows = [...body.rows];
  const sections = new Map([...document.querySelectorAll("details.row")].map((s) => [s.id, s]));
  const chips = [...document.querySelectorAll(".chip")];
  const search = document.getElementById("filter");

  const filter = () => {
    const verdict = chips.find((chip) => chip.getAttribute("aria-pressed") === "true").dataset.verdict;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const fits = (!verdict || row.dataset.verdict === verdict) && words.every((w) => row.dataset.words.includes(w));
      row.hidden = !fits;
      sections.get(row.dataset.row).hidden = !fits;
      shown += fits;
    }
    document.getElementById("shown").value = `${shown} of ${rows.length} rows shown`;
    document.getElementById("nothing").hidden = shown > 0;
  };
  const choose = (chosen) => {
    for (const chip of chips) chip.setAttribute("aria-pressed", String(chip === chosen));
    filter();
  };
  for (const chip of chips) chip.addEventListener("click", () => choose(chip));
  search.addEventListener("input", filter);

  const headers = [...document.querySelectorAll(".verdicts th[data-sort]")];
  for (const header of headers) {
    header.firstElementChild.addEventListener("click", () => {
      const numbers = header.dataset.sort === "number";
      const was = header.getAttribute("aria-sort");
      // Of figures the largest is wanted first, of names and verdicts the first.
      const firstDown = numbers && header.cellIndex > 0;
      const down = was === "none" ? firstDown : was === "ascending";
      for (const other of headers) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[header.cellIndex].dataset.value;
      const compare = numbers ? (a, b) => value(a) - value(b) : (a, b) => value(a).localeCompare(value(b));
      rows.sort((a, b) => (down ? compare(b, a) : compare(a, b)));
      body.append(...rows);
    });
  }

  const follow = () => {
    const section = sections.get(decodeURIComponent(location.hash.slice(1)));
    if (!section) return;
    if (section.hidden) {
      search.value = "";
      choose(chips[0]);
    }
    section.open = true;
    section.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  // A second click on the same link changes no hash, yet must open the row again.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) follow();
  });
  addEventListener("DOMContentLoaded", follow);

  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const code = button.previousElementSibling;
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }
})();

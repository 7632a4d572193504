"use strict";
// The page without its figures: filter, order, links to rows, copying of commands.
(() => {
  const body = document.querySelector(".verdicts tbody");
  const rows = [...body.rows];
  const sections = new Map([...document.querySelectorAll("details.row")].map((s) => [s.id, s]));
  const chips = [...document.querySelectorAll(".chip")];
  const search = document.getElementById("filter");

  const topic = document.getElementById("topic");
  const path = document.getElementById("path");

  const filter = () => {
    const verdict = chips.find((chip) => chip.getAttribute("aria-pressed") === "true").dataset.verdict;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = { verdict, topic: topic?.value, path: path?.value };
    let shown = 0;
    for (const row of rows) {
      const fits = Object.entries(chosen).every(([key, value]) => !value || row.dataset[key] === value)
        && words.every((word) => row.dataset.words.includes(word));
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
  const showAll = () => {
    search.value = "";
    for (const list of [topic, path]) if (list) list.value = "";
    choose(chips[0]);
  };
  for (const chip of chips) chip.addEventListener("click", () => choose(chip));
  search.addEventListener("input", filter);
  for (const list of [topic, path]) list?.addEventListener("change", filter);
  for (const button of document.querySelectorAll("button[data-topic]")) {
    button.addEventListener("click", () => {
      if (topic) topic.value = button.dataset.topic;
      filter();
      document.getElementById("rows").scrollIntoView();
    });
  }
  const more = document.getElementById("more");
  more?.addEventListener("click", () => {
    const all = more.closest(".urgent").classList.toggle("all");
    more.setAttribute("aria-expanded", String(all));
    more.textContent = all ? "Show fewer" : more.dataset.all;
  });
  if (more) more.dataset.all = more.textContent;

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

  // `#name` and `#row=name` both lead to a row.
  const target = () => {
    const wanted = decodeURIComponent(location.hash.slice(1));
    const name = wanted.startsWith("row=") ? wanted.slice(4) : null;
    return sections.get(name ?? wanted) ?? [...sections.values()].find((section) => section.dataset.name === name);
  };
  const follow = () => {
    const section = target();
    if (!section) return;
    if (section.hidden) showAll();
    section.open = true;
    section.scrollIntoView();
    section.querySelector("summary").focus({ preventScroll: true });
  };

  const link = (row) => row.querySelector("th a");
  const step = (by) => {
    const shown = rows.filter((row) => !row.hidden);
    const at = shown.findIndex((row) => row.contains(document.activeElement) || row.dataset.row === document.activeElement.closest?.("details.row")?.id);
    const next = shown[at < 0 ? (by > 0 ? 0 : shown.length - 1) : Math.min(Math.max(at + by, 0), shown.length - 1)];
    if (!next) return;
    link(next).focus();
    next.scrollIntoView({ block: "nearest" });
  };
  const back = () => {
    const section = document.activeElement.closest?.("details.row");
    if (section) {
      const row = rows.find((one) => one.dataset.row === section.id);
      link(row).focus();
      row.scrollIntoView({ block: "center" });
    } else {
      showAll();
      document.activeElement.blur();
    }
  };
  addEventListener("keydown", (event) => {
    const types = event.target.matches("input, select, textarea");
    if (event.ctrlKey || event.metaKey || event.altKey || (types && event.key !== "Escape")) return;
    const does = {
      "/": () => { search.focus(); search.select(); }, j: () => step(1), k: () => step(-1), Escape: back,
    };
    if (!(event.key in does)) {
      const inTable = event.target.closest(".verdicts tbody");
      if (!inTable || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
      step(event.key === "ArrowDown" ? 1 : -1);
    } else does[event.key]();
    event.preventDefault();
  });
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

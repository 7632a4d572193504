"use strict";
// Draws each figure when it comes into view, and lets pointer and keyboard move its one time axis.
(() => {
  const CONFIG = { displayModeBar: false, doubleClick: false, scrollZoom: false, showTips: false };
  const still = matchMedia("(pointer: coarse)").matches;
  const LEAST_S = 0.005;
  // What an upright A4 or Letter page holds at 96 pixels an inch.
  const PRINTED_PX = 690;

  // What the page holds compressed, as text.
  const unpack = async (element) => {
    const bytes = Uint8Array.from(atob(element.textContent.trim()), (char) => char.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };

  let library;
  // The library is stored once, compressed. The page's policy knows its hash, so that only it can be run.
  const load = () => {
    library ??= (async () => {
      const script = document.createElement("script");
      script.textContent = await unpack(document.getElementById("library"));
      document.head.append(script);
      return window.Plotly;
    })();
    return library;
  };

  const clamp = (range, data) => {
    const least = data.start_s - 1;
    const most = data.end_s + 1;
    const length = Math.min(Math.max(range[1] - range[0], LEAST_S), most - least);
    const from = Math.min(Math.max(range[0], least), most - length);
    return [from, from + length];
  };

  class Figure {
    constructor(element) {
      this.element = element;
      this.box = element.querySelector(".plot");
      this.data = null;
      this.range = null;
      this.drawn = false;
      this.width = 0;
      element.querySelector(".zoom").addEventListener("click", (event) => {
        const button = event.target.closest("[data-zoom]");
        if (button) this.zoom(button.dataset.zoom);
      });
      this.box.addEventListener("keydown", (event) => this.key(event));
    }

    // The figure's data, unpacked when it is first wanted: a page of the whole matrix opens at once.
    async load() {
      if (this.data) return this.data;
      const data = JSON.parse(await unpack(this.element.querySelector("script")));
      this.range ??= [...data.view];
      this.data = data;
      return data;
    }

    async draw(width = this.box.clientWidth) {
      if (!width) return;
      this.width = width;
      this.box.setAttribute("aria-busy", "true");
      let plotly;
      try {
        await this.load();
        if (!this.drawn) this.box.style.minHeight = `${Timeline.heightOf(this.data, width)}px`;
        plotly = await load();
      } catch (error) {
        this.fail(error);
        return;
      }
      const { traces, layout } = Timeline.spec(this.data, this.range, width, still);
      await plotly.react(this.box, traces, layout, CONFIG);
      this.box.style.minHeight = `${layout.height}px`;
      this.box.setAttribute("aria-busy", "false");
      if (!this.drawn) {
        this.drawn = true;
        this.box.on("plotly_relayout", (change) => this.moved(change));
        this.box.on("plotly_doubleclick", () => this.zoom("view"));
        this.legend();
      }
    }

    moved(change) {
      const range = change["xaxis.range"] ?? [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      if (range[0] !== undefined) this.show(range);
    }

    show(range) {
      this.range = clamp(range.map(Number), this.data);
      if (this.drawn) this.draw(this.width);
    }

    zoom(how) {
      if (!this.data) return;
      const { start_s: start, end_s: end, view, focus } = this.data;
      const middle = (this.range[0] + this.range[1]) / 2;
      const half = (this.range[1] - this.range[0]) / 2;
      const pad = 0.02 * (end - start);
      const ranges = {
        view, focus, whole: [start - pad, end + pad],
        in: [middle - half / 2, middle + half / 2], out: [middle - half * 2, middle + half * 2],
      };
      if (how === "save") this.save();
      else this.show(ranges[how]);
    }

    key(event) {
      if (!this.data) return;
      const step = (this.range[1] - this.range[0]) / 8;
      const moves = { ArrowLeft: -step, ArrowRight: step };
      const zooms = { "+": "in", "=": "in", "-": "out", 0: "whole" };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key in moves) this.show(this.range.map((t) => t + moves[event.key]));
      else if (event.key in zooms) this.zoom(zooms[event.key]);
      else return;
      event.preventDefault();
    }

    async save() {
      const plotly = await load();
      await this.load();
      const { traces, layout } = Timeline.spec(this.data, this.range, 1200, true);
      layout.paper_bgcolor = getComputedStyle(document.documentElement).getPropertyValue("--card").trim();
      const filename = this.element.closest("details").id;
      plotly.downloadImage({ data: traces, layout }, { format: "png", scale: 2, width: 1200, height: layout.height, filename });
    }

    fail(error) {
      this.box.replaceChildren();
      const note = document.createElement("p");
      note.className = "note";
      note.textContent = typeof DecompressionStream === "undefined"
        ? "This browser cannot unpack the drawing library; a browser of 2023 or later can. The story below has the same facts."
        : `The timeline could not be drawn (${error.message}). The story below has the same facts.`;
      this.box.append(note);
      this.box.setAttribute("aria-busy", "false");
      this.box.style.minHeight = "0";
    }

    legend() {
      const used = new Map();
      const add = (name, mark) => used.set(name, mark);
      const shots = this.data.lanes.filter((lane) => lane.kind === "shots");
      const sum = (count) => shots.reduce((total, lane) => total + count(lane), 0);
      const [drawn, all] = [sum((lane) => lane.good.at_s.length), sum((lane) => lane.good_total)];
      const answered = drawn < all ? `answered, ${drawn} of ${all} drawn` : "answered";
      for (const lane of this.data.lanes) {
        if (lane.kind === "shots") {
          add(answered, '<circle cx="7" cy="7" r="3" fill="var(--good)"/>');
          if (lane.latency) {
            add("median latency", '<path d="M0 7h14" stroke="var(--ink)" stroke-width="1.6"/>');
            add(`p99 of each ${lane.latency.window_s < 1 ? `${Math.round(lane.latency.window_s * 1000)} ms` : `${lane.latency.window_s.toFixed(1)} s`}`, '<path d="M0 7h14" stroke="var(--ink)" stroke-width="1.3" stroke-dasharray="3 2"/>');
          }
          if (lane.bad.at_s.length) add("failed, all drawn", '<path d="M3 3l8 8M11 3l-8 8" stroke="var(--bad)" stroke-width="2"/>');
          if (lane.unknown.at_s.length) add("unknown", '<path d="M7 2l5 5-5 5-5-5z" fill="none" stroke="var(--unknown)" stroke-width="1.5"/>');
        } else if (lane.kind === "rows") {
          for (const bar of lane.rows.flatMap((row) => row.bars)) {
            const state = Timeline.STATES[bar.state];
            if (state.name) add(state.name, this.swatch(state));
          }
        }
      }
      if (this.data.gaps.length) add("outage: certain, and within its bounds", '<rect y="5.5" width="14" height="3" fill="var(--outage)" opacity=".55"/><rect x="3" y="2" width="8" height="10" fill="var(--outage)"/>');
      const legend = this.element.querySelector(".legend");
      for (const [name, mark] of used) {
        const item = document.createElement("span");
        item.innerHTML = `<svg width="14" height="14" viewBox="0 0 14 14" aria-hidden="true">${mark}</svg>`;
        item.append(name);
        legend.append(item);
      }
      legend.hidden = used.size === 0;
    }

    swatch(state) {
      const colour = `var(--${state.fill})`;
      if (state.outline) return '<rect x="1" y="3" width="12" height="8" fill="var(--plot)" stroke="var(--skip)"/>';
      const stripes = state.shape ? `<path d="M2 11l5-8M7 11l5-8" stroke="var(--${state.faint ? state.fill : "card"})" stroke-width="1.4"/>` : "";
      const frame = state.faint ? `fill="var(--plot)" stroke="${colour}"` : `fill="${colour}"`;
      return `<rect x=".5" y="3" width="13" height="8" ${frame}/>${stripes}`;
    }
  }

  const figures = new Map([...document.querySelectorAll("figure")].map((element) => [element, new Figure(element)]));

  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      const figure = figures.get(target);
      if (isIntersecting && !figure.drawn) figure.draw();
    }
  }, { rootMargin: "400px" });
  let printing = false;
  const sized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const figure = figures.get(target);
      const width = figure.box.clientWidth;
      if (!printing && figure.drawn && width && width !== figure.width) figure.draw(width);
    }
  });
  for (const element of figures.keys()) {
    near.observe(element);
    sized.observe(element);
  }
  document.addEventListener("themechange", () => {
    for (const figure of figures.values()) if (figure.drawn) figure.draw(figure.width);
  });

  addEventListener("beforeprint", () => {
    printing = true;
    for (const row of document.querySelectorAll("details.row")) row.open = true;
    for (const figure of figures.values()) figure.draw(PRINTED_PX);
  });
  addEventListener("afterprint", () => {
    printing = false;
    for (const figure of figures.values()) figure.draw();
  });

  for (const story of document.querySelectorAll(".story")) {
    story.addEventListener("toggle", async () => {
      const body = story.querySelector("tbody");
      if (body.rows.length) return;
      const data = await figures.get(story.closest(".row").querySelector("figure")).load();
      if (body.rows.length) return;
      for (const told of data[story.dataset.lines]) {
        const row = body.insertRow();
        if (told.source === "harness") row.className = "now";
        for (const text of [told.at_s.toFixed(3), told.source, told.what]) row.insertCell().textContent = text;
        row.cells[0].className = "num right";
      }
    });
  }
})();

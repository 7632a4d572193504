"use strict";
// From a figure's data to what plotly draws. Pure: nothing here touches the page but for reading its colours.
const Timeline = (() => {
  const STATES = {
    pending: { fill: "pending", name: "pending", ink: "ink" },
    running: { fill: "running", name: "running, not ready", ink: "ink" },
    ready: { fill: "ready", name: "ready", ink: "on" },
    terminating: { fill: "terminating", name: "terminating", shape: "/", ink: "ink" },
    exited: { fill: "exited", name: "no container runs", outline: true, ink: "muted" },
    "endpoint-ready": { fill: "ready", name: "ready", ink: "on" },
    "endpoint-draining": { fill: "terminating", name: "serving, terminating", shape: "/", ink: "ink" },
    "endpoint-unready": { fill: "exited", name: "not ready", outline: true, ink: "muted" },
    stream: { fill: "ready", name: "stream that lasted", ink: "on" },
    "stream-told": { fill: "terminating", shape: "/", name: "stream that was told to go", ink: "ink" },
    "stream-cut": { fill: "gap", name: "stream that was cut", ink: "on" },
    holder0: { fill: "holder0", ink: "on" },
    holder1: { fill: "holder1", ink: "on" },
    holder2: { fill: "holder2", ink: "on" },
    holder3: { fill: "holder3", ink: "on" },
    nobody: { fill: "exited", outline: true, ink: "muted" },
    phase0: { fill: "terminating", ink: "ink", faint: true },
    phase1: { fill: "exited", outline: true, ink: "muted" },
    gap: { fill: "gap", name: "without a leader", shape: "x", ink: "ink", faint: true },
    overlap: { fill: "overlap", name: "two leaders", shape: "\\", ink: "ink", faint: true },
  };
  const MARKS = {
    signal: ["triangle-down", "ink", "top left"],
    exit: ["square", "ink", "top right"],
    killed: ["x", "bad", "top right"],
    restart: ["circle", "ready", "top right"],
    begin: ["triangle-down", "accent", "middle right"],
    done: ["circle", "accent", "middle right"],
    refused: ["x", "unknown", "middle right"],
    failed: ["x", "bad", "middle right"],
    heal: ["diamond", "accent", "middle right"],
  };
  const MOST_MARKS = 4000;
  const MOST_GAP_LABELS = 3;
  const CHAR_PX = 6.6;

  // Plotly reads tags and entities in every text; foreign text must stay text.
  const esc = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const time = (s) => `${s < 0 ? "−" : "+"}${Math.abs(s).toFixed(3)} s`;
  const length = (s) => (s < 1 ? `${(s * 1000).toFixed(0)} ms` : `${s.toFixed(3)} s`);
  const wrap = (text, width = 70) => {
    const lines = [""];
    for (const word of String(text).split(" ")) {
      const last = lines[lines.length - 1];
      if (last && last.length + word.length >= width) lines.push(word);
      else lines[lines.length - 1] = last ? `${last} ${word}` : word;
    }
    return lines.map(esc).join("<br>");
  };
  const hover = (head, ...lines) => [`<b>${wrap(head)}</b>`, ...lines.filter(Boolean).map((l) => wrap(l))].join("<br>");

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    return new Proxy({}, { get: (_, name) => style.getPropertyValue(`--${name}`).trim() });
  };

  // Greedy: a label that would cover the one before it on its line is left to the hover.
  const fitted = (items, range, width) => {
    const px = width / (range[1] - range[0]);
    let free = -Infinity;
    return items.map(({ at_s, text, shape }) => {
      const long = text.length * CHAR_PX + 8;
      const start = at_s * px - (MARKS[shape][2].endsWith("left") ? long : 0);
      if (start < free || at_s < range[0] || at_s > range[1]) return "";
      free = start + long;
      return esc(text);
    });
  };

  const actLevels = (acts, range, width) => {
    const px = width / (range[1] - range[0]);
    const free = [];
    return acts.map(({ at_s, text }) => {
      const start = at_s * px;
      let level = free.findIndex((end) => end <= start);
      if (level < 0) level = free.length < 4 ? free.push(0) - 1 : free.indexOf(Math.min(...free));
      free[level] = start + text.length * CHAR_PX + 22;
      return level;
    });
  };

  const lanes = (data, width, narrow) => {
    const found = [];
    let levels = [];
    if (data.acts.length) {
      levels = actLevels(data.acts, data.view, width);
      found.push({ kind: "acts", height: 17 * (Math.max(...levels) + 1) + 4, space: 0 });
    }
    if (data.gaps.length) found.push({ kind: "gaps", height: 22, space: 4 });
    for (const lane of data.lanes) {
      const marked = lane.kind === "rows" && lane.rows.some((row) => row.marks.length);
      const height = { shots: narrow ? 150 : 190, line: 54, rows: (lane.rows?.length ?? 0) * (marked ? 33 : 23) + 6 };
      found.push({ kind: lane.kind, lane, marked, height: height[lane.kind], space: 28 });
    }
    let top = 0;
    for (const lane of found) {
      top += lane.space;
      lane.top = top;
      top += lane.height;
    }
    return { found, levels, height: top };
  };

  const visible = (points, range, size) => {
    const keep = [];
    for (let i = 0; i < points.at_s.length; i += 1) {
      if (points.at_s[i] >= range[0] && points.at_s[i] <= range[1]) keep.push(i);
    }
    if (keep.length <= MOST_MARKS) return keep;
    // So many that marks cover each other: of those on one spot one is drawn, and a closer zoom shows the others.
    const spots = new Map();
    for (const i of keep) {
      const x = Math.floor(((points.at_s[i] - range[0]) / (range[1] - range[0])) * size[0] / 1.5);
      spots.set(`${x},${Math.round(Math.log10(Math.max(points.ms[i], 0.001)) * size[1] / 12)}`, i);
    }
    return [...spots.values()];
  };

  const shotTraces = (lane, axis, range, size, c) => {
    const words = lane.words;
    const looks = {
      good: { symbol: "circle", size: 4, color: c.good, opacity: 0.55 },
      unknown: { symbol: "diamond-open", size: 8, color: c.unknown, line: { width: 1.5, color: c.unknown } },
      bad: { symbol: "x-thin", size: 7, color: c.bad, line: { width: 1.7, color: c.bad } },
    };
    const clouds = Object.entries(looks).map(([name, marker]) => {
      const points = lane[name];
      const chosen = visible(points, range, size);
      const what = { good: "answered", unknown: "unknown", bad: "failed" }[name];
      return {
        type: "scatter", mode: "markers", name, yaxis: axis, marker, hoverinfo: "text", cliponaxis: true,
        x: chosen.map((i) => points.at_s[i]),
        y: chosen.map((i) => Math.max(points.ms[i], 0.01)),
        hovertext: chosen.map((i) => hover(
          `${what}: ${words[points.what[i]]}`,
          `due at ${time(points.at_s[i])}, over after ${points.ms[i]} ms`,
          words[points.pod[i]] && `by ${words[points.pod[i]]}`,
        )),
      };
    });
    return [...clouds, ...(lane.latency ? quantileTraces(lane.latency, axis, c) : [])];
  };

  // Percentiles of all answered requests in windows of time; where none was answered the line has a hole.
  const quantileTraces = (latency, axis, c) => {
    const { at_s: at, window_s: window } = latency;
    const holes = at.map((t, i) => i > 0 && t - at[i - 1] > 1.5 * window);
    const broken = (values) => values.flatMap((value, i) => (holes[i] ? [null, value] : [value]));
    const said = at.map((t, i) => hover(
      `p50 ${latency.p50[i]} ms, p99 ${latency.p99[i]} ms, max ${latency.max[i]} ms`,
      `${latency.count[i]} answered between ${time(t - window / 2)} and ${time(t + window / 2)}`,
    ));
    return [["p50", 1.6, "solid"], ["p99", 1.3, "3px,2px"]].map(([name, width, dash]) => ({
      type: "scatter", mode: "lines", name, yaxis: axis, x: broken(at), y: broken(latency[name].map((ms) => Math.max(ms, 0.01))),
      hoverinfo: "text", hovertext: broken(said), line: { color: c.ink, width, dash }, opacity: 0.75,
    }));
  };

  const shotAxis = (lane) => {
    let low = Infinity;
    let high = 1;
    for (const points of [lane.good, lane.bad, lane.unknown]) {
      for (const ms of points.ms) {
        if (ms < low) low = ms;
        if (ms > high) high = ms;
      }
    }
    const from = Math.max(Math.log10(Math.min(low, 1)), -2) - 0.15;
    const values = [0.01, 0.1, 1, 10, 100, 1000, 10000, 100000];
    const names = ["0.01 ms", "0.1 ms", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s"];
    return { type: "log", range: [from, Math.log10(high) + 0.2], tickvals: values, ticktext: names, showgrid: true };
  };

  const rowTraces = (entry, axis, range, width, c) => {
    const { lane, marked } = entry;
    const bars = lane.rows.flatMap((row, y) => row.bars.map((bar) => ({ ...bar, row, y })));
    const px = width / (range[1] - range[0]);
    const fits = (bar) => bar.text.length * CHAR_PX + 12 <= (Math.min(bar.end_s, range[1]) - Math.max(bar.start_s, range[0])) * px;
    const traces = [...new Set(bars.map((bar) => bar.state))].map((state) => {
      const look = STATES[state];
      const hollow = look.faint || look.outline;
      const own = bars.filter((bar) => bar.state === state);
      return {
        type: "bar", orientation: "h", yaxis: axis, hoverinfo: "text", name: state,
        width: marked ? 0.42 : 0.68, offset: marked ? -0.08 : -0.34,
        base: own.map((bar) => bar.start_s),
        // A single beat of work has no length of its own; it must be seen all the same.
        x: own.map((bar) => Math.max(bar.end_s - bar.start_s, 1.5 / px)),
        y: own.map((bar) => bar.y),
        marker: {
          color: hollow ? c.plot : c[look.fill],
          line: { width: hollow ? 1 : 0, color: look.faint ? c[look.fill] : c.skip },
          pattern: {
            shape: look.shape ?? "", size: 6, solidity: 0.3, fillmode: "overlay",
            fgcolor: look.faint ? c[look.fill] : c.card, fgopacity: look.faint ? 0.3 : 0.45,
          },
        },
        hovertext: own.map((bar) => hover(
          bar.row.label,
          `${bar.text || look.name}: ${time(bar.start_s)} to ${time(bar.end_s)} (${length(bar.end_s - bar.start_s)})`,
          bar.detail, bar.row.about,
        )),
      };
    });
    const labelled = bars.filter((bar) => bar.text && bar.end_s > range[0] && bar.start_s < range[1] && fits(bar));
    traces.push({
      type: "scatter", mode: "text", yaxis: axis, hoverinfo: "skip", name: "labels", textposition: "middle right",
      x: labelled.map((bar) => Math.max(bar.start_s, range[0]) + (bar.row.marks.some((m) => Math.abs(m.at_s - bar.start_s) * px < 7) ? 7 / px : 0)),
      y: labelled.map((bar) => bar.y + (marked ? 0.13 : 0)),
      text: labelled.map((bar) => `\u2009${esc(bar.text)}`),
      textfont: { size: 11, color: labelled.map((bar) => c[STATES[bar.state].ink]) },
    });
    if (!marked) return traces;
    const marks = lane.rows.flatMap((row, y) => {
      const texts = fitted(row.marks, range, width);
      return row.marks.map((mark, i) => ({ ...mark, row, y, shown: texts[i] }));
    });
    const at = { x: marks.map((m) => m.at_s), yaxis: axis, type: "scatter" };
    traces.push(
      { ...at, mode: "text", y: marks.map((m) => m.y - 0.14), text: marks.map((m) => m.shown && `\u2002${m.shown}\u2002`), name: "mark labels",
        textposition: marks.map((m) => MARKS[m.shape][2]), textfont: { size: 10.5, color: c.ink }, hoverinfo: "skip" },
      { ...at, mode: "markers", y: marks.map((m) => m.y + 0.13), name: "marks", hoverinfo: "text",
        marker: { size: 10, symbol: marks.map((m) => MARKS[m.shape][0]), color: marks.map((m) => c[MARKS[m.shape][1]]), line: { width: 1.5, color: c.card } },
        hovertext: marks.map((m) => hover(`${m.text} at ${time(m.at_s)}`, m.detail, m.row.label)) },
    );
    return traces;
  };

  const gapTraces = (gaps, axis, range, width, c) => {
    const px = width / (range[1] - range[0]);
    const longest = [...gaps].sort((a, b) => (b.to_s - b.from_s) - (a.to_s - a.from_s)).slice(0, MOST_GAP_LABELS);
    const labels = longest.filter((gap) => gap.from_s < range[1] && gap.to_s > range[0]).map((gap) => {
      const [from, to] = [Math.max(gap.from_s, range[0]), Math.min(gap.to_s, range[1])];
      const needs = (gap.text.length * CHAR_PX + 16) / px;
      if (to - from > needs) return { x: from, side: "middle right", ink: c.on, text: gap.text };
      // Where there is room on neither side, as on a phone, the bounds are left to the hover.
      if (to + needs >= range[1] && from - needs <= range[0]) return { x: to, side: "middle right", ink: c.ink, text: gap.text.split(" [")[0] };
      return { x: to + needs < range[1] ? to : from, side: to + needs < range[1] ? "middle right" : "middle left", ink: c.ink, text: gap.text };
    });
    const said = gaps.map((gap) => hover(`outage ${gap.text}`, gap.detail,
      `began between ${time(gap.from_s)} and ${time(gap.sure_from_s)}`, `ended between ${time(gap.sure_to_s)} and ${time(gap.to_s)}`));
    const bar = (name, from, to, thick, opacity) => ({
      type: "bar", orientation: "h", yaxis: axis, name, hoverinfo: "text", hovertext: said, width: thick, offset: -thick / 2,
      base: gaps.map((gap) => gap[from]), x: gaps.map((gap) => Math.max(gap[to] - gap[from], 1 / px)), y: gaps.map(() => 0),
      marker: { color: c.outage, opacity, line: { width: 0 } },
    });
    return [
      bar("outages, possible", "from_s", "to_s", 0.3, 0.55),
      bar("outages, certain", "sure_from_s", "sure_to_s", 0.72, 1),
      { type: "scatter", mode: "text", yaxis: axis, name: "outage labels", hoverinfo: "skip", cliponaxis: false,
        x: labels.map((label) => label.x), y: labels.map(() => 0), text: labels.map((label) => ` ${esc(label.text)} `),
        textposition: labels.map((label) => label.side), textfont: { size: 12, color: labels.map((label) => label.ink) } },
    ];
  };

  const actTrace = (acts, levels, axis, c) => ({
    type: "scatter", mode: "markers+text", yaxis: axis, name: "acts", hoverinfo: "text", cliponaxis: false,
    x: acts.map((act) => act.at_s), y: levels, text: acts.map((act) => ` ${esc(act.text)}`), textposition: "middle right",
    textfont: { size: 12, color: c.ink },
    marker: { size: 9, symbol: acts.map((act) => MARKS[act.shape][0]), color: acts.map((act) => c[MARKS[act.shape][1]]) },
    hovertext: acts.map((act) => hover(`${act.text} at ${time(act.at_s)}`, act.detail)),
  });

  const lineTrace = (lane, axis, c) => ({
    type: "scatter", mode: "lines", yaxis: axis, name: "noise", x: lane.at_s, y: lane.values, hoverinfo: "text",
    line: { color: c.muted, width: 1.3 }, fill: "tozeroy", fillcolor: c.line,
    hovertext: lane.values.map((v, i) => hover(`${v} %`, `at ${time(lane.at_s[i])}`)),
  });

  const shapes = (data, c) => [
    ...data.gaps.slice(0, 200).flatMap((gap) => [[gap.from_s, gap.to_s, 0.06], [gap.sure_from_s, gap.sure_to_s, 0.1]].map(
      ([x0, x1, opacity]) => ({ type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, fillcolor: c.outage, opacity, line: { width: 0 }, layer: "below" }))),
    ...data.acts.map((act) => ({
      type: "line", xref: "x", yref: "paper", x0: act.at_s, x1: act.at_s, y0: 0, y1: 1, layer: "above", opacity: act.shape === "begin" ? 0.85 : 0.45,
      line: { color: c[MARKS[act.shape][1]], width: act.shape === "begin" ? 1.3 : 1, dash: act.shape === "begin" ? "solid" : "dot" },
    })),
  ];

  const short = (label, most) => (label.length <= most ? label : `…${label.slice(-(most - 1))}`);

  // `range` is the stretch of time to show; `width` the figure's width in CSS pixels.
  const spec = (data, range, width, still) => {
    const narrow = width < 640;
    const left = narrow ? 62 : 186;
    const inner = width - left - 14;
    const c = colours();
    const { found, levels, height } = lanes(data, inner, narrow);
    const layout = {
      width, height: height + 46, margin: { l: left, r: 14, t: 6, b: 40 }, showlegend: false, hovermode: "closest", bargap: 0,
      barmode: "overlay", paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: c.plot, dragmode: still ? false : "zoom", hoverdistance: 12,
      font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: c.muted },
      hoverlabel: { bgcolor: c.card, bordercolor: c.muted, font: { color: c.ink, size: 12.5 }, align: "left", namelength: 0 },
      shapes: shapes(data, c), annotations: [],
      xaxis: {
        range: [...range], anchor: `y${found.length > 1 ? found.length : ""}`, ticksuffix: " s", gridcolor: c.grid, zeroline: false,
        tickfont: { size: 12 }, nticks: narrow ? 5 : 14, showspikes: true, spikemode: "across", spikesnap: "cursor", spikethickness: 1,
        spikedash: "solid", spikecolor: c.muted, title: { text: `seconds from the first ${data.acts.length ? "act" : "record"}`, font: { size: 12 }, standoff: 6 },
      },
    };
    const traces = [];
    const build = {
      acts: (axis) => [actTrace(data.acts, levels, axis, c)],
      gaps: (axis) => gapTraces(data.gaps, axis, range, inner, c),
      shots: (axis, entry) => shotTraces(entry.lane, axis, range, [inner, entry.height], c),
      rows: (axis, entry) => rowTraces(entry, axis, range, inner, c),
      line: (axis, entry) => [lineTrace(entry.lane, axis, c)],
    };
    const axes = {
      acts: () => ({ range: [Math.max(...levels) + 0.6, -0.6], tickvals: [0], ticktext: ["Acts"] }),
      gaps: () => ({ range: [0.5, -0.5], tickvals: [0], ticktext: [narrow ? "Outage" : data.gaps.length > 1 ? `${data.gaps.length} outages` : "Outage"] }),
      shots: (entry) => shotAxis(entry.lane),
      rows: (entry) => ({
        range: [entry.lane.rows.length - 0.45, -0.55], tickvals: entry.lane.rows.map((_, i) => i + (entry.marked ? 0.13 : 0)),
        ticktext: entry.lane.rows.map((row) => esc(short(row.label, narrow ? 7 : 24))), showgrid: false,
      }),
      line: () => ({ rangemode: "tozero", nticks: 3 }),
    };
    found.forEach((entry, i) => {
      const n = i ? i + 1 : "";
      traces.push(...build[entry.kind](`y${n}`, entry));
      const bottom = 1 - (entry.top + entry.height) / height;
      layout[`yaxis${n}`] = {
        domain: [Math.max(bottom, 0), 1 - entry.top / height], anchor: "x", fixedrange: true, zeroline: false, showgrid: false,
        gridcolor: c.grid, ticks: "outside", ticklen: 5, tickcolor: "rgba(0,0,0,0)", tickfont: { size: 12, color: c.muted }, ...axes[entry.kind](entry),
      };
      if (entry.lane) layout.annotations.push(title(entry, height, left, narrow, c));
    });
    return { traces, layout };
  };

  const title = (entry, height, left, narrow, c) => ({
    xref: "paper", yref: "paper", x: 0, y: 1 - entry.top / height, xanchor: "left", yanchor: "bottom", showarrow: false,
    xshift: -left + 2, align: "left", borderpad: 3, bgcolor: c.card, font: { size: 12, color: c.ink },
    text: `<b>${esc(short(entry.lane.title, 44))}</b>${narrow || !entry.lane.about ? "" : `  ${esc(entry.lane.about.slice(0, 120))}`}`,
  });

  const heightOf = (data, width) => lanes(data, width - (width < 640 ? 76 : 200), width < 640).height + 46;

  return { spec, heightOf, STATES };
})();

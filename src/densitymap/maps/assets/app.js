/* The page: choices, legend, cards, search, and the state kept in its address. Text is only ever set
   as textContent; nothing leaves the page. */
(function (dm) {
  "use strict";
  const { $, el } = dm;

  dm.start = async function (map) {
    const M = JSON.parse($("dm-manifest").textContent);
    const say = (key, values) => fill(M.words[key] ?? key, values ?? {});
    let sets;
    try {
      sets = dm.unpack(M.sets, await dm.loosen($("dm-data").textContent));
    } catch (fault) {
      $("msg").textContent = say("page.failed");
      throw fault;
    }
    $("dm-data").remove();
    const app = { map, M, sets, say, bits: M.sets[0].bits, state: {}, hidden: new Uint8Array(sets.lots.n) };
    dm.app = app;
    app.number = (n, digits) => new Intl.NumberFormat(M.locale, { minimumFractionDigits: digits ?? 0, maximumFractionDigits: digits ?? 0 }).format(n);
    app.spoken = (value, form) => spoken(app, value, form);
    app.themes = Object.fromEntries(M.themes.map((theme) => [theme.id, theme]));
    app.rasters = Object.fromEntries(M.rasters.map((r) => [r.id, r]));
    for (const r of M.rasters) { r.image = new Image(); r.image.src = r.picture; await r.image.decode(); }
    app.classes = classesOf(app);
    if (M.pair) for (const [name, column] of Object.entries(dm.difference(app, ...M.pair))) if (column) sets.lots.columns[name] = column;
    app.symbols = M.policies.slice(1).filter((p) => sets.lots.columns.block_group_geoid_2020 && sets.lots.columns["units_added__" + p.name]);
    app.names = dm.placer(app.bits);
    app.state = { areas: "none", lots: "none", over: new Set(M.overlays.filter((o) => o.shown).map((o) => o.set)) };
    const usual = M.policies[1]?.name;
    for (const on of ["areas", "lots"]) {
      const own = M.themes.filter((t) => t.on === on), start = M.start[on], based = own.filter((t) => t.base === start);
      const first = own.find((t) => t.id === start) ?? based.find((t) => t.policy === usual) ?? based[0] ?? own[0];
      if (first) app.state[on] = first.id;
    }
    app.english = new Set(M.english);
    app.tongue = (text) => (M.language === "en" || app.english.has(text) ? "en" : M.language);
    readHash(app);
    document.documentElement.style.setProperty("--top", `${$("app").offsetTop}px`);
    map.invalidateSize({ animate: false });
    app.layer = new dm.Layer([], { bits: app.bits });
    document.querySelectorAll("details.table").forEach((table) => { table.open = false; });
    app.redraw = () => { app.names.set(namesOf(app)); app.layer.repaint(sceneOf(app)); app.afterScene?.(); };
    app.names.set(namesOf(app));
    app.layer.scene = sceneOf(app);
    if (app.state.at) map.setView(app.state.at, app.state.z ?? 15, { animate: false });
    else map.fitBounds(M.bounds, { animate: false, padding: [6, 6] });
    app.layer.addTo(map);
    controls(app);
    dm.search(app);
    (dm.extras ?? []).forEach((extra) => extra(app));
    legend(app);
    map.on("click", (e) => app.place(e.latlng, false));
    map.on("moveend", () => writeHash(app));
    map.getContainer().addEventListener("keydown", (e) => {
      if (e.key === "Enter" && e.target === map.getContainer()) { e.preventDefault(); app.place(map.getCenter(), true); }
    });
    restorePick(app);
    onPaper(map);
    writeHash(app);
    $("msg").textContent = "";
    const ready = () => requestAnimationFrame(() => requestAnimationFrame(() => { dm.ready = performance.now(); }));
    if (app.layer.isLoading()) app.layer.once("load", ready);
    else ready();
  };

  /* On paper the map has another shape: show there what the screen shows. */
  function onPaper(map) {
    const print = matchMedia("print");
    let shown = null;
    print.addEventListener("change", () => {
      if (print.matches) shown = map.getBounds();
      map.invalidateSize({ animate: false, pan: false });
      if (shown) map.fitBounds(shown, { animate: false });
    });
  }

  function fill(phrase, values) {
    return phrase.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
  }

  function spoken(app, value, form) {
    if (value == null || Number.isNaN(value)) return app.say("card.not_known");
    if (value === Infinity) return app.say("card.no_limit");
    if (form === "text") return String(value);
    if (form === "word") return app.M.words["words." + value] ?? String(value);
    if (form === "year") return String(value);
    if (form === "columns") return String(value).split("; ").map((name) => app.M.words["columns." + name] ?? name).join("; ");
    const digits = form === "acres" || form === "tenths" ? 1 : 0, change = /^change_/.test(form ?? "");
    const sign = change && value > 0 ? "+" : "";
    const n = sign + app.number(change || form === "share" || form === "score" ? value * 100 : value, digits);
    return app.say("format." + (app.M.words["format." + form] ? form : "plain"), { n });
  }
  dm.unknown = (v) => v == null || Number.isNaN(v);

  /* Place of every feature in a theme's classes, worked out once per theme; the last is "no data". */
  function classesOf(app) {
    const kept = new Map();
    app.forget = (theme) => kept.delete(theme.id);
    return function (theme) {
      if (kept.has(theme.id)) return kept.get(theme.id);
      const set = app.sets[theme.set], c = set.columns[theme.column], last = theme.classes.length - 1;
      const out = new Uint8Array(set.n).fill(last);
      if (theme.kind === "category") {
        const at = c.words.map((word) => { const k = theme.classes.findIndex((x) => x.value === word); return k < 0 ? last : k; });
        for (let i = 0; i < set.n; i++) if (c.codes[i]) out[i] = at[c.codes[i] - 1];
      } else {
        const lows = theme.classes.slice(0, last).map((x) => (x.from === null ? Infinity : x.from === "least" ? -Infinity : x.from));
        for (let i = 0; i < set.n; i++) {
          if (Number.isNaN(c.values[i])) continue;
          for (let k = 0; k < last; k++) if (c.values[i] >= lows[k]) out[i] = k;
        }
      }
      kept.set(theme.id, out);
      return out;
    };
  }

  const fillsOf = (theme) => theme.classes.map((c) => (c.hatch ? dm.hatch(c.hatch, c.colour) : c.colour));
  const noParcels = (dm.noParcels = (app, i) => dm.value(app.sets.neighborhoods, "has_parcels", i)?.toLowerCase() === "false");

  /* Which features of a theme are too uncertain to lean on: 1, else 0; null where no margin is known. */
  function doubts(app, theme) {
    const rule = theme?.doubt, set = theme && app.sets[theme.set];
    if (!rule) return null;
    let known = false;
    const out = Uint8Array.from({ length: set.n }, (_, i) => {
      const v = Math.abs(dm.value(set, rule.column, i) / (rule.of ? dm.value(set, rule.of, i) : 1));
      if (set.columns[rule.column] && !Number.isNaN(v)) known = true;
      else return 0;
      return v > (rule.above ?? Infinity) || v < (rule.below ?? -Infinity) ? 1 : 0;
    });
    return known ? out : null;
  }

  function sceneOf(app) {
    const { sets, M, state } = app, marks = M.marks, scene = [], areas = app.themes[state.areas], lots = app.themes[state.lots];
    const shown = M.overlays.filter((o) => state.over.has(o.set));
    const polygon = (o) => {
      scene.push({ paint: "fill", set: sets[o.set], classes: new Uint8Array(sets[o.set].n), fills: [o.fill], zoom: o.zoom, stroke: o.dash ? null : o.stroke, width: o.width, strokeZoom: 14 });
      if (o.dash) scene.push({ paint: "outline", set: sets[o.set], stroke: o.stroke, width: o.width, dash: o.dash, zoom: o.zoom });
    };
    if (areas) scene.push({ paint: "fill", set: sets[areas.set], classes: app.classes(areas), fills: fillsOf(areas), alpha: state.lots === "none" ? marks.areas_alpha : marks.areas_alpha_under_lots, stroke: "rgba(60,60,60,.5)", width: 0.7, strokeZoom: 13 });
    const unsure = doubts(app, areas);
    if (unsure?.includes(1)) scene.push({ paint: "fill", set: sets[areas.set], classes: unsure.map((flag) => (flag ? 0 : 255)), fills: [dm.hatch(marks.doubt_hatch)] });
    const raster = app.rasters[state.areas];
    if (raster) scene.push({ paint: "image", image: raster.image, box: raster.box, alpha: 0.9 });
    shown.filter((o) => o.kind === "polygon" && o.under).forEach(polygon);
    if (lots) {
      const classes = app.classes(lots).slice();
      for (let i = 0; i < classes.length; i++) if (app.hidden[i]) classes[i] = 255;
      scene.push({ paint: "fill", set: sets.lots, classes, fills: fillsOf(lots), stroke: marks.lot_stroke, width: 0.7, strokeZoom: marks.lot_stroke_zoom });
    }
    if (state.lots !== "none") {
      const flags = Uint8Array.from({ length: sets.neighborhoods.n }, (_, i) => (noParcels(app, i) ? 0 : 255));
      scene.push({ paint: "fill", set: sets.neighborhoods, classes: flags, fills: [dm.hatch(marks.no_parcels_hatch)] });
    }
    shown.filter((o) => o.kind === "polygon" && !o.under).forEach(polygon);
    if (areas && areas.set !== "zones") scene.push({ paint: "outline", set: sets[areas.set], stroke: "#ffffff", width: 1.2 });
    shown.filter((o) => o.kind === "line").forEach((o) => scene.push({ paint: "outline", set: sets[o.set], stroke: o.stroke, width: o.width, dash: o.dash, casing: o.casing, zoom: o.zoom }));
    scene.push({ paint: "outside", set: sets.area, fill: marks.outside });
    scene.push({ paint: "outline", set: sets.neighborhoods, ...marks.neighborhood });
    scene.push({ paint: "outline", set: sets.area, ...marks.area });
    scene.push(...dm.symbolJobs(app));
    shown.filter((o) => o.kind === "point").forEach((o) => scene.push({ paint: "point", set: sets[o.set], fill: o.fill, shape: o.shape, size: o.size, zoom: o.zoom }));
    scene.push({ paint: "labels", places: app.names });
    if (M.synthetic) scene.push({ paint: "mark", text: app.say("page.synthetic_mark") });
    return scene;
  }

  dm.sceneOf = sceneOf;

  function namesOf(app) {
    const { sets, M, state } = app, list = [], face = "system-ui, 'Noto Sans', sans-serif";
    const style = (size, weight) => ({ size, font: `${weight} ${size}px ${face}`, small: `500 ${size - 2}px ${face}` });
    const hoods = sets.neighborhoods;
    const order = Array.from({ length: hoods.n }, (_, i) => i).sort((a, b) => (dm.value(hoods, "acres_in_area", b) || 0) - (dm.value(hoods, "acres_in_area", a) || 0));
    for (const i of order) {
      const x = dm.value(hoods, "label_x", i), name = dm.value(hoods, "neighborhood", i), acres = dm.value(hoods, "acres_in_area", i);
      if (Number.isNaN(x) || !name) continue;
      const lines = noParcels(app, i) && state.lots !== "none" ? [name, app.say("legend.no_parcels")] : [name];
      list.push({ x, y: dm.value(hoods, "label_y", i), lines, ...style(13, 650), colour: "#111", zoom: acres > 250 ? 12.5 : acres > 60 ? 13 : 15 });
    }
    for (const o of M.overlays.filter((o) => o.label && state.over.has(o.set))) {
      const set = sets[o.set];
      for (let i = 0; i < set.n; i++) {
        const name = dm.value(set, "name", i) ?? (o.kind === "point" ? null : o.set === "streets" ? null : o.title);
        if (!name || !(set.rings[i + 1] > set.rings[i])) continue;
        const first = set.vertices[set.rings[i]], end = set.vertices[set.rings[i] + 1], v = (first + end) >> 1;
        const point = o.kind === "point";
        list.push({ x: set.X[v], y: set.Y[v] - (point ? 0 : 0), lines: point ? ["", name] : [name], ...style(12, point ? 600 : 500), small: `600 11px ${face}`, colour: o.stroke && o.kind === "line" && o.set !== "streets" ? o.stroke : "#333", zoom: o.set === "streets" ? M.marks.street_label_zoom : 14, once: o.kind === "line" });
      }
    }
    const zones = app.themes[state.areas]?.set === "zones" ? sets.zones : null;
    for (let i = 0; zones && i < zones.n; i++) {
      const x = dm.value(zones, "label_x", i);
      if (!Number.isNaN(x)) list.push({ x, y: dm.value(zones, "label_y", i), lines: [dm.value(zones, "zone_district", i) ?? "?"], ...style(11, 600), colour: "#4a2f00", zoom: M.marks.zone_label_zoom - 1, fit: zones.box[4 * i + 2] - zones.box[4 * i] });
    }
    return list;
  }

  function swatch(parent, c, alpha) {
    const s = el("span", null, parent, "sw");
    s.style.background = c.hatch ? `repeating-linear-gradient(135deg, ${c.hatch} 0 1.5px, ${c.colour ?? "#fff"} 1.5px 5px)` : c.colour;
    if (alpha && !c.hatch) s.style.background = `color-mix(in srgb, ${c.colour} ${100 * alpha}%, white)`;
    s.setAttribute("aria-hidden", "true");
  }

  const counted = (app, set, n, sum) => app.say((n === 1 ? "legend.one_" : "legend.count_") + set, { count: app.number(n), sum: app.number(sum ?? 0) });

  dm.legend = (app) => legend(app);
  function legend(app) {
    const box = $("legend-body");
    box.textContent = "";
    dm.symbolLegend(app, box);
    for (const id of [app.state.lots, app.state.areas]) {
      const theme = app.themes[id];
      if (!theme) continue;
      const set = app.sets[theme.set], classes = app.classes(theme), counts = theme.classes.map(() => 0), sums = theme.classes.map(() => 0);
      for (let i = 0; i < set.n; i++) {
        if (theme.set === "lots" && app.hidden[i]) continue;
        counts[classes[i]]++;
        if (theme.sum) sums[classes[i]] += dm.value(set, theme.sum, i) || 0;
      }
      el("h3", theme.title, box);
      const list = el("ul", null, box);
      theme.classes.forEach((c, k) => {
        if (!counts[k] && (theme.needs || c.hatch || theme.kind === "category" && theme.set === "zones")) return;
        const item = el("li", null, list);
        item.dataset.count = counts[k];
        item.dataset.value = c.value ?? c.from ?? "";
        swatch(item, c, theme.on === "areas" && app.state.lots !== "none" ? app.M.marks.areas_alpha_under_lots : 0);
        el("span", c.label, item);
        el("span", counted(app, theme.set, counts[k], sums[k]), item, "n");
      });
      const unsure = doubts(app, theme);
      if (unsure?.includes(1)) {
        const item = el("li", null, list);
        swatch(item, { hatch: "#222", colour: "#cfc6da" });
        el("span", app.say("legend.doubt"), item);
        el("span", counted(app, theme.set, unsure.reduce((x, y) => x + y, 0)), item, "n");
      }
      if (theme.needs) el("p", theme.needs, box, "note").lang = app.tongue(theme.needs);
      else if (theme.doubt && !unsure) el("p", app.say("legend.no_margins"), box, "total");
      if (theme.note && !theme.needs) el("p", theme.note, box, "total");
      const total = (a) => a.reduce((x, y) => x + y, 0);
      el("p", app.say("legend.total_" + theme.set, { count: app.number(total(counts)), sum: app.number(total(sums), 0) }), box, "total");
    }
    const raster = app.rasters[app.state.areas];
    if (raster) {
      el("h3", raster.title, box);
      const list = el("ul", null, box);
      for (const c of raster.classes) {
        const item = el("li", null, list);
        swatch(item, c);
        el("span", c.label, item);
        el("span", app.say("legend.count_cells", { count: app.number(c.count) }), item, "n");
      }
      el("p", raster.note, box, "total");
      if (raster.missing) el("p", app.say("legend.total_raster", { count: app.number(raster.missing) }), box, "total");
    }
    if (app.state.lots !== "none") {
      const off = app.hidden.reduce((x, y) => x + y, 0);
      if (off) el("p", app.say("legend.filtered", { hidden: app.number(off) }), box, "total");
      emptyPlaces(app, box);
    }
    for (const o of app.M.overlays.filter((o) => o.note && app.state.over.has(o.set))) el("p", o.note, box, "note");
    for (const note of app.M.notes) el("p", note, box, "note");
  }

  /* Neighborhoods no parcel layer reaches, hatched on the map and named here. */
  function emptyPlaces(app, box) {
    const bare = Array.from({ length: app.sets.neighborhoods.n }, (_, i) => i).filter((i) => noParcels(app, i));
    if (!bare.length) return;
    const row = el("li", null, el("ul", null, box));
    swatch(row, { hatch: "#5a5a5a", colour: "rgba(255,255,255,.6)" });
    const text = el("span", app.say("legend.no_parcels"), row);
    el("br", null, text);
    el("small", app.say("legend.no_parcels_count", { count: bare.length, names: bare.map((i) => dm.value(app.sets.neighborhoods, "neighborhood", i)).join(", ") }), text);
  }

  /* Themes of one family share a choice; which of them is shown is chosen beside it. */
  const headOf = (M, theme) => M.themes.find((t) => t.on === theme.on && t.family === theme.family);
  function variants(app, theme) {
    const pick = $("choose-variant"), own = theme?.family ? app.M.themes.filter((t) => t.on === theme.on && t.family === theme.family) : [];
    $("variant-field").hidden = own.length < 2;
    pick.textContent = "";
    own.forEach((t) => { el("option", t.variant, pick).value = t.id; });
    if (own.length) pick.value = theme.id;
  }

  function controls(app) {
    app.pick = {};
    const { M, state, say } = app;
    for (const on of ["areas", "lots"]) {
      const pick = $("choose-" + on), groups = {};
      for (const theme of M.themes.filter((t) => t.on === on)) {
        if (theme.family && headOf(M, theme) !== theme) continue;
        groups[theme.group] ??= pick.appendChild(Object.assign(document.createElement("optgroup"), { label: say("theme_groups." + theme.group) }));
        el("option", theme.family_title ?? theme.title, groups[theme.group]).value = theme.id;
      }
      if (on === "lots" && app.symbols.length) {
        const group = pick.appendChild(Object.assign(document.createElement("optgroup"), { label: say("symbols.group") }));
        app.symbols.forEach((p) => { el("option", say("symbols.title", { policy: p.title }), group).value = "symbols:" + p.name; });
      }
      if (on === "areas" && M.rasters.length) {
        const group = pick.appendChild(Object.assign(document.createElement("optgroup"), { label: say("theme_groups.rasters") }));
        M.rasters.forEach((r) => { el("option", r.title, group).value = r.id; });
      }
      el("option", say("choose.none"), pick).value = "none";
      app.pick[on] = (id) => {
        state[on] = id;
        const theme = app.themes[id];
        pick.value = theme?.family ? headOf(M, theme).id : id;
        if (on === "areas") variants(app, theme);
      };
      app.pick[on](state[on]);
      pick.closest(".field").hidden = pick.options.length < 2;
      pick.addEventListener("change", () => { app.pick[on](pick.value); app.redraw(); legend(app); writeHash(app); });
    }
    $("choose-variant").addEventListener("change", () => { app.pick.areas($("choose-variant").value); app.redraw(); legend(app); writeHash(app); });
    for (const o of M.overlays) {
      const label = el("label", null, $("overlays")), box = el("input", null, label);
      box.type = "checkbox"; box.id = "over-" + o.set; box.checked = state.over.has(o.set);
      const mark = el("span", null, label, "mark");
      if (o.kind === "line") mark.style.borderTop = `${Math.max(2, o.width)}px ${o.dash ? "dashed" : "solid"} ${o.set === "streets" ? "#999" : o.stroke}`;
      else { mark.style.background = o.fill; mark.style.border = `2px ${o.dash ? "dashed" : "solid"} ${o.stroke ?? "#fff"}`; if (o.shape) mark.style.width = mark.style.height = "1rem"; if (o.shape === "diamond") mark.style.transform = "rotate(45deg)"; }
      const text = el("span", o.title, label);
      if (o.note) el("small", o.note, text);
      box.addEventListener("change", () => { box.checked ? state.over.add(o.set) : state.over.delete(o.set); app.redraw(); legend(app); writeHash(app); });
    }
    const go = $("go"), hoods = app.sets.neighborhoods;
    const names = Array.from({ length: hoods.n }, (_, i) => [dm.value(hoods, "neighborhood", i), i]).filter((x) => x[0]).sort((a, b) => (a[0] < b[0] ? -1 : 1));
    names.forEach(([name, i]) => { el("option", name, go).value = i; });
    M.overlays.filter((o) => o.set.endsWith("_corridor")).forEach((o) => { el("option", o.title, go).value = "set:" + o.set; });
    go.addEventListener("change", () => {
      if (go.value === "") { app.map.fitBounds(M.bounds); return; }
      if (go.value.startsWith("set:")) { const name = go.value.slice(4), set = app.sets[name]; state.over.add(name); document.getElementById("over-" + name).checked = true; app.redraw(); legend(app); app.map.fitBounds(boundsOf(app, set, null)); return; }
      app.map.fitBounds(boundsOf(app, hoods, +go.value));
      app.show({ neighborhoods: +go.value }, true);
    });
    $("reset").addEventListener("click", () => { history.replaceState(null, "", location.pathname + location.search); location.reload(); });
  }

  dm.toLatLng = (app, x, y) => { const k = 2 ** app.bits; return L.latLng((Math.atan(Math.sinh((0.5 - y / k) * 2 * Math.PI)) * 180) / Math.PI, (x / k) * 360 - 180); };
  dm.toSteps = (app, ll) => { const k = 2 ** app.bits; return [((ll.lng + 180) / 360) * k, (0.5 - Math.asinh(Math.tan((ll.lat * Math.PI) / 180)) / (2 * Math.PI)) * k]; };
  function boundsOf(app, set, i) {
    const b = set.box, all = i === null ? Array.from({ length: set.n }, (_, k) => k) : [i];
    const low = (o) => Math.min(...all.map((k) => b[4 * k + o]).filter((v) => v === v)), high = (o) => Math.max(...all.map((k) => b[4 * k + o]).filter((v) => v === v));
    return L.latLngBounds(dm.toLatLng(app, low(0), low(1)), dm.toLatLng(app, high(2), high(3)));
  }
  dm.boundsOf = boundsOf;

  function readHash(app) {
    const given = new URLSearchParams(location.hash.slice(1)), { state, M } = app;
    for (const on of ["areas", "lots"]) { const id = given.get(on); if (id === "none" || app.themes[id]?.on === on || (on === "areas" && Object.hasOwn(app.rasters, id ?? "")) || (on === "lots" && app.symbols.some((p) => "symbols:" + p.name === id))) state[on] = id; }
    if (given.has("show")) state.over = new Set(given.get("show").split(".").filter((name) => M.overlays.some((o) => o.set === name)));
    const at = (given.get("ll") ?? "").split(",").map(Number);
    if (at.length === 2 && at.every(Number.isFinite)) { state.at = at; state.z = Math.max(8, Math.min(20, Number(given.get("z")) || 14)); }
    state.lot = given.get("lot");
    const spot = (given.get("spot") ?? "").split(",").map(Number);
    if (spot.length === 2 && spot.every(Number.isFinite)) state.spot = L.latLng(spot);
    app.given = given;
  }
  function restorePick(app) {
    const { lots } = app.sets, id = app.state.lot;
    if (id) { const i = lots.columns.parcel_id.values.indexOf(id); if (i >= 0) app.lot(i, false); }
    else if (app.state.spot) app.place(app.state.spot, false);
  }
  function writeHash(app) {
    const { state, map, M } = app, c = map.getCenter(), out = new URLSearchParams();
    out.set("v", M.version); out.set("areas", state.areas); out.set("lots", state.lots);
    out.set("show", M.overlays.map((o) => o.set).filter((name) => state.over.has(name)).join("."));
    out.set("ll", `${c.lat.toFixed(5)},${c.lng.toFixed(5)}`); out.set("z", map.getZoom());
    if (state.lot) out.set("lot", state.lot);
    else if (state.spot) out.set("spot", `${state.spot.lat.toFixed(5)},${state.spot.lng.toFixed(5)}`);
    (app.hashParts ?? []).forEach((part) => part(out));
    history.replaceState(null, "", "#" + out.toString());
  }
  dm.writeHash = writeHash;
})(densitymap);

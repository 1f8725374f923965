/* Working with what is shown: filter with live totals, comparison, before and after, table, CSV. */
(function (dm) {
  "use strict";
  const { $, el } = dm;
  const known = (v) => v != null && !Number.isNaN(v);
  const value = (app, name, i) => dm.value(app.sets.lots, name, i);
  const VERDICTS = ["TRUE", "MAYBE", "FALSE", "NO DATA"];

  /* Totals of a policy over the lots that pass: counts by verdict, homes allowed where known, unknown. */
  dm.totals = function (app, policy) {
    const out = { lots: 0, homes: 0, unlimited: 0, unknown: 0, verdicts: Object.fromEntries(VERDICTS.map((v) => [v, 0])) };
    for (let i = 0; i < app.sets.lots.n; i++) {
      if (app.hidden[i]) continue;
      const units = value(app, "units_allowed__" + policy, i);
      out.lots++;
      out.verdicts[value(app, "verdict__" + policy, i) ?? "NO DATA"]++;
      if (!known(units)) out.unknown++;
      else if (units === Infinity) out.unlimited++;
      else out.homes += units;
    }
    return out;
  };

  function words(app, name) {
    const c = app.sets.lots.columns[name];
    return c?.kind === "category" ? c.words.filter(Boolean).slice().sort() : [];
  }

  function filters(app) {
    const { say } = app, lots = app.sets.lots;
    if (!lots.n) { $("filters").hidden = true; return; }
    const inputs = { hood: $("f-hood"), zone: $("f-zone"), min: $("f-min"), answer: $("f-answer"), policy: $("f-policy") };
    words(app, "neighborhood").forEach((w) => { el("option", w, inputs.hood).value = w; });
    words(app, "zone_district").forEach((w) => { el("option", w, inputs.zone).value = w; });
    VERDICTS.forEach((v) => { el("option", say("verdict." + v), inputs.answer).value = v; });
    app.M.policies.slice(1).forEach((p) => { el("option", p.title, inputs.policy).value = p.name; });
    if (app.M.policies.length < 2) app.M.policies.forEach((p) => { el("option", p.title, inputs.policy).value = p.name; });
    for (const [name, input] of Object.entries(inputs)) {
      const given = app.given.get("f." + name);
      if (given == null) continue;
      input.value = given;
      if (input.value !== given) input.value = name === "policy" ? input.options[0]?.value : "";
    }
    const apply = function () {
      const low = Number(inputs.min.value) || 0, { hood, zone, answer, policy } = Object.fromEntries(Object.entries(inputs).map(([k, v]) => [k, v.value]));
      const area = lots.columns.lot_area_ft2.values;
      for (let i = 0; i < lots.n; i++) {
        const pass = (!hood || value(app, "neighborhood", i) === hood) && (!zone || value(app, "zone_district", i) === zone)
          && (!low || area[i] >= low) && (!answer || (value(app, "verdict__" + policy, i) ?? "NO DATA") === answer);
        app.hidden[i] = pass ? 0 : 1;
      }
      totals(app);
      app.redraw(); dm.legend(app); dm.writeHash(app); tableInView(app); summary(app);
    };
    Object.values(inputs).forEach((input) => input.addEventListener("input", apply));
    $("f-clear").addEventListener("click", () => { inputs.hood.value = inputs.zone.value = inputs.min.value = inputs.answer.value = ""; apply(); });
    app.hashParts.push((out) => { for (const [name, input] of Object.entries(inputs)) if (input.value && (name !== "policy" || inputs.answer.value)) out.set("f." + name, input.value); });
    const active = ["hood", "zone", "min", "answer"].some((name) => inputs[name].value);
    if (active) { $("filters").open = true; apply(); }
    else totals(app);
  }

  function totals(app) {
    const box = $("f-totals"), { say } = app;
    box.textContent = "";
    const first = dm.totals(app, app.M.policies[0].name);
    el("p", say("filter.match", { count: app.number(first.lots), total: app.number(app.sets.lots.n) }), box);
    for (const policy of app.M.policies) {
      const t = dm.totals(app, policy.name);
      const text = say("filter.policy", { policy: policy.title, homes: app.number(t.homes), yes: app.number(t.verdicts.TRUE), maybe: app.number(t.verdicts.MAYBE), no: app.number(t.verdicts.FALSE), none: app.number(t.verdicts["NO DATA"]) });
      const line = el("p", text, box);
      line.dataset.policy = policy.name; line.dataset.homes = t.homes;
      if (t.unlimited) line.textContent += " " + say("filter.unlimited", { count: app.number(t.unlimited) });
      if (t.unknown) line.textContent += " " + say("filter.unknown", { count: app.number(t.unknown) });
    }
  }

  const MOST = 4;
  function compare(app) {
    const { say } = app, ids = app.sets.lots.columns.parcel_id?.values ?? [];
    app.tray = (app.given.get("cmp") ?? "").split("~").map((id) => ids.indexOf(id)).filter((i) => i >= 0).slice(0, MOST);
    app.hashParts.push((out) => { if (app.tray.length) out.set("cmp", app.tray.map((i) => ids[i]).join("~")); });
    $("card").addEventListener("shown", () => {
      if (app.picked == null) return;
      const i = app.picked, add = el("button", say("compare.add"), null);
      add.type = "button";
      add.disabled = app.tray.includes(i) || app.tray.length >= MOST;
      add.addEventListener("click", () => {
        app.tray.push(i); add.disabled = true; draw(); dm.writeHash(app);
        $("msg").textContent = say("compare.added", { count: app.tray.length, most: MOST });
      });
      $("card-body").prepend(add);
    });
    const draw = function () {
      const box = $("tray");
      box.textContent = "";
      $("compare").hidden = !app.tray.length;
      if (!app.tray.length) return;
      const table = el("table", null, box), head = el("tr", null, el("thead", null, table)), body = el("tbody", null, table);
      el("caption", say("compare.title"), table);
      el("td", "", head);
      app.tray.forEach((i) => {
        const cell = el("th", value(app, "site_address", i) || value(app, "parcel_id", i), head);
        cell.scope = "col";
        const drop = el("button", say("compare.remove"), el("div", null, cell));
        drop.type = "button";
        drop.setAttribute("aria-label", say("compare.remove_named", { name: value(app, "site_address", i) || value(app, "parcel_id", i) }));
        drop.addEventListener("click", () => { app.tray = app.tray.filter((k) => k !== i); draw(); dm.writeHash(app); $("card-title").focus(); });
      });
      const row = (title, text) => {
        const tr = el("tr", null, body);
        el("th", title, tr).scope = "row";
        app.tray.forEach((i) => el("td", text(i), tr));
      };
      for (const field of app.M.cards.lots ?? []) row(field.title, (i) => app.spoken(value(app, field.column, i), field.format));
      for (const p of app.M.policies) row(p.title, (i) => say("compare.answer", { answer: say("verdict." + (value(app, "verdict__" + p.name, i) ?? "NO DATA")), homes: app.spoken(value(app, "units_allowed__" + p.name, i), "plain"), why: value(app, "reason__" + p.name, i) ?? "" }));
    };
    draw();
  }

  function cell(v) {
    if (!known(v)) return "";
    let text = v === Infinity ? "inf" : String(v);
    if (typeof v === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  }

  const inView = function (app) {
    const lots = app.sets.lots, b = app.map.getBounds(), [x0, y0] = dm.toSteps(app, b.getNorthWest()), [x1, y1] = dm.toSteps(app, b.getSouthEast());
    return lots.within(x0, y0, x1, y1).filter((i) => !app.hidden[i]).sort((a, c) => a - c);
  };

  /* What is shown, as text: the lots that pass the filter and lie in view, with what built them. */
  dm.csv = function (app) {
    const lots = app.sets.lots, names = Object.keys(lots.columns).filter((name) => !/^(label_|pair_)/.test(name));
    const lines = [[...names, "built_from_lock", "is_synthetic"].join(",")];
    const foot = [app.M.lock, app.M.synthetic ? "TRUE" : "FALSE"].map(cell);
    for (const i of inView(app)) lines.push([...names.map((name) => cell(dm.value(lots, name, i))), ...foot].join(","));
    return lines.join("\r\n") + "\r\n";
  };

  function download(app) {
    $("csv").addEventListener("click", () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(["\ufeff", dm.csv(app)], { type: "text/csv;charset=utf-8" }));
      link.download = "densitymap-lots.csv";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
      $("msg").textContent = app.say("export.done", { count: app.number(inView(app).length) });
    });
  }

  const ROWS = 200;
  function tableInView(app) {
    if (!$("in-view").open) return;
    const box = $("in-view-body"), { say } = app, shown = inView(app), reforms = app.M.policies.slice(1);
    box.textContent = "";
    const table = el("table", null, box);
    el("caption", say("export.caption", { count: app.number(shown.length), shown: app.number(Math.min(ROWS, shown.length)) }), table);
    const head = el("tr", null, el("thead", null, table)), body = el("tbody", null, table);
    [say("columns.site_address"), say("columns.zone_district"), say("columns.lot_area_ft2"), ...reforms.map((p) => p.title)].forEach((t) => { el("th", t, head).scope = "col"; });
    const name = (i) => value(app, "site_address", i) || value(app, "parcel_id", i);
    shown.sort((a, b) => name(a).localeCompare(name(b), app.M.locale, { numeric: true })).slice(0, ROWS).forEach((i, k) => {
      const tr = el("tr", null, body), th = el("th", null, tr), button = el("button", name(i), th);
      th.scope = "row"; button.type = "button"; button.tabIndex = k ? -1 : 0;
      button.addEventListener("click", () => app.lot(i, true));
      el("td", value(app, "zone_district", i) ?? say("card.not_known"), tr);
      el("td", app.spoken(value(app, "lot_area_ft2", i), "ft2"), tr);
      reforms.forEach((p) => el("td", say("verdict." + (value(app, "verdict__" + p.name, i) ?? "NO DATA")), tr));
    });
    table.addEventListener("keydown", (e) => {
      const all = [...table.querySelectorAll("button")], at = all.indexOf(document.activeElement);
      const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[e.key];
      if (to == null || !all[to]) return;
      e.preventDefault();
      all[at].tabIndex = -1; all[to].tabIndex = 0; all[to].focus();
    });
  }

  const RANK = { FALSE: 0, MAYBE: 1, TRUE: 2 }, MOVES = ["to_yes", "to_maybe", "same", "less"];

  /* Difference of two policies on each lot, as columns like any other: see maps/difference.py. */
  dm.difference = function (app, a, b) {
    const lots = app.sets.lots, n = lots.n, gain = (what) => {
      const x = lots.columns[`${what}__${a}`]?.values, y = lots.columns[`${what}__${b}`]?.values;
      return x && y ? { kind: "number", values: Float64Array.from({ length: n }, (_, i) => (x[i] === Infinity && y[i] === Infinity ? 0 : y[i] - x[i])) } : null;
    };
    const asked = (name) => app.M.policies.find((p) => p.name === name).question, alike = asked(a) === asked(b);
    const codes = Uint8Array.from({ length: n }, (_, i) => {
      if (!alike) return 0;
      const old = RANK[value(app, "verdict__" + a, i)], now = RANK[value(app, "verdict__" + b, i)];
      if (old == null || now == null) return 0;
      return 1 + MOVES.indexOf(now < old ? "less" : now === old ? "same" : now === RANK.TRUE ? "to_yes" : "to_maybe");
    });
    return { pair_allowed: gain("units_allowed"), pair_fits: gain("fits_new"), pair_verdict: { kind: "category", codes, words: MOVES } };
  };

  function setPair(app, a, b) {
    const title = (name) => app.M.policies.find((p) => p.name === name).title;
    app.pair = [a, b];
    for (const [name, column] of Object.entries(dm.difference(app, a, b))) {
      const theme = app.M.themes.find((t) => t.base === name);
      if (!column || !theme) continue;
      app.sets.lots.columns[name] = column;
      theme.title = app.say("themes." + name, { before: title(a), after: title(b) });
      app.forget(theme);
      for (const option of $("choose-lots").options) if (option.value === theme.id) option.textContent = theme.title;
    }
  }

  const WHATS = { verdict: "pair_verdict", lot_units: "pair_allowed", lot_fits: "pair_fits" };

  /* Before and after: a second layer over the first, cut off at a divider; or the difference alone. */
  function swipe(app) {
    const { map, M, say } = app, how = $("ba-how"), left = $("ba-left"), right = $("ba-right"), at = $("ba-at"), what = $("ba-what");
    if (!M.pair || !app.sets.lots.n) { $("before-after").hidden = true; return; }
    for (const select of [left, right]) M.policies.forEach((p) => { el("option", p.title, select).value = p.name; });
    for (const [base, word] of [["verdict", "what_verdict"], ["lot_units", "what_units"], ["lot_fits", "what_fits"]]) if (M.themes.some((t) => t.base === base)) el("option", say("swipe." + word), what).value = base;
    [left.value, right.value] = M.pair;
    if (M.themes.some((t) => t.base === "lot_units")) what.value = "lot_units";
    const given = (app.given.get("ba") ?? "").split("~"), has = (select, v) => [...select.options].some((o) => o.value === v);
    if (given.length === 5 && [what, left, right, how].every((s, k) => has(s, given[k === 3 ? 4 : k]))) [what.value, left.value, right.value, at.value, how.value] = given;
    else how.value = M.split && !app.given.has("lots") ? "1" : "0";
    const off = () => how.value === "0", split = () => how.value === "1";
    $("before-after").open = !off();
    map.createPane("after").style.zIndex = 250;
    const line = el("div", null, map.getContainer(), "divider");
    line.setAttribute("aria-hidden", "true");
    const names = ["left", "right"].map((side) => el("span", null, line, "side " + side));
    let after = null;
    const themeOf = (policy) => `${what.value}:${policy}`;
    const clip = function () {
      if (!after) return;
      const size = map.getSize(), x = (size.x * at.value) / 100, from = map.containerPointToLayerPoint([x, 0]), to = map.containerPointToLayerPoint(size);
      line.style.left = `${x}px`;
      after.getContainer().style.clip = `rect(${from.y}px,${to.x}px,${to.y}px,${from.x}px)`;
    };
    const sceneAfter = () => dm.sceneOf({ ...app, state: { ...app.state, lots: themeOf(right.value) } });
    const arrange = function () {
      if (after) { after.remove(); after = null; }
      setPair(app, left.value, right.value);
      line.hidden = $("ba-divider").hidden = !split();
      if (split()) {
        app.pick.lots(themeOf(left.value));
        [left, right].forEach((select, k) => { names[k].textContent = select.selectedOptions[0].textContent; });
        after = new dm.Layer(sceneAfter(), { bits: app.bits, pane: "after" });
        after.addTo(map);
        clip();
      } else if (!off()) app.pick.lots(WHATS[what.value]);
      summary(app);
    };
    const apply = function () { arrange(); app.redraw(); dm.legend(app); dm.writeHash(app); };
    app.afterScene = () => { if (after) after.repaint(sceneAfter()); };
    how.addEventListener("change", () => { if (off()) app.pick.lots(themeOf(right.value)); apply(); });
    for (const input of [left, right, what]) input.addEventListener("change", apply);
    at.addEventListener("input", () => { clip(); dm.writeHash(app); });
    map.on("move zoomend resize", clip);
    $("choose-lots").addEventListener("change", () => { if (!off()) { how.value = "0"; apply(); } });
    app.hashParts.push((out) => { if (!off()) out.set("ba", [what.value, left.value, right.value, at.value, how.value].join("~")); });
    if (off()) arrange();
    else apply();
  }

  /* Lots by how a number moves, and the sums on both sides where it is known. */
  dm.moved = function (app, what, gain, a, b) {
    const out = { more: 0, fewer: 0, same: 0, unknown: 0, homes_before: 0, homes_after: 0 };
    for (let i = 0; i < app.sets.lots.n; i++) {
      if (app.hidden[i]) continue;
      const x = value(app, `${what}__${a}`, i), y = value(app, `${what}__${b}`, i), d = gain.values[i];
      if (Number.isFinite(x)) out.homes_before += x;
      if (Number.isFinite(y)) out.homes_after += y;
      out[Number.isNaN(d) ? "unknown" : d > 0 ? "more" : d < 0 ? "fewer" : "same"]++;
    }
    return out;
  };

  /* The difference in words: the same sentences as maps/difference.py, over the lots shown. */
  function summary(app) {
    const box = $("ba-text");
    if (!app.pair) return;
    const [a, b] = app.pair, policy = (name) => M.policies.find((p) => p.name === name), { M, say } = app, cols = app.sets.lots.columns;
    const plain = (o) => Object.fromEntries(Object.entries(o).map(([k, v]) => [k, app.number(v)])), names = { before: policy(a).title, after: policy(b).title };
    box.textContent = "";
    el("p", say("swipe.summary", { ...plain(dm.moved(app, "units_allowed", cols.pair_allowed, a, b)), ...names }), box);
    if (cols.pair_fits) el("p", say("swipe.summary_fits", { ...plain(dm.moved(app, "fits_new", cols.pair_fits, a, b)), ...names }), box);
    const what = ["allowed_true", "allowed_maybe", "fits_true", "fits_maybe"];
    for (const name of what.every((w) => [a, b].every((p) => cols[`more_${w}__${p}`])) ? [a, b] : []) {
      const sums = Object.fromEntries(what.map((w) => [w, 0]));
      for (let i = 0; i < app.sets.lots.n; i++) if (!app.hidden[i]) for (const w of what) { const v = value(app, `more_${w}__${name}`, i); if (Number.isFinite(v)) sums[w] += v; }
      el("p", say("swipe.summary_more", { ...plain(sums), policy: policy(name).title }), box);
    }
    const moves = { unknown: 0, to_yes: 0, to_maybe: 0, same: 0, less: 0 };
    for (let i = 0; i < app.sets.lots.n; i++) if (!app.hidden[i]) moves[cols.pair_verdict.codes[i] ? MOVES[cols.pair_verdict.codes[i] - 1] : "unknown"]++;
    const asked = policy(a).question, then_asked = policy(b).question;
    el("p", asked === then_asked ? say("swipe.summary_verdicts", { ...plain(moves), question: asked }) : say("swipe.questions", { asked, then_asked }), box);
    el("p", say("swipe.no_forecast"), box);
  }

  dm.extras.push(function (app) {
    app.hashParts = [];
    filters(app);
    compare(app);
    download(app);
    swipe(app);
    $("in-view").addEventListener("toggle", () => tableInView(app));
    app.map.on("moveend", () => tableInView(app));
  });
})(densitymap);

"use strict";
/* Reads what densitymap/maps/pack.py writes: shapes as steps of a Web Mercator grid, typed columns. */
var densitymap = (function () {
  const dm = {};
  const MISSING = 0, UNLIMITED = 1, FIRST = 2;

  dm.loosen = async function (text) {
    const raw = Uint8Array.from(atob(text.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };

  function reader(bytes) {
    let at = 0;
    return {
      take(count, width) {
        const out = new Uint32Array(count);
        for (let k = 0; k < width; k++) {
          const shift = 8 * k;
          for (let i = 0; i < count; i++) out[i] |= bytes[at + i] << shift;
          at += count;
        }
        return out;
      },
      raw(count) { at += count; return bytes.subarray(at - count, at); },
    };
  }

  function signed(codes) {
    const out = new Int32Array(codes.length);
    for (let i = 0; i < codes.length; i++) out[i] = (codes[i] >>> 1) ^ -(codes[i] & 1);
    return out;
  }

  function offsets(counts) {
    const out = new Uint32Array(counts.length + 1);
    for (let i = 0; i < counts.length; i++) out[i + 1] = out[i] + counts[i];
    return out;
  }

  function texts(meta, n, r) {
    const lengths = r.take(n, meta.width), joined = r.raw(meta.bytes), decoder = new TextDecoder();
    let at = 0;
    return Array.from(lengths, (length) => {
      if (length === MISSING) return null;
      at += length - 1;
      return decoder.decode(joined.subarray(at - length + 1, at));
    });
  }

  function column(meta, n, r, columns) {
    if (meta.kind === "text") return { kind: "text", values: texts(meta, n, r) };
    const codes = r.take(n, meta.width);
    if (meta.kind === "category") return { kind: "category", codes, words: meta.of ? columns[meta.of].words : texts(meta.words, meta.words.n, r) };
    const values = new Float64Array(n), scale = 10 ** meta.digits;
    for (let i = 0; i < n; i++) {
      values[i] = codes[i] === MISSING ? NaN
        : codes[i] === UNLIMITED ? Infinity : (codes[i] - FIRST + meta.low) / scale;
    }
    return { kind: "number", values };
  }

  function shapes(meta, r) {
    const n = meta.n, [w0, w1, w2, w3, w4, w5] = meta.widths, moves = meta.vertices - meta.rings;
    const rings = offsets(r.take(n, w0)), vertices = offsets(r.take(meta.rings, w1));
    const fx = signed(r.take(meta.rings, w2)), fy = signed(r.take(meta.rings, w3));
    const dx = signed(r.take(moves, w4)), dy = signed(r.take(moves, w5));
    const X = new Int32Array(meta.vertices), Y = new Int32Array(meta.vertices);
    const box = new Float64Array(4 * n).fill(NaN);
    let d = 0, ax = meta.origin[0], ay = meta.origin[1];
    for (let i = 0; i < n; i++) {
      let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
      for (let k = rings[i]; k < rings[i + 1]; k++) {
        ax += fx[k]; ay += fy[k];
        let x = ax, y = ay;
        for (let v = vertices[k]; v < vertices[k + 1]; v++) {
          if (v > vertices[k]) { x += dx[d]; y += dy[d]; d++; }
          X[v] = x; Y[v] = y;
          if (x < x0) x0 = x;
          if (x > x1) x1 = x;
          if (y < y0) y0 = y;
          if (y > y1) y1 = y;
        }
      }
      if (x1 >= x0) { box[4 * i] = x0; box[4 * i + 1] = y0; box[4 * i + 2] = x1; box[4 * i + 3] = y1; }
    }
    return { rings, vertices, X, Y, box };
  }

  /* A grid over the boxes; features that would fill many cells are kept aside and always asked. */
  function index(set) {
    const { n, box } = set;
    let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
    for (let i = 0; i < n; i++) {
      if (Number.isNaN(box[4 * i])) continue;
      x0 = Math.min(x0, box[4 * i]); y0 = Math.min(y0, box[4 * i + 1]);
      x1 = Math.max(x1, box[4 * i + 2]); y1 = Math.max(y1, box[4 * i + 3]);
    }
    const side = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(n / 12))));
    const w = Math.max(1, (x1 - x0) / side), h = Math.max(1, (y1 - y0) / side);
    const cell = (v, low, size) => Math.max(0, Math.min(side - 1, Math.floor((v - low) / size)));
    const cells = (a, b, c, d) => [cell(a, x0, w), cell(b, y0, h), cell(c, x0, w), cell(d, y0, h)];
    const counts = new Uint32Array(side * side), large = [], span = new Array(n);
    for (let i = 0; i < n; i++) {
      if (Number.isNaN(box[4 * i])) continue;
      const r = cells(box[4 * i], box[4 * i + 1], box[4 * i + 2], box[4 * i + 3]);
      if ((r[2] - r[0] + 1) * (r[3] - r[1] + 1) > 16) { large.push(i); continue; }
      span[i] = r;
      for (let y = r[1]; y <= r[3]; y++) for (let x = r[0]; x <= r[2]; x++) counts[y * side + x]++;
    }
    const start = offsets(counts), fill = start.slice(), ids = new Uint32Array(start[side * side]);
    for (let i = 0; i < n; i++) {
      const r = span[i];
      if (r) for (let y = r[1]; y <= r[3]; y++) for (let x = r[0]; x <= r[2]; x++) ids[fill[y * side + x]++] = i;
    }
    const seen = new Uint32Array(n);
    let turn = 0;
    /* Features whose box touches the given one, in row order of the cells, each once. */
    set.within = function (a, b, c, d) {
      const out = [], r = cells(a, b, c, d);
      turn++;
      const ask = (i) => {
        if (seen[i] === turn) return;
        seen[i] = turn;
        if (box[4 * i + 2] >= a && box[4 * i] <= c && box[4 * i + 3] >= b && box[4 * i + 1] <= d) out.push(i);
      };
      large.forEach(ask);
      for (let y = r[1]; y <= r[3]; y++) {
        for (let k = start[y * side + r[0]]; k < start[y * side + r[2] + 1]; k++) ask(ids[k]);
      }
      return out;
    };
  }

  dm.unpack = function (metas, bytes) {
    const r = reader(bytes), sets = {};
    for (const meta of metas) {
      const set = { name: meta.name, kind: meta.kind, n: meta.n, bits: meta.bits, ...shapes(meta, r), columns: {} };
      for (const spec of meta.columns) set.columns[spec.name] = column(spec, meta.n, r, set.columns);
      index(set);
      sets[meta.name] = set;
    }
    return sets;
  };

  /* A value of a column: number (NaN unknown, Infinity no limit), text, or null for unknown. */
  dm.value = function (set, name, i) {
    const c = set.columns[name];
    if (!c) return null;
    if (c.kind === "category") return c.codes[i] ? c.words[c.codes[i] - 1] : null;
    return c.values[i];
  };

  dm.contains = function (set, i, x, y) {
    const { rings, vertices, X, Y } = set;
    let inside = false;
    for (let k = rings[i]; k < rings[i + 1]; k++) {
      for (let v = vertices[k], p = vertices[k + 1] - 1; v < vertices[k + 1]; p = v++) {
        if ((Y[v] > y) !== (Y[p] > y) && x < ((X[p] - X[v]) * (y - Y[v])) / (Y[p] - Y[v]) + X[v]) inside = !inside;
      }
    }
    return inside;
  };

  dm.hit = (set, x, y) => set.within(x, y, x, y).filter((i) => dm.contains(set, i, x, y));

  /* A spot inside a polygon: the middle of its box, else the middle of the widest run across it. */
  dm.inner = function (set, i) {
    const b = set.box, cx = (b[4 * i] + b[4 * i + 2]) / 2;
    for (const part of [0.5, 0.25, 0.75, 0.4, 0.6, 0.1, 0.9]) {
      const y = b[4 * i + 1] + part * (b[4 * i + 3] - b[4 * i + 1]) + 0.25, cuts = [];
      for (let k = set.rings[i]; k < set.rings[i + 1]; k++) {
        for (let v = set.vertices[k], p = set.vertices[k + 1] - 1; v < set.vertices[k + 1]; p = v++) {
          const Yv = set.Y[v], Yp = set.Y[p];
          if ((Yv > y) !== (Yp > y)) cuts.push(((set.X[p] - set.X[v]) * (y - Yv)) / (Yp - Yv) + set.X[v]);
        }
      }
      cuts.sort((a, c) => a - c);
      let best = null;
      for (let k = 0; k + 1 < cuts.length; k += 2) {
        if (!best || cuts[k + 1] - cuts[k] > best[1] - best[0]) best = [cuts[k], cuts[k + 1]];
      }
      if (best) return [(best[0] + best[1]) / 2, y];
    }
    return [cx, (b[4 * i + 1] + b[4 * i + 3]) / 2];
  };

  dm.$ = (id) => document.getElementById(id);

  /* A new element; its text is only ever text. */
  dm.el = function (tag, text, parent, name) {
    const node = document.createElement(tag);
    if (text != null) node.textContent = text;
    if (name) node.className = name;
    if (parent) parent.appendChild(node);
    return node;
  };

  return dm;
})();

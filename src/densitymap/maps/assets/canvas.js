/* One canvas layer for everything: tiles painted from a scene, repainted when the scene changes. */
(function (dm) {
  "use strict";
  const SIZE = 512, PATTERN = 8;

  dm.hatch = function (colour, background) {
    const tile = document.createElement("canvas");
    tile.width = tile.height = PATTERN;
    const ctx = tile.getContext("2d");
    if (background) { ctx.fillStyle = background; ctx.fillRect(0, 0, PATTERN, PATTERN); }
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1.2;
    ctx.beginPath();
    for (const shift of [-PATTERN, 0, PATTERN]) { ctx.moveTo(shift - 1, PATTERN + 1); ctx.lineTo(shift + PATTERN + 1, -1); }
    ctx.stroke();
    return ctx.createPattern(tile, "repeat");
  };

  function trace(ctx, set, i, t) {
    const { rings, vertices, X, Y } = set, closed = set.kind === "polygon";
    for (let k = rings[i]; k < rings[i + 1]; k++) {
      let v = vertices[k];
      const end = vertices[k + 1];
      ctx.moveTo(X[v] * t.s - t.x, Y[v] * t.s - t.y);
      for (v++; v < end; v++) ctx.lineTo(X[v] * t.s - t.x, Y[v] * t.s - t.y);
      if (closed) ctx.closePath();
    }
  }

  function within(set, t, pad) {
    const p = pad / t.s;
    return set.within(t.x / t.s - p, t.y / t.s - p, (t.x + SIZE) / t.s + p, (t.y + SIZE) / t.s + p);
  }

  const painters = (dm.painters = {
    /* {set, classes: place per feature (255 = not drawn), fills, alpha, stroke, strokeZoom, width} */
    fill(ctx, job, t) {
      const lists = job.fills.map(() => []), box = job.set.box;
      for (const i of within(job.set, t, 2)) if (job.classes[i] < lists.length) lists[job.classes[i]].push(i);
      ctx.globalAlpha = job.alpha ?? 1;
      lists.forEach((list, place) => {
        if (!list.length) return;
        ctx.fillStyle = job.fills[place];
        ctx.beginPath();
        for (const i of list) {
          const w = (box[4 * i + 2] - box[4 * i]) * t.s, h = (box[4 * i + 3] - box[4 * i + 1]) * t.s;
          if (w < 3 && h < 3) ctx.rect(box[4 * i] * t.s - t.x, box[4 * i + 1] * t.s - t.y, Math.max(1.4, w), Math.max(1.4, h));
          else trace(ctx, job.set, i, t);
        }
        ctx.fill();
        if (job.stroke && t.zoom >= (job.strokeZoom ?? 0)) {
          ctx.strokeStyle = job.stroke; ctx.lineWidth = (job.width ?? 0.8) * t.u; ctx.stroke();
        }
      });
    },
    outline(ctx, job, t) {
      const list = within(job.set, t, 6).filter((i) => !job.only || job.only(i));
      if (!list.length) return;
      const passes = job.casing ? [[job.casing, job.width + 3, []], [job.stroke, job.width, job.dash]]
        : [[job.stroke, job.width, job.dash]];
      for (const [colour, width, dash] of passes) {
        ctx.strokeStyle = colour; ctx.lineWidth = width * t.u; ctx.lineJoin = "round"; ctx.setLineDash((dash ?? []).map((d) => d * t.u));
        ctx.beginPath();
        for (const i of list) trace(ctx, job.set, i, t);
        ctx.stroke();
      }
      ctx.setLineDash([]);
    },
    image(ctx, job, t) {
      const [x0, y0, x1, y1] = job.box;
      ctx.imageSmoothingEnabled = false;
      ctx.globalAlpha = job.alpha ?? 1;
      ctx.drawImage(job.image, x0 * t.s - t.x, y0 * t.s - t.y, (x1 - x0) * t.s, (y1 - y0) * t.s);
    },
    outside(ctx, job, t) {
      ctx.fillStyle = job.fill;
      ctx.beginPath();
      ctx.rect(-1, -1, SIZE + 2, SIZE + 2);
      for (let i = 0; i < job.set.n; i++) trace(ctx, job.set, i, t);
      ctx.fill("evenodd");
    },
    point(ctx, job, t) {
      const { vertices, rings, X, Y } = job.set, r = job.size * t.u * (t.z < 14 ? 0.75 : 1);
      ctx.fillStyle = job.fill; ctx.strokeStyle = "#ffffff"; ctx.lineWidth = 2 * t.u;
      for (const i of within(job.set, t, r + 3)) {
        for (let k = rings[i]; k < rings[i + 1]; k++) {
          const x = X[vertices[k]] * t.s - t.x, y = Y[vertices[k]] * t.s - t.y;
          ctx.beginPath();
          if (job.shape === "circle") ctx.arc(x, y, r, 0, 2 * Math.PI);
          else if (job.shape === "diamond") { ctx.moveTo(x, y - r - 1); ctx.lineTo(x + r + 1, y); ctx.lineTo(x, y + r + 1); ctx.lineTo(x - r - 1, y); ctx.closePath(); }
          else ctx.rect(x - r, y - r, 2 * r, 2 * r);
          ctx.stroke(); ctx.fill();
        }
      }
    },
    /* {places(z): [{x, y (world pixels), w, h, lines, font, colour}]} */
    labels(ctx, job, t) {
      ctx.textAlign = "center"; ctx.textBaseline = "middle"; ctx.lineJoin = "round";
      for (const p of job.places(t.zoom)) {
        const x = p.x * t.u - t.x, y = p.y * t.u - t.y;
        const w = p.w * t.u, h = p.h * t.u;
        if (x + w < 0 || x - w > SIZE || y + h < 0 || y - h > SIZE) continue;
        p.lines.forEach((line, k) => {
          const at = (k - (p.lines.length - 1) / 2) * p.step;
          ctx.save(); ctx.translate(x, y); ctx.scale(t.u, t.u);
          ctx.font = k ? p.small : p.font; ctx.strokeStyle = "rgba(255,255,255,.9)"; ctx.lineWidth = 3.5;
          ctx.strokeText(line, 0, at); ctx.fillStyle = p.colour; ctx.fillText(line, 0, at);
          ctx.restore();
        });
      }
    },
    mark(ctx, job, t) {
      ctx.save();
      ctx.translate(SIZE / 2, SIZE / 2); ctx.rotate(-Math.PI / 6);
      ctx.font = "700 30px system-ui, sans-serif"; ctx.textAlign = "center"; ctx.globalAlpha = 0.2;
      ctx.fillStyle = "#000"; ctx.fillText(job.text, 0, 0);
      ctx.restore();
    },
  });

  dm.Layer = L.GridLayer.extend({
    options: { tileSize: SIZE, updateWhenZooming: false, keepBuffer: 1, minZoom: 0, maxZoom: 22 },
    initialize(scene, options) { L.setOptions(this, options); this.scene = scene; this.drawn = 0; },
    createTile(coords) {
      const tile = L.DomUtil.create("canvas", "leaflet-tile");
      this.paint(tile, coords);
      return tile;
    },
    /* Between whole zooms Leaflet stretches tiles: `u` is what a pixel on screen measures in the tile. */
    paint(tile, coords) {
      const bits = this.options.bits, zoom = this._map.getZoom(), apart = Math.abs(coords.z - zoom) > 0.5 ? 0 : coords.z - zoom;
      const u = 2 ** apart, ratio = Math.min(2, window.devicePixelRatio || 1) * Math.max(1, 1 / u);
      tile.width = tile.height = Math.round(SIZE * ratio);
      const ctx = tile.getContext("2d");
      const t = { z: coords.z, zoom: coords.z - apart, u, s: 2 ** (coords.z + 8 - bits), x: coords.x * SIZE, y: coords.y * SIZE };
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      ctx.clearRect(0, 0, SIZE, SIZE);
      for (const job of this.scene) {
        if (t.zoom < (job.zoom ?? 0)) continue;
        ctx.globalAlpha = 1;
        painters[job.paint](ctx, job, t);
      }
      this.drawn++;
    },
    onAdd(map) {
      L.GridLayer.prototype.onAdd.call(this, map);
      let last = map.getZoom();
      map.on("zoomend", () => {
        const now = map.getZoom();
        if (now !== last && (now % 1 || last % 1)) this.repaint();
        last = now;
      });
    },
    repaint(scene) {
      if (scene) this.scene = scene;
      for (const key in this._tiles) {
        const { el, coords } = this._tiles[key];
        this.paint(el, coords);
      }
    },
  });

  /* Names that do not cover each other, most important first; worked out once per zoom. */
  dm.placer = function (bits) {
    const ctx = document.createElement("canvas").getContext("2d"), cache = new Map();
    let names = [];
    const places = function (z) {
      if (cache.has(z)) return cache.get(z);
      const kept = [], s = 2 ** (z + 8 - bits);
      for (const name of names) {
        if (z < name.zoom) continue;
        ctx.font = name.font;
        const step = name.size + 3, w = Math.max(...name.lines.map((l, k) => { ctx.font = k ? name.small : name.font; return ctx.measureText(l).width; })) / 2 + 3;
        const p = { ...name, x: name.x * s, y: name.y * s, w, h: (name.lines.length * step) / 2, step };
        if (name.fit && name.fit * s < 2 * w) continue;
        const covers = (o) => Math.abs(o.x - p.x) < o.w + p.w && Math.abs(o.y - p.y) < o.h + p.h;
        const repeats = (o) => o.lines[0] === p.lines[0] && Math.abs(o.x - p.x) < 400 && Math.abs(o.y - p.y) < 400;
        if (!kept.some((o) => covers(o) || (p.once && repeats(o)))) kept.push(p);
      }
      cache.set(z, kept);
      return kept;
    };
    places.set = function (list) { names = list; cache.clear(); };
    return places;
  };
})(densitymap);

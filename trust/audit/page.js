'use strict';
(() => {
  const most = 80; // nodes of a graph that can still be read
  const id = name => document.getElementById(name);
  const form = id('filters');
  const names = row => [...row.querySelectorAll('a')].map(a => a.textContent);
  const read = row => ({
    row, names: names(row), text: row.textContent.toLowerCase(), namespace: row.dataset.namespace,
    unproven: 'unproven' in row.dataset, finding: row.dataset.finding, severity: row.dataset.severity,
  });
  const rows = where => [...document.querySelectorAll(where)].map(read);
  const admitted = rows('#admitted tr[data-namespace]');
  const remarks = rows('tr[data-finding]');
  const all = new Set([...admitted, ...remarks].flatMap(r => r.names));
  const worst = new Map(); // of a name
  for (const r of remarks) {
    if (worst.get(r.names[0]) !== 'error') worst.set(r.names[0], r.severity || 'warning');
  }

  const choices = (where, values) => where.append(...[...new Set(values)].filter(v => v).sort().map(v => new Option(v, v)));
  choices(form.elements.namespace, [...admitted, ...remarks].map(r => r.namespace));
  choices(form.elements.finding, remarks.flatMap(r => [r.severity, r.finding]));
  choices(id('roles'), admitted.flatMap(r => r.names.slice(1)));

  // apply shows what the filters leave.
  const apply = () => {
    const { text, namespace, role, finding } = Object.fromEntries(new FormData(form));
    const words = text.toLowerCase().split(/\s+/);
    const wanted = r => all.has(text) ? r.names.includes(text) : words.every(w => r.text.includes(w));
    const inRole = names => !role || names.some(n => n.includes(role));
    let who = admitted.filter(r => (!namespace || r.namespace === namespace) && inRole(r.names.slice(1)) && wanted(r));
    const theirs = new Set(who.flatMap(r => r.names)); // what is found about a role concerns whoever can have it
    const what = remarks.filter(r => (!finding || r.finding === finding || r.severity === finding) &&
      (theirs.has(r.names[0]) || (!namespace || r.namespace === namespace) && (!role || !r.namespace && inRole(r.names)) && wanted(r)));
    if (finding) {
      const found = new Set(what.map(r => r.names[0]));
      who = who.filter(r => r.names.some(n => found.has(n)));
    }
    const shown = new Set([...who, ...what]);
    for (const r of [...admitted, ...remarks]) r.row.hidden = !shown.has(r);
    id('count').textContent = `${shown.size} of ${admitted.length + remarks.length} lines`;
    draw(who);
  };

  const svg = (name, attributes, ...children) => {
    const e = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
    e.append(...children);
    return e;
  };

  // layout puts accounts into the first column, and each role as far to the right as its longest way.
  const layout = who => {
    const nodes = new Map(), edges = new Map();
    for (const r of who) {
      r.names.forEach((name, i) => {
        if (!nodes.has(name)) nodes.set(name, { name, column: i, beside: [] });
        nodes.get(name).column = Math.max(nodes.get(name).column, i);
        if (i > 0) {
          const kind = i > 1 ? 'on' : r.unproven ? 'unproven' : '';
          edges.set(JSON.stringify([r.names[i - 1], name]), { from: nodes.get(r.names[i - 1]), to: nodes.get(name), kind });
        }
      });
    }
    for (const { from, to } of edges.values()) { from.beside.push(to); to.beside.push(from); }
    const columns = [];
    for (const n of nodes.values()) (columns[n.column] ??= []).push(n);
    const tallest = Math.max(...columns.map(c => c.length));
    const place = c => c.forEach((n, i) => { n.y = i + (tallest - c.length) / 2; });
    columns.forEach(place);
    for (let round = 0; round < 8; round++) { // to the middle of what is beside it, so that few lines cross
      for (const c of round % 2 ? columns.toReversed() : columns) {
        for (const n of c) n.middle = n.beside.reduce((sum, b) => sum + b.y, 0) / n.beside.length;
        place(c.sort((a, b) => a.middle - b.middle));
      }
    }
    return { nodes: [...nodes.values()], edges: [...edges.values()], columns: columns.length, tallest };
  };

  const short = s => s.length > 34 ? s.slice(0, 14) + '…' + s.slice(-19) : s;
  const label = name => {
    const role = /^arn:[^:]*:iam::(\d*):role\/(.*?)([^/]*)$/.exec(name);
    return role ? [role[3], [role[1], role[2]].filter(s => s).join(' /')] : name.split(' of ');
  };

  const draw = who => {
    const drawing = id('drawing'), focused = document.activeElement?.dataset?.name;
    const count = new Set(who.flatMap(r => r.names)).size;
    if (count === 0 || count > most) {
      const p = document.createElement('p');
      p.textContent = count === 0 ? 'Nobody is left.' : `${count} names are too many to draw: narrow the filters to ${most}, or choose a name below.`;
      drawing.replaceChildren(p);
      return;
    }
    const { nodes, edges, columns, tallest } = layout(who);
    const x = n => 1 + n.column * 295, y = n => 1 + n.y * 48, width = columns * 295 - 53, height = tallest * 48 - 6;
    const g = svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': `${nodes.length} names, ${edges.length} lines` });
    for (const { from, to, kind } of edges) {
      const x1 = x(from) + 240, y1 = y(from) + 20, x2 = x(to), y2 = y(to) + 20;
      g.append(svg('path', { class: kind, d: `M${x1},${y1}C${x1 + 40},${y1} ${x2 - 40},${y2} ${x2},${y2}` }));
    }
    for (const n of nodes) {
      const [first, second = ''] = label(n.name), mark = worst.get(n.name);
      const a = svg('a', { href: '#' + new URLSearchParams({ text: n.name }), class: `${n.column ? 'role' : ''} ${mark ?? ''}`, transform: `translate(${x(n)},${y(n)})`, 'aria-label': n.name + (mark ? `, ${mark}` : '') },
        svg('title', {}, n.name), svg('rect', { width: 240, height: 40, rx: 5 }),
        svg('text', { x: 9, y: second ? 17 : 25 }, (mark ? '⚠ ' : '') + short(first)), svg('text', { x: 9, y: 32 }, short(second)));
      a.dataset.name = n.name;
      g.append(a);
      n.element = a;
    }
    drawing.replaceChildren(g);
    nodes.find(n => n.name === focused)?.element.focus();
  };

  // The filters are kept behind the # of the address: links set them, and Back goes back.
  const fill = () => {
    if (location.hash && !location.hash.includes('=')) return; // a section
    const asked = new URLSearchParams(location.hash.slice(1));
    for (const e of form.elements) if (e.name) e.value = asked.get(e.name) ?? '';
    apply();
  };
  form.addEventListener('submit', e => e.preventDefault());
  form.addEventListener('input', () => {
    history.replaceState(null, '', '#' + new URLSearchParams([...new FormData(form)].filter(([, v]) => v)));
    apply();
  });
  addEventListener('hashchange', fill);
  form.hidden = id('graph').hidden = false;
  apply();
  fill();
})();

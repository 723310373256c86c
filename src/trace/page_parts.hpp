// SPDX-License-Identifier: MIT
// Style and script of the page: apart from the code that fills it in.
#pragma once

#include <string_view>

namespace relfence::trace {

inline constexpr std::string_view page_style = R"css(
body { font: 14px/1.45 system-ui, sans-serif; margin: 1.5em; color: #1c2330; background: #fff; }
h1 { font-size: 1.4em; margin: 0 0 .2em; }
p.run { color: #5b6472; margin: 0 0 1em; }
ul.findings { list-style: none; padding: 0; margin: 0 0 1em; }
ul.findings li { padding: .3em .7em; margin: .2em 0; border-left: 4px solid #9aa3b2; background: #f4f6f9; }
ul.findings li.wrong { border-color: #c62f2f; background: #fdf0f0; }
#legend span { display: inline-block; margin-right: 1.2em; white-space: nowrap; }
#legend i { display: inline-block; width: .9em; height: .9em; margin-right: .35em; vertical-align: -.1em; border-radius: 2px; }
#view { position: relative; border: 1px solid #d5dae3; margin-top: .6em; }
canvas { display: block; width: 100%; cursor: grab; }
#tip { position: absolute; display: none; pointer-events: none; background: #1c2330; color: #fff; padding: .4em .6em;
  border-radius: 4px; font-size: 12px; white-space: pre; z-index: 1; }
button { font: inherit; }
)css";

/// Draws `trace` on the canvas: the wheel zooms at the pointer, dragging moves. Tells in the
/// document's data-frames how many frames it drew at first, for the test of the page.
inline constexpr std::string_view page_script = R"js(
'use strict';
const trace = JSON.parse(document.getElementById('trace').textContent);
const colours = {frame: '#2f7d4f', bare: '#8d6bb8', input: '#7c8798', queued: '#c9d2e0', done: '#9cc7e8', client: '#e8dcb8',
  wait: '#e09b3d', use: '#4b83c4', early: '#c62f2f', dry: '#6b1f1f'};
const canvas = document.getElementById('canvas'), tip = document.getElementById('tip');
const context = canvas.getContext('2d');
const head = 22, row = 22, left = 190;
let rows = [], begin = 0, end = Math.max(trace.end, 1), boxes = [];
let group = null;
trace.lanes.forEach((lane, at) => {
  if (lane.group !== group) { rows.push({title: lane.group}); group = lane.group; }
  rows.push({lane: lane, at: at});
});
const place = new Map(rows.map((r, i) => [r.at, head + i * row]));
function x(time) { return left + (time - begin) / (end - begin) * (canvas.clientWidth - left); }
function ticks() {
  const wanted = (end - begin) / 8, power = Math.pow(10, Math.floor(Math.log10(wanted)));
  return power * [1, 2, 5, 10].find(step => step * power >= wanted);
}
function draw() {
  const scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = head + rows.length * row + 4;
  canvas.style.height = height + 'px';
  canvas.width = width * scale; canvas.height = height * scale;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.font = '12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  boxes = [];
  const step = ticks();
  for (let t = Math.ceil(begin / step) * step; t <= end; t += step) {
    context.fillStyle = '#e6eaf0'; context.fillRect(x(t), head, 1, height);
    context.fillStyle = '#5b6472'; context.fillText((t / 1e6).toFixed(step < 1e6 ? 3 : 1) + ' ms', x(t) + 3, 11);
  }
  // Under the arrows.
  rows.forEach((r, i) => {
    const middle = head + i * row + row / 2;
    if (r.title) { context.fillStyle = '#eef1f6'; context.fillRect(0, middle - row / 2, width, row); }
    context.fillStyle = '#1c2330'; context.font = (r.title ? 'bold ' : '') + '12px system-ui, sans-serif';
    context.fillText(r.title || '   ' + r.lane.name, 6, middle, r.title ? width - 12 : left - 12);
  });
  context.font = '12px system-ui, sans-serif';
  let frames = 0;
  context.save(); context.beginPath(); context.rect(left, 0, width - left, height); context.clip();
  rows.forEach((r, i) => {
    if (!r.lane) return;
    const top = head + i * row;
    let dense = -1;
    for (const s of r.lane.slices) {
      if (s.e < begin || s.b > end) continue;
      if (r.lane.queue) ++frames;
      const from = x(s.b), to = Math.max(x(s.e), from + 1);
      if (to <= dense) continue;
      dense = to;
      context.fillStyle = colours[s.l]; context.fillRect(from, top + 3, Math.max(to - from - .5, 1), row - 6);
      boxes.push([from, top, to, s]);
      if (to - from > 6 + 7 * s.n.length) {
        context.fillStyle = s.l === 'queued' || s.l === 'client' || s.l === 'done' ? '#1c2330' : '#fff';
        context.fillText(s.n, Math.max(from, left) + 3, top + row / 2);
      }
    }
  });
  context.strokeStyle = '#1c2330'; context.fillStyle = '#1c2330';
  for (const [from, fromTime, to, toTime] of trace.arrows) {
    if (toTime < begin || fromTime > end) continue;
    const x1 = x(fromTime), y1 = place.get(from) + row - 3, x2 = x(toTime), y2 = place.get(to) + (place.get(to) > place.get(from) ? 3 : row - 3);
    context.beginPath(); context.moveTo(x1, y1);
    context.bezierCurveTo(x1 + 4, (y1 + y2) / 2, x2 - 4, (y1 + y2) / 2, x2, y2); context.globalAlpha = .55; context.stroke();
    context.globalAlpha = 1; const up = y2 > y1 ? -5 : 5;
    context.beginPath(); context.moveTo(x2, y2); context.lineTo(x2 - 3, y2 + up); context.lineTo(x2 + 3, y2 + up); context.fill();
  }
  context.restore();
  return frames;
}
function clamp(from, to) {
  const span = Math.min(Math.max(to - from, 1000), trace.end * 1.02 + 1);
  begin = Math.max(Math.min(from, trace.end - span * .1), -span * .1); end = begin + span;
  draw();
}
canvas.addEventListener('wheel', event => {
  event.preventDefault();
  const at = begin + (event.offsetX - left) / (canvas.clientWidth - left) * (end - begin);
  const factor = event.deltaY > 0 ? 1.25 : .8;
  clamp(at - (at - begin) * factor, at + (end - at) * factor);
}, {passive: false});
let drag = null;
canvas.addEventListener('mousedown', event => { drag = event.clientX; });
window.addEventListener('mouseup', () => { drag = null; });
canvas.addEventListener('mousemove', event => {
  if (drag !== null) {
    const by = (drag - event.clientX) / (canvas.clientWidth - left) * (end - begin);
    drag = event.clientX; clamp(begin + by, end + by); return;
  }
  const box = boxes.find(b => event.offsetX >= b[0] && event.offsetX <= b[2] && event.offsetY >= b[1] && event.offsetY < b[1] + row);
  tip.style.display = box ? 'block' : 'none';
  if (!box) return;
  tip.textContent = [((box[3].e - box[3].b) / 1e6).toFixed(3) + ' ms'].concat(box[3].d.map(d => d[0] + ': ' + d[1])).join('\n');
  tip.style.left = Math.min(event.offsetX + 12, canvas.clientWidth - 240) + 'px'; tip.style.top = (event.offsetY + 14) + 'px';
});
document.getElementById('whole').addEventListener('click', () => clamp(0, trace.end));
window.addEventListener('resize', draw);
document.documentElement.dataset.frames = draw();
const span = /^#([0-9.]+)-([0-9.]+)$/.exec(location.hash);
if (span) clamp(span[1] * 1e6, span[2] * 1e6);
)js";

}  // namespace relfence::trace

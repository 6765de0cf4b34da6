// Keeps the page live: puts changed pieces in their places, says NOT LIVE by the browser's own clock, asks before it acts.
// All words and all times come from the server; nothing here decides anything.
"use strict";
const body = document.body, said = document.getElementById("said"), ask = document.getElementById("ask");
const answer = document.getElementById("answer"), SILENT = 5000;
let heard = performance.now(), last = null, stream = null, pressed = -Infinity;
const held = () => performance.now() - pressed < 3000;

function dead(yes, words) {
  for (const part of document.querySelectorAll("header, main")) part.classList.toggle("dead", yes);
  if (said && said.textContent !== words) said.textContent = words;
}

function put(id, html) {
  const old = document.getElementById(id), box = document.createElement("template");
  box.innerHTML = html;
  const fresh = box.content.firstElementChild;
  if (!old) return fresh;
  const focused = old.contains(document.activeElement) && document.activeElement.dataset.kind;
  old.replaceWith(fresh);
  if (focused) fresh.querySelector(`[data-kind="${focused}"]`)?.focus({ preventScroll: true });
  return fresh;
}

function arrange(name, ids, made) {
  const list = document.getElementById(name);
  if (!list) return;
  const wanted = new Set(ids);
  for (const child of [...list.childNodes]) if (!child.id || !wanted.has(child.id)) child.remove();
  let next = list.firstChild;
  for (const id of ids) {
    const item = document.getElementById(id) ?? made.get(id);
    if (!item) continue;
    if (item === next) next = next.nextSibling;
    else list.insertBefore(item, next);
  }
}

function show(message) {
  if (message.shape !== body.dataset.shape && !ask.open) return location.reload();
  const made = new Map();
  for (const [id, html] of Object.entries(message.pieces)) made.set(id, put(id, html));
  for (const [name, ids] of Object.entries(message.lists)) arrange(name, ids, made);
  for (const [id, text] of Object.entries(message.texts)) {
    const slot = document.getElementById(id);
    if (slot && slot.textContent !== text) slot.textContent = text;
  }
  document.title = message.title;
  document.getElementById("now").textContent = message.now;
}

let waiting = [];
function take(event) {
  heard = performance.now();
  const message = JSON.parse(event.data);
  last = message;
  dead(!message.live, message.live ? body.dataset.live : message.band);
  waiting.push(message);
  if (!held()) for (const each of waiting.splice(0)) show(each);
}

function listen() {
  stream?.close();
  stream = new EventSource(body.dataset.stream);
  stream.onmessage = take;
}

async function listening() {
  if (stream.readyState === EventSource.CLOSED) {
    listen();
    const reply = await fetch("/api/status").catch(() => null);
    if (reply?.status === 401) return location.reload();
  }
  if (performance.now() - heard <= SILENT) return;
  const since = last ? last.now : document.getElementById("now").textContent;
  dead(true, `${body.dataset.notLive} ${since} · ${body.dataset.noWord} · ${body.dataset.meanwhile}`);
}

// Nothing moves under a finger that is pressing, for 3 s at most.
addEventListener("pointerdown", () => { pressed = performance.now(); });
for (const name of ["pointerup", "pointercancel"]) addEventListener(name, () => setTimeout(() => { pressed = -Infinity; }, 50));

async function opened(href) {
  const reply = await fetch(`${href}&bare=1`);
  if (reply.status === 401) return location.reload();
  ask.innerHTML = await reply.text();
  const name = ask.querySelector("[name=by]"), password = ask.querySelector("[name=password]");
  if (name && !password) name.value = localStorage.getItem("name") ?? "";
  ask.showModal();
  (name && !name.value ? name : password ?? ask.querySelector("textarea[required]") ?? ask.querySelector("button"))?.focus();
}

async function sent(form) {
  const data = new URLSearchParams(new FormData(form)), reason = form.querySelector(".said");
  if (data.get("by") && !data.get("password")) localStorage.setItem("name", data.get("by"));
  form.querySelector("button").disabled = true;
  try {
    const reply = await fetch("/act", { method: "POST", body: data, headers: { Accept: "application/json" } });
    const { taken, words } = await reply.json();
    reason.textContent = words;
    if (taken) { ask.close(); tell(words); }
  } catch {
    reason.textContent = body.dataset.noWord;
  }
  form.querySelector("button").disabled = false;
}

let telling = 0;
function tell(words) {
  answer.textContent = words;
  clearTimeout(telling);
  telling = setTimeout(() => { answer.textContent = ""; }, 6000);
}

document.addEventListener("click", (event) => {
  const act = event.target.closest("a.act");
  if (!act || event.ctrlKey || event.metaKey) return;
  if (act.dataset.kind) { event.preventDefault(); opened(act.href).catch(() => tell(body.dataset.noWord)); }
  else if (act.closest("dialog")) { event.preventDefault(); ask.close(); }
});
// What is a button answers to the space bar like one.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches("a.act")) return;
  event.preventDefault();
  event.target.click();
});
ask.addEventListener("submit", (event) => { event.preventDefault(); sent(event.target); });

const sensor = document.getElementById("sensor");
if (sensor) setInterval(async () => {
  if (held() || ask.open || document.hidden || sensor.contains(document.activeElement)) return;
  const reply = await fetch(sensor.dataset.fresh).catch(() => null);
  if (reply?.ok) sensor.innerHTML = await reply.text();
}, 5000);

if (body.dataset.stream) {
  listen();
  setInterval(listening, 1000);
}

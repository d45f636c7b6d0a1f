// Loads font and program with a progress bar, starts the viewer, and gives scripts `window.sandtable`.
// Query: ?quality=low|high  ?edit  ?server=ORIGIN

import { localRuns } from "./local_runs.js";
import { enter } from "./login.js";

const say = document.getElementById("say");
const fill = document.getElementById("fill");
const cover = document.getElementById("cover");
const started = performance.now();

function fail(text) {
  say.textContent = text;
  say.className = "bad";
  cover.classList.remove("gone");
  window.sandtable = Object.assign(window.sandtable || {}, { error: text });
}

function webgl2() {
  const probe = document.createElement("canvas").getContext("webgl2");
  if (!probe) return null;
  const info = probe.getExtension("WEBGL_debug_renderer_info");
  const name = info ? probe.getParameter(info.UNMASKED_RENDERER_WEBGL) : "";
  probe.getExtension("WEBGL_lose_context")?.loseContext();
  return name || "WebGL 2";
}

// Reads a file and reports how much of it has come; compressed answers do not state their plain length.
async function read(url, expected, report) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: HTTP ${answer.status}`);
  const stated = answer.headers.get("content-encoding") ? 0 : Number(answer.headers.get("content-length"));
  const total = stated || expected;
  const parts = [];
  let have = 0;
  for (const reader = answer.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    have += value.length;
    report(Math.min(1, have / total));
  }
  const bytes = new Uint8Array(have);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

async function font(report) {
  for (const name of ["./font.otf", "./font.ttf"]) {
    try {
      return await read(name, 3e6, report);
    } catch (error) {
      console.warn(String(error));
    }
  }
  throw new Error("没有找到中文字体文件 font.otf");
}

function hooks(program) {
  const status = () => {
    const text = program.sandtable_status();
    return text ? JSON.parse(text) : { ready: false };
  };
  const send = (command) => program.sandtable_command(JSON.stringify(command));
  const api = {
    status,
    send,
    select: (id) => send({ op: "select", id }),
    flyTo: (id) => send({ op: "flyTo", id }),
    flyToPose: (eye_enu, target_enu) => send({ op: "flyToPose", pose: { eye_enu, target_enu } }),
    search: (text, open = false) => send({ op: "search", text, open }),
    home: () => send({ op: "home" }),
    setLayer: (layer, visible) => send({ op: "setLayer", layer, visible }),
    startRun: (scenario) => send({ op: "startRun", scenario: typeof scenario === "string" ? JSON.parse(scenario) : scenario }),
    runHere: (scenario, preview = false) => send({ op: "runHere", scenario, preview }),
    cancelRun: (run) => send({ op: "cancelRun", run }),
    showRun: (run, t_s = 0, play = false) => send({ op: "showRun", run, t_s, play }),
    showNow: () => send({ op: "now" }),
    compareRuns: (first, second) => send({ op: "compareRuns", first, second }),
    createCase: (item) => send({ op: "createCase", case: item }),
    moveCase: (id, action, note = "") => send({ op: "moveCase", case: id, action, note }),
    ackAlarm: (id) => send({ op: "ackAlarm", alarm: id }),
    timing: { startedMs: started, programMs: null, readyMs: null },
  };
  // Every field of the status can be read directly: window.sandtable.ready, .seq, .lastObservation …
  const fields = ["ready", "error", "frame", "tilesLoaded", "tilesDrawn", "tilesPending", "tilesFailed", "tileBytes",
    "entities", "link", "selected", "seq", "lastObservation", "openAlarms", "cases", "runs", "time", "waterCells",
    "waterMaxDepthM", "waterFrames", "compared", "searchShown", "barriers", "layers", "camera", "nowMs", "serverNowMs", "errors"];
  for (const field of fields) {
    Object.defineProperty(api, field, { get: () => status()[field], set() {}, enumerable: true, configurable: true });
  }
  return api;
}

async function main() {
  const query = new URLSearchParams(location.search);
  const renderer = webgl2();
  if (!renderer) {
    fail("此浏览器不支持 WebGL 2，无法显示三维沙盘。\n请使用新版 Chrome、Edge 或 Firefox，并启用硬件加速。");
    return;
  }
  const soft = /swiftshader|llvmpipe|software/i.test(renderer);
  const quality = query.get("quality") || (soft ? "low" : "high");
  const share = [0, 0];
  const report = (slot) => (part) => {
    share[slot] = part;
    fill.style.width = `${(share[0] * 0.12 + share[1] * 0.8) * 100}%`;
  };
  say.textContent = "正在载入程序与字体 …";
  // The program is not secret; it comes while somebody logs in. What it shows comes after.
  const [, fontBytes, wasm, program] = await Promise.all([
    query.get("server") ? null : enter(cover),
    font(report(0)),
    read("./sandtable_bg.wasm", 4e7, report(1)),
    import("./sandtable.js"),
  ]);
  say.textContent = "正在启动 …";
  await program.default({ module_or_path: wasm });
  window.sandtable = hooks(program);
  window.sandtable.timing.programMs = performance.now();
  watch();
  const server = query.get("server") || location.origin;
  window.sandtableRuns = localRuns(server, program.sandtable_run_event);
  try {
    program.run(fontBytes, server, quality, query.has("edit"));
  } catch (error) {
    // The event loop takes over by throwing; anything else is a real error.
    if (!String(error).includes("control flow")) throw error;
  }
}

// Takes the cover away once the first frames with the pack are drawn.
function watch() {
  const timer = setInterval(() => {
    const now = window.sandtable.status();
    if (now.error) {
      clearInterval(timer);
      fail(`数据包无法读取：${now.error}`);
    } else if (now.entities > 0) {
      fill.style.width = "100%";
      if (!cover.classList.contains("gone")) showSearch();
      cover.classList.add("gone");
    }
    if (now.ready && window.sandtable.timing.readyMs === null) {
      window.sandtable.timing.readyMs = performance.now();
      clearInterval(timer);
    }
  }, 100);
}

function showSearch() {
  const find = document.getElementById("find");
  // It lies over the panel's own field, and goes with the panel.
  setInterval(() => (find.style.display = window.sandtable.status().searchShown ? "block" : "none"), 300);
  find.addEventListener("input", (event) => {
    if (!event.isComposing) window.sandtable.search(find.value);
  });
  find.addEventListener("compositionend", () => window.sandtable.search(find.value));
  find.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) window.sandtable.search(find.value, true);
    if (event.key === "Escape") document.getElementById("sandtable").focus();
  });
}

window.addEventListener("contextmenu", (event) => event.preventDefault());
main().catch((error) => fail(`载入失败：${error && error.message ? error.message : error}`));

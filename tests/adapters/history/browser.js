// A browser that draws nothing: runs the scripts of a page, the chart's own library included, and
// prints what was drawn where. Everything of the DOM that the library touches answers something.
"use strict";
const fs = require("fs");
const vm = require("vm");

const page = fs.readFileSync(process.argv[2], "utf8");
const scripts = [...page.matchAll(/<script([^>]*)>([\s\S]*?)<\/script>/g)];
const texts = {};
const drawn = {};

function context2d(canvas) {
  const known = { canvas, measureText: (text) => ({ width: String(text).length * 7,
    actualBoundingBoxAscent: 5, actualBoundingBoxDescent: 2 }) };
  return new Proxy(known, {
    get: (target, name) => name in target ? target[name] : (...given) => {
      drawn[name] = (drawn[name] || 0) + 1;
      if (name === "fillText") texts[given[0]] = true;
      return { addColorStop() {} };
    },
    set: (target, name, value) => { target[name] = value; return true; },
  });
}

class Element {
  constructor(name) {
    this.tagName = name.toUpperCase(); this.children = []; this.style = new Proxy({}, {
      get: (target, key) => key === "setProperty" ? () => {} : target[key] ?? "",
      set: (target, key, value) => { target[key] = value; return true; } });
    this.classList = { add() {}, remove() {}, toggle() {} };
    this.clientWidth = 1200; this.clientHeight = 700; this.offsetWidth = 1200;
    this.offsetHeight = 700; this.width = 1200; this.height = 700; this.textContent = "";
    this.ownerDocument = document_; this.attributes = {}; this.dataset = {};
  }
  appendChild(child) { this.children.push(child); child.parentElement = this; return child; }
  insertBefore(child) { return this.appendChild(child); }
  removeChild(child) { this.children = this.children.filter((one) => one !== child); }
  remove() {}
  append(...all) { all.forEach((one) => this.appendChild(one)); }
  replaceChildren(...all) { this.children = []; this.append(...all); }
  setAttribute(name, value) { this.attributes[name] = value; }
  removeAttribute() {}
  toggleAttribute() {}
  addEventListener() {}
  removeEventListener() {}
  contains() { return true; }
  getBoundingClientRect() { return { width: 1200, height: 700, left: 0, top: 0, right: 1200,
    bottom: 700, x: 0, y: 0 }; }
  getClientRects() { return [this.getBoundingClientRect()]; }
  getContext() { this.context = this.context || context2d(this); return this.context; }
  querySelector() { return null; }
  get firstChild() { return this.children[0] || null; }
  get nextSibling() { return null; }
  get parentNode() { return this.parentElement; }
}

const byId = {};
const document_ = {
  createElement: (name) => new Element(name), createElementNS: (_, name) => new Element(name),
  createTextNode: () => new Element("text"), addEventListener() {}, removeEventListener() {},
  getElementById: (id) => byId[id], hasFocus: () => false, fonts: undefined,
};
document_.documentElement = new Element("html");
document_.body = new Element("body");
document_.head = new Element("head");
for (const id of ["legend", "told", "chart", "data"]) byId[id] = new Element("div");
byId.data.textContent = scripts.find(([, kind]) => kind.includes("application/json"))[2];

const frames = [];
class Observer {
  constructor(told) { this.told = told; }
  observe(target) {
    const size = [{ inlineSize: 1200, blockSize: 700 }];
    frames.push(() => this.told([{ target, contentRect: { width: 1200, height: 700 },
      contentBoxSize: size, borderBoxSize: size, devicePixelContentBoxSize: size }], this));
  }
  unobserve() {} disconnect() {}
}
const window_ = {
  document: document_, navigator: { userAgent: "none", language: "en", platform: "none" },
  devicePixelRatio: 1, ResizeObserver: Observer, MutationObserver: Observer, location: { href: "file:///x",
    hostname: "" }, addEventListener() {}, removeEventListener() {}, performance,
  requestAnimationFrame: (call) => frames.push(call), cancelAnimationFrame() {}, setTimeout,
  clearTimeout, console, getComputedStyle: () => ({ color: "rgb(10, 20, 30)",
    getPropertyValue: (name) =>
    ({ "--ink": "#111111", "--faint": "#eeeeee", "--ground": "#ffffff" })[name] || "" }),
  matchMedia: () => ({ matches: false, addListener() {}, removeListener() {},
    addEventListener() {}, removeEventListener() {} }), HTMLElement: Element, Element,
  CanvasRenderingContext2D: class {}, URL, URLSearchParams,
};
document_.defaultView = window_;
window_.window = window_.self = window_.globalThis = window_;
const realm = vm.createContext(window_);
for (const [, kind, body] of scripts) {
  if (!kind.includes("application/json")) vm.runInContext(body, realm);
}
for (let turn = 0; turn < 50 && frames.length; turn += 1) frames.shift()(turn * 16);
const panes = vm.runInContext(
  "chart.panes().map((pane) => pane.getSeries().map((one) => [one.seriesType(), "
  + "one.data().length]))", realm);
console.log(JSON.stringify({ panes, drawn, texts: Object.keys(texts),
  legend: byId.legend.children.map((one) => one.textContent).join("  "), told: byId.told.textContent,
  marks: vm.runInContext("markers.map((one) => [one.time, one.text || one.shape])", realm) }));

import { expect, test } from "vitest";
import { commandOf } from "./keys";

function press(key: string, target: Element, ctrlKey = false) {
  return commandOf({ key, target, ctrlKey, altKey: false, metaKey: false });
}

const make = (html: string) => {
  const holder = document.createElement("div");
  holder.innerHTML = html;
  return holder.firstElementChild ?? holder;
};

test("letters command the player wherever the focus is, upper case too", () => {
  expect(press("m", make("<div></div>"))).toBe("mute");
  expect(press("F", make("<button></button>"))).toBe("fullscreen");
});

test("a button takes the space bar as a press", () => {
  expect(press(" ", make("<div></div>"))).toBe("toggle");
  expect(press(" ", make("<button></button>"))).toBeUndefined();
});

test("arrows seek on the time bar and change the volume on the volume bar", () => {
  expect(press("ArrowLeft", make('<input type="range" data-seeks>'))).toBe("back");
  expect(press("ArrowLeft", make('<input type="range">'))).toBeUndefined();
});

test("the browser's own shortcuts stay the browser's", () => {
  expect(press("f", make("<div></div>"), true)).toBeUndefined();
  expect(press("m", make("<select></select>"))).toBeUndefined();
});

import { act, Suspense, use } from "react";
import { createRoot } from "react-dom/client";
import { expect, it } from "vitest";
import { useHashValue } from "./hooks";

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });

it("a value of the address outlives a rendering that was begun and dropped, and then leaves the address", async () => {
  history.replaceState(null, "", "/sign-in?lang=en#token=abc");
  let load: () => void = () => undefined;
  const loaded = new Promise<void>((resolve) => (load = resolve));
  function Screen() {
    const token = useHashValue("token");
    use(loaded);
    return <p>{token}</p>;
  }
  const root = createRoot(document.body.appendChild(document.createElement("main")));
  await act(async () => root.render(<Suspense><Screen /></Suspense>));
  expect(window.location.hash).toBe("#token=abc");
  await act(async () => load());
  expect(document.querySelector("p")?.textContent).toBe("abc");
  expect(window.location.href).toMatch(/\/sign-in\?lang=en$/);
  act(() => root.unmount());
});

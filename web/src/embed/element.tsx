/** The custom elements: attributes in, a screen of the app in a shadow root. */
import { createRoot, type Root } from "react-dom/client";
import { generatePath } from "react-router";
import { type Kind, EmbeddedScreen } from "./embedded-screen";
import { addFont, sheets } from "./styles";

const DARK = "(prefers-color-scheme: dark)";

/** Defines `name` once, also when a page loads its script twice. */
export function define(name: string, kind: Kind): void {
  if (customElements.get(name)) return;
  addFont();
  customElements.define(
    name,
    class extends DaisElement {
      static readonly observedAttributes = ["event", "token", "theme", ...(kind.place ? [kind.place] : [])];
      protected readonly shows = kind;
    },
  );
}

abstract class DaisElement extends HTMLElement {
  /** What this kind of element shows. */
  protected abstract readonly shows: Kind;
  readonly #box = document.createElement("div");
  readonly #scheme = matchMedia(DARK);
  #root: Root | undefined;

  constructor() {
    super();
    const shadow = this.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [...sheets];
    this.#box.className = "embedded";
    shadow.append(this.#box);
  }

  connectedCallback(): void {
    const mount = document.createElement("div");
    mount.className = "embedded-screen";
    this.#box.replaceChildren(mount);
    this.#root = createRoot(mount);
    this.#scheme.addEventListener("change", this.#paint);
    this.#render();
  }

  disconnectedCallback(): void {
    this.#scheme.removeEventListener("change", this.#paint);
    this.#root?.unmount();
    this.#root = undefined;
  }

  attributeChangedCallback(): void {
    this.#render();
  }

  readonly #paint = (): void => {
    const theme = this.getAttribute("theme");
    this.#box.dataset["theme"] = theme === "dark" || (theme !== "light" && this.#scheme.matches) ? "dark" : "light";
  };

  readonly #open = (url: string): void => {
    // The page may show another element instead.
    if (this.#say("dais-open", { url })) window.location.assign(url);
  };

  readonly #refused = (): void => void this.#say("dais-refused", {});

  /** False if the page has taken care of it. */
  #say(name: string, detail: object): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable: true }));
  }

  #render(): void {
    this.#paint();
    const event = this.getAttribute("event");
    const { place, pattern } = this.shows;
    const id = place ? this.getAttribute(place) : "";
    if (!this.#root || !event || id === null) return;
    const path = generatePath(pattern, place ? { eventId: event, [`${place}Id`]: id } : { eventId: event });
    this.#root.render(
      <EmbeddedScreen
        key={`${path} ${this.getAttribute("token") ?? ""}`}
        kind={this.shows}
        event={event}
        token={this.getAttribute("token") || undefined}
        path={path}
        portal={this.#box}
        onOpen={this.#open}
        onRefused={this.#refused}
      />,
    );
  }
}

/** Which theme is on: the system's, or the one chosen on this device. */
import { useCallback, useEffect, useState } from "react";

export type ThemeChoice = "system" | "light" | "dark";

const KEY = "dais.theme";
const DARK = "(prefers-color-scheme: dark)";

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

function paint(choice: ThemeChoice): void {
  const dark = choice === "dark" || (choice === "system" && matchMedia(DARK).matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
}

/** The choice and how to change it; follows the system while it is `system`. */
export function useTheme(): [ThemeChoice, (choice: ThemeChoice) => void] {
  const [choice, setChoice] = useState(stored);
  useEffect(() => {
    paint(choice);
    const list = matchMedia(DARK);
    const follow = () => paint(choice);
    list.addEventListener("change", follow);
    return () => list.removeEventListener("change", follow);
  }, [choice]);
  const choose = useCallback((next: ThemeChoice) => {
    setChoice(next);
    try {
      if (next === "system") localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, next);
    } catch {
      // Storage is blocked: the choice lasts until the page is left.
    }
  }, []);
  return [choice, choose];
}

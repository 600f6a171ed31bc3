/** Holding the space bar opens a muted microphone. */
import { useEmbedding } from "@/lib/embedding";
import { useEffect, useEffectEvent, useRef } from "react";

/** Keys belong to what has the focus: a button takes the space bar as a press. */
function takesKeys(event: KeyboardEvent): boolean {
  // Outside of a shadow root the event's target is only its host.
  const [target] = event.composedPath();
  return target instanceof HTMLElement && target.closest("button, input, select, textarea, a, [role=menuitem], [role=dialog]") !== null;
}

export function usePushToTalk(enabled: boolean, setEnabled: (enabled: boolean) => void): void {
  const held = useRef(false);
  const embedding = useEmbedding();
  const onKey = useEffectEvent((event: KeyboardEvent) => {
    if (event.code !== "Space" || event.repeat || takesKeys(event)) return;
    // In another site's page the space bar is ours only inside our part.
    if (embedding && !event.composedPath().includes(embedding.portal)) return;
    if (event.type === "keydown" && !enabled) {
      held.current = true;
      setEnabled(true);
    }
    if (event.type === "keyup" && held.current) {
      held.current = false;
      setEnabled(false);
    }
    event.preventDefault();
  });
  useEffect(() => {
    const listen = (event: KeyboardEvent) => onKey(event);
    window.addEventListener("keydown", listen);
    window.addEventListener("keyup", listen);
    return () => {
      window.removeEventListener("keydown", listen);
      window.removeEventListener("keyup", listen);
    };
  }, []);
}

/** The main content of a screen. A page has one `main`; in another site's page that is not ours. */
import type { HTMLAttributes, Ref } from "react";
import { useEmbedding } from "@/lib/embedding";

export function MainContent({ ref, ...rest }: HTMLAttributes<HTMLElement> & { ref?: Ref<HTMLElement> }) {
  if (useEmbedding()) return <div {...rest} ref={ref as Ref<HTMLDivElement>} />;
  return <main id="content" {...rest} ref={ref} />;
}

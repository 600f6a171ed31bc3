/** Whether this stands in another site's page. The app itself never provides the context. */
import { createContext, use } from "react";

export interface Embedding {
  /** Where dialogs go: inside the shadow root, where the styles are. */
  portal: HTMLElement;
}

export const EmbeddingContext = createContext<Embedding | undefined>(undefined);

export function useEmbedding(): Embedding | undefined {
  return use(EmbeddingContext);
}

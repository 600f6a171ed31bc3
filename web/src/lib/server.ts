/** Where Dais is: beside the page, or, in another site's page, where its script came from. */
export const SERVER = import.meta.env.DAIS_EMBEDDED ? new URL(import.meta.url).origin : "";

/** Finds a text by its key and fills it in. Pure: no language is chosen here. */

/** A tree of texts. `name_one` and `name_other` are forms of `name`, chosen by `count` (CLDR plural categories). */
export interface Tree {
  readonly [name: string]: string | Tree;
}

export type Values = Readonly<Record<string, string | number>>;

type Form<Name extends string> = Name extends `${infer Base}_one` | `${infer Base}_other` ? Base : Name;

/** Every key that a tree answers, such as `room.dock.leave`. */
export type KeyOf<T> = { [Name in keyof T & string]: T[Name] extends string ? Form<Name> : `${Name}.${KeyOf<T[Name]>}` }[keyof T & string];

function find(tree: Tree, key: string): string | undefined {
  let node: string | Tree | undefined = tree;
  for (const name of key.split(".")) node = typeof node === "object" ? node[name] : undefined;
  return typeof node === "string" ? node : undefined;
}

/** The text in words; `undefined` when the tree has none. Values stand in double braces: `{{name}}`. */
export function translate(tree: Tree, plural: Intl.PluralRules, key: string, values: Values = {}): string | undefined {
  const { count } = values;
  const form = typeof count === "number" ? find(tree, `${key}_${plural.select(count)}`) : undefined;
  return (form ?? find(tree, key))?.replace(/\{\{(\w+)\}\}/g, (_, name: string) => String(values[name] ?? ""));
}

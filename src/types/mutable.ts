/** `T` with every field and array writable, all the way down: for building a new object. Never cast a shared one to it. */
export type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends (...args: never[]) => unknown
    ? T
    : T extends object
      ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
      : T;

/** One thing that kubelet 1.36 does and that this program once lacked or did in another way. */
export interface Part {
  readonly what: string;
  readonly state: /** It is built: this test, of that title or a piece of it, fails without it. */
    | { readonly built: { readonly file: string; readonly title: string } }
    /** It is different on purpose: the row of docs/differences.md that begins with this, or has it in it. */
    | { readonly differs: string }
    /** It is missing: which area of the program it belongs to, and what is missing. */
    | { readonly open: string; readonly why: string };
}

export const built = (what: string, file: string, title: string): Part => ({ what, state: { built: { file, title } } });
export const differs = (what: string, row: string): Part => ({ what, state: { differs: row } });
export const open = (what: string, area: string, why: string): Part => ({ what, state: { open: area, why } });

/**
 * C structs as data: every field with its explicit offset.
 *
 * The numbers come from real headers, compiled, not from counting by eye. What
 * can be checked without a compiler is checked when a table is loaded: fields
 * that overlap, that reach past the end, or that are misaligned. Every system
 * this library runs on is little-endian; fields in network order say so in the
 * codec that writes them.
 *
 * @module
 */

/** How many bytes a field of each kind takes. `bytes` fields say it themselves. */
const WIDTH = {
  u8: 1,
  i16: 2,
  u16: 2,
  i32: 4,
  u32: 4,
  u64: 8,
  i64: 8,
  usize: 8,
  pointer: 8,
};

/** The kind of a field; a number stands for that many raw bytes. */
export type Kind = keyof typeof WIDTH | number;

/** Fields as written in a table: the C name, then offset and kind. */
export type FieldTable = Readonly<
  Record<string, readonly [offset: number, kind: Kind]>
>;

/** A struct's size and the offset of each of its fields. */
export interface Struct<F extends FieldTable = FieldTable> {
  /** The C name, without `struct`. */
  readonly name: string;
  /** `sizeof`, in bytes. */
  readonly size: number;
  /** The offset of each field, in bytes. */
  readonly at: { readonly [K in keyof F]: number };
  /** The fields as they were written. */
  readonly fields: F;
}

/** Options of {@linkcode struct}. */
export interface StructOptions {
  /** `__attribute__((packed))`: fields need not be aligned (x86-64's `epoll_event`). */
  packed?: boolean;
}

/**
 * Declares a struct.
 *
 * @param name The C name.
 * @param size `sizeof`, in bytes.
 * @param fields Each field's offset and kind.
 * @throws {RangeError} If fields overlap, are misaligned or reach past the end.
 */
export function struct<const F extends FieldTable>(
  name: string,
  size: number,
  fields: F,
  options: StructOptions = {},
): Struct<F> {
  const at: Record<string, number> = {};
  const taken: { field: string; start: number; end: number }[] = [];
  for (const [field, [offset, kind]] of Object.entries(fields)) {
    const width = widthOf(kind);
    const end = offset + width;
    const fail = (what: string) => {
      throw new RangeError(
        `struct ${name}: field ${field} at ${offset} ${what}`,
      );
    };
    if (!Number.isInteger(offset) || offset < 0) fail("has no valid offset");
    if (end > size) fail(`ends at ${end}, past the struct's ${size} bytes`);
    if (typeof kind === "string" && !options.packed && offset % width !== 0) {
      fail(`is misaligned for ${kind}`);
    }
    const other = taken.find((t) => offset < t.end && t.start < end);
    if (other) fail(`overlaps ${other.field}`);
    taken.push({ field, start: offset, end });
    at[field] = offset;
  }
  return { name, size, at: at as Struct<F>["at"], fields };
}

/** The width of a field's kind in bytes. */
export function widthOf(kind: Kind): number {
  return typeof kind === "number" ? kind : WIDTH[kind];
}

/**
 * What other projects know of systems whose headers are not at hand: Go's golang.org/x/sys,
 * which cgo made on the systems themselves, and Rust's libc crate, whose tests compile against them.
 *
 * Debian has the sources of both (golang-golang-x-sys-dev, librust-libc-dev). They are read as text.
 */
import fs from "node:fs";
import process from "node:process";

/** A struct: its size, and its fields' offsets and widths. */
export interface StructFacts {
  readonly size: number;
  readonly fields: ReadonlyMap<string, readonly [offset: number, width: number]>;
}

/** What one source says of one system on one processor. */
export interface Facts {
  /** For people. */
  readonly source: string;
  /** By C name. */
  readonly constants: ReadonlyMap<string, number>;
  /** By C name, without `struct`. */
  readonly structs: ReadonlyMap<string, StructFacts>;
  /** `CMSG_ALIGN`'s unit. */
  readonly controlAlignment: number | null;
  /** C functions, and what the linker knows them by. */
  readonly functions: ReadonlyMap<string, string>;
}

/** A type's size and alignment. */
export interface Type {
  size: number;
  alignment: number;
}

/** A struct of fields in their order, as C lays them out. */
export function layOut(fields: readonly (readonly [name: string, type: Type])[], packed = false) {
  const at = new Map<string, readonly [number, number]>();
  let offset = 0;
  let alignment = 1;
  for (const [name, type] of fields) {
    const unit = packed ? 1 : type.alignment;
    offset = Math.ceil(offset / unit) * unit;
    at.set(name, [offset, type.size]);
    offset += type.size;
    alignment = Math.max(alignment, unit);
  }
  return { size: Math.ceil(offset / alignment) * alignment, alignment, fields: at };
}

/** A folder, or where a variable says it is; `null`: it is not there. */
export function folder(variable: string, usual: string): string | null {
  const chosen = process.env[variable] ?? usual;
  return fs.existsSync(chosen) ? chosen : null;
}

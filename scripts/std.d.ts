// Types for the few functions of Deno's standard library used here. The std build that can be had from npm (deno-std)
// ships JavaScript only; this file gives the import-map names their types, through compilerOptions.types in deno.json.
// Only what is declared here may be imported: add a declaration when another function is needed.

declare module "@std/assert" {
  // A class is known by its prototype, so that one whose constructor is private is accepted too.
  type ClassOf<T> = { readonly prototype: T };

  export class AssertionError extends Error {
    constructor(message: string, options?: ErrorOptions);
  }

  export function assert(expr: unknown, msg?: string): asserts expr;
  export function assertFalse(expr: unknown, msg?: string): void;
  export function assertExists<T>(
    actual: T,
    msg?: string,
  ): asserts actual is NonNullable<T>;
  export function assertEquals<T>(actual: T, expected: T, msg?: string): void;
  export function assertNotEquals<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertStrictEquals<T>(
    actual: unknown,
    expected: T,
    msg?: string,
  ): asserts actual is T;
  export function assertNotStrictEquals<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertAlmostEquals(
    actual: number,
    expected: number,
    tolerance?: number,
    msg?: string,
  ): void;
  export function assertGreater<T>(actual: T, expected: T, msg?: string): void;
  export function assertGreaterOrEqual<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertLess<T>(actual: T, expected: T, msg?: string): void;
  export function assertLessOrEqual<T>(
    actual: T,
    expected: T,
    msg?: string,
  ): void;
  export function assertStringIncludes(
    actual: string,
    expected: string,
    msg?: string,
  ): void;
  export function assertMatch(
    actual: string,
    expected: RegExp,
    msg?: string,
  ): void;
  export function assertNotMatch(
    actual: string,
    expected: RegExp,
    msg?: string,
  ): void;
  export function assertArrayIncludes<T>(
    actual: ArrayLike<T>,
    expected: ArrayLike<T>,
    msg?: string,
  ): void;
  export function assertObjectMatch(
    actual: object,
    expected: Record<PropertyKey, unknown>,
    msg?: string,
  ): void;
  export function assertInstanceOf<T>(
    actual: unknown,
    expectedType: ClassOf<T>,
    msg?: string,
  ): asserts actual is T;
  export function assertIsError<E extends Error>(
    error: unknown,
    ErrorClass?: ClassOf<E>,
    msgMatches?: string | RegExp,
    msg?: string,
  ): asserts error is E;

  /** Returns what was thrown, for further assertions on it. */
  export function assertThrows(fn: () => unknown, msg?: string): unknown;
  export function assertThrows<E extends Error>(
    fn: () => unknown,
    ErrorClass: ClassOf<E>,
    msgIncludes?: string,
    msg?: string,
  ): E;

  /** Resolves to what the promise was rejected with, for further assertions on it. */
  export function assertRejects(
    fn: () => PromiseLike<unknown>,
    msg?: string,
  ): Promise<unknown>;
  export function assertRejects<E extends Error>(
    fn: () => PromiseLike<unknown>,
    ErrorClass: ClassOf<E>,
    msgIncludes?: string,
    msg?: string,
  ): Promise<E>;

  export function equal(a: unknown, b: unknown): boolean;
  export function fail(msg?: string): never;
  export function unreachable(msg?: string): never;
}

declare module "@std/cli/parse-args" {
  type Names<N extends string> = N | readonly N[];

  export interface ParseOptions<
    B extends string,
    S extends string,
    C extends string,
    D extends Record<string, unknown>,
  > {
    /** Options that are flags: present or not. */
    boolean?: Names<B>;
    /** Options whose value stays text even when it looks like a number. Put "_" here for the operands. */
    string?: Names<S>;
    /** Options that may be given several times; the result is always an array. */
    collect?: Names<C>;
    /** Flags that `--no-NAME` switches off. */
    negatable?: Names<B>;
    alias?: Record<string, string | readonly string[]>;
    default?: D;
    /** Everything after "--" goes to the "--" entry of the result. */
    "--"?: boolean;
    /** Stop at the first operand; the rest are operands too. */
    stopEarly?: boolean;
    /** Called for options that are not declared; false drops the option from the result. */
    unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }

  type ValueOf<N extends string, C extends string, D, V> = N extends C ? V[]
    : N extends keyof D ? V | D[N]
    : V | undefined;

  export type Args<
    B extends string,
    S extends string,
    C extends string,
    D extends Record<string, unknown>,
  > =
    & { [N in Exclude<B, C>]: boolean }
    & { [N in Exclude<S, "_">]: ValueOf<N, C, D, string> }
    & { [N in Exclude<C, S | B>]: (string | number | boolean)[] }
    & { [N in Exclude<keyof D & string, B | S | C>]: D[N] }
    & { _: "_" extends S ? string[] : (string | number)[]; "--"?: string[] };

  export function parseArgs<
    const B extends string = never,
    const S extends string = never,
    const C extends string = never,
    // deno-lint-ignore ban-types -- the empty default: no key has a default value
    D extends Record<string, unknown> = {},
  >(
    args: readonly string[],
    options?: ParseOptions<B, S, C, D>,
  ): Args<B, S, C, D>;
}

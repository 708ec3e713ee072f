/** All reasons, room by room. socket/ needs none. */
import type { Reason } from "./reason.ts";
import { ffi } from "./reasons_ffi.ts";
import { others } from "./reasons_others.ts";

export const reasons: readonly Reason[] = [...ffi, ...others];
